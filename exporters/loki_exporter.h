// Findings to Grafana Loki's push API, in JSON: each is a log line, its native
// form, at the time of its decision.
//
// Stream labels are few and of closed sets (job, detector, severity, cluster,
// and what the options add), so that streams stay few. What has many values
// (finding id, rule, entity, user, namespace, address) is structured metadata:
// Loki 3, or 2.9 with allow_structured_metadata.
//
// One thread. Loki drops lines that are older than its
// reject_old_samples_max_age (a week by default) and says 400, but stores the
// others of the request.
#ifndef ODDVERB_EXPORTERS_LOKI_EXPORTER_H_
#define ODDVERB_EXPORTERS_LOKI_EXPORTER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "exporters/exporter.h"
#include "exporters/http_post.h"

namespace oddverb {

struct LokiOptions {
  HttpPostOptions http;     // the whole URL: http://loki:3100/loki/api/v1/push
  std::string tenant = {};  // the header X-Scope-OrgID; empty: none
  // More stream labels, the same for all findings.
  std::vector<std::pair<std::string, std::string>> labels = {};
};

class LokiExporter final : public Exporter {
 public:
  // InvalidArgument: a label's name. FailedPrecondition: a TLS file.
  static absl::StatusOr<std::unique_ptr<Exporter>> Make(
      const LokiOptions& options);

  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;

 private:
  LokiExporter(LokiOptions options, std::unique_ptr<HttpPost> post)
      : options_(std::move(options)), post_(std::move(post)) {}

  const LokiOptions options_;
  std::unique_ptr<HttpPost> post_;
};

// The body: streams sorted by their labels, lines by time.
std::string LokiPushJson(
    std::span<const Finding> findings,
    const std::vector<std::pair<std::string, std::string>>& labels);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_LOKI_EXPORTER_H_
