// Findings as JSON text, one object a line (https://jsonlines.org), in the
// order in which they come; each state of a finding is a line of its own.
#ifndef ODDVERB_EXPORTERS_NDJSON_EXPORTER_H_
#define ODDVERB_EXPORTERS_NDJSON_EXPORTER_H_

#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "exporters/exporter.h"
#include "exporters/exporters.h"

namespace oddverb {

class NdjsonExporter final : public Exporter {
 public:
  explicit NdjsonExporter(std::unique_ptr<OutputFile> output);

  // The deadline does not apply: a slow reader is backpressure (OutputFile).
  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;
  absl::Status Finish() override;

 private:
  std::unique_ptr<OutputFile> output_;
  std::string lines_;  // kept for its capacity
};

absl::StatusOr<std::unique_ptr<Exporter>> MakeNdjsonExporter(
    ExporterSetup setup);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_NDJSON_EXPORTER_H_
