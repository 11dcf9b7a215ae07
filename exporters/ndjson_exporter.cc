#include "exporters/ndjson_exporter.h"

#include <utility>

#include "exporters/finding_json.h"

namespace oddverb {

NdjsonExporter::NdjsonExporter(std::unique_ptr<OutputFile> output)
    : output_(std::move(output)) {}

absl::Status NdjsonExporter::Export(std::span<const Finding> findings,
                                    absl::Time /*deadline*/) {
  // One write for all, so that a failed call can be taken back as a whole.
  lines_.clear();
  for (const Finding& finding : findings) {
    AppendFindingJson(finding, lines_);
    lines_ += '\n';
  }
  return output_->Write(lines_);
}

absl::Status NdjsonExporter::Finish() { return output_->Close(); }

absl::StatusOr<std::unique_ptr<Exporter>> MakeNdjsonExporter(
    ExporterSetup setup) {
  return std::make_unique<NdjsonExporter>(std::move(setup.output));
}

}  // namespace oddverb
