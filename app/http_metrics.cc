#include "app/http_metrics.h"

#include "absl/strings/str_cat.h"

namespace oddverb {

void FillHttpMetrics(const HttpCounters& counters, Metrics& metrics) {
  for (size_t i = 1; i < counters.responses.size(); ++i) {
    metrics.Counter(MetricId::kHttpResponses, {absl::StrCat(i, "xx")})
        .Add(static_cast<double>(counters.responses[i].load()));
  }
  for (size_t i = 0; i < counters.refused.size(); ++i) {
    auto refusal = static_cast<HttpRefusal>(i);
    metrics.Counter(MetricId::kHttpRefused, {HttpRefusalName(refusal)})
        .Add(static_cast<double>(counters.Of(refusal)));
  }
  metrics.Counter(MetricId::kInternalErrors, {"http"})
      .Add(static_cast<double>(counters.internal_errors.load()));
}

}  // namespace oddverb
