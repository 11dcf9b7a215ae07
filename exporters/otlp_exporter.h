// Findings as OpenTelemetry log records, by OTLP/HTTP in its JSON encoding
// (opentelemetry-proto 1.x), to a collector or any backend that takes OTLP.
//
// Severity: info 9 (INFO), low 13 (WARN), medium 14 (WARN2), high 17 (ERROR),
// critical 21 (FATAL). The body is the summary; attributes have the names of
// the semantic conventions where these know one, else "oddverb.".
//
// One thread.
#ifndef ODDVERB_EXPORTERS_OTLP_EXPORTER_H_
#define ODDVERB_EXPORTERS_OTLP_EXPORTER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "exporters/exporter.h"
#include "exporters/http_post.h"
#include "telemetry/logging.h"

namespace oddverb {

struct OtlpOptions {
  HttpPostOptions http;  // the whole URL: http://collector:4318/v1/logs
  // More attributes of the resource, besides service.name.
  std::vector<std::pair<std::string, std::string>> resource = {};
};

class OtlpExporter final : public Exporter {
 public:
  // FailedPrecondition: a TLS file cannot be read. `logger` must outlive this.
  static absl::StatusOr<std::unique_ptr<Exporter>> Make(
      const OtlpOptions& options, Logger& logger);

  // Where the receiver took only a part, the rest is refused for good and must
  // not be sent again (OTLP 1.x, "Partial Success"): it is logged with the
  // receiver's words. InvalidArgument if nothing was taken.
  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;

 private:
  OtlpExporter(OtlpOptions options, std::unique_ptr<HttpPost> post,
               Logger& logger)
      : options_(std::move(options)), post_(std::move(post)), logger_(logger) {}

  const OtlpOptions options_;
  std::unique_ptr<HttpPost> post_;
  Logger& logger_;
};

// The body: an ExportLogsServiceRequest, one ResourceLogs for each cluster in
// the order in which they come first.
std::string OtlpLogsJson(
    std::span<const Finding> findings,
    const std::vector<std::pair<std::string, std::string>>& resource);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_OTLP_EXPORTER_H_
