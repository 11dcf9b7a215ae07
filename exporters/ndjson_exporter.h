// Findings as JSON text, one object a line (https://jsonlines.org), in any of
// the formats of finding_format.h, in the order in which they come; each state
// of a finding is a line of its own.
#ifndef ODDVERB_EXPORTERS_NDJSON_EXPORTER_H_
#define ODDVERB_EXPORTERS_NDJSON_EXPORTER_H_

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "exporters/exporter.h"
#include "exporters/exporters.h"
#include "exporters/finding_format.h"

namespace oddverb {

class NdjsonExporter final : public Exporter {
 public:
  explicit NdjsonExporter(std::unique_ptr<OutputFile> output,
                          FindingFormat format = FindingFormat::kNative);

  // The deadline does not apply: a slow reader is backpressure (OutputFile).
  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;
  absl::Status Finish() override;

 private:
  std::unique_ptr<OutputFile> output_;
  const FindingFormat format_;
  std::string lines_;  // kept for its capacity
};

template <FindingFormat format>
absl::StatusOr<std::unique_ptr<Exporter>> MakeNdjsonExporter(
    ExporterSetup setup) {
  return std::make_unique<NdjsonExporter>(std::move(setup.output), format);
}

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_NDJSON_EXPORTER_H_
