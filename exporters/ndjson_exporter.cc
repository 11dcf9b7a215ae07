#include "exporters/ndjson_exporter.h"

namespace oddverb {

NdjsonExporter::NdjsonExporter(std::unique_ptr<OutputFile> output,
                               FindingFormat format)
    : output_(std::move(output)), format_(format) {}

absl::Status NdjsonExporter::Export(std::span<const Finding> findings,
                                    absl::Time /*deadline*/) {
  // One write for all, so that a failed call can be taken back as a whole.
  lines_.clear();
  for (const Finding& finding : findings) {
    FormatFinding(format_, finding, lines_);
    lines_ += '\n';
  }
  return output_->Write(lines_);
}

absl::Status NdjsonExporter::Finish() { return output_->Close(); }

}  // namespace oddverb
