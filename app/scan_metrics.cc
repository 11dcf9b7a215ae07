#include "app/scan_metrics.h"

#include "absl/strings/str_cat.h"
#include "app/build_version.h"
#include "app/pipeline_metrics.h"
#include "app/rule_metrics.h"
#include "base/status_macros.h"
#include "telemetry/metrics.h"

namespace oddverb {
namespace {

void FillWorkers(const Pipeline& pipeline, Metrics& metrics) {
  const std::vector<WorkerShare>& shares = pipeline.worker_shares();
  for (size_t i = 0; i < shares.size(); ++i) {
    std::string worker = absl::StrCat(i);
    metrics.Counter(MetricId::kWorkerEvents, {worker})
        .Add(static_cast<double>(shares[i].events_judged));
    metrics.Counter(MetricId::kWorkerDetectSeconds, {worker})
        .Add(absl::ToDoubleSeconds(shares[i].detect_cpu));
  }
}

}  // namespace

absl::Status WriteScanMetrics(const Pipeline& pipeline,
                              const Delivery& delivery, const RulesUsed& rules,
                              OutputFile& file) {
  const BuildVersion& build = GetBuildVersion();
  Metrics metrics({std::string(build.version), std::string(build.revision),
                   /*rules_version=*/""});
  FillInputMetrics(pipeline.counters(), "scan", metrics);
  FillPipelineMetrics(pipeline.counters(), delivery.by_detector(), metrics);
  FillLastEventTimes(pipeline.last_event_times(), metrics);
  FillSuppressedMetrics(delivery.counts_so_far(), metrics);
  FillWorkers(pipeline, metrics);
  FillRuleMetrics(rules.files, rules.live, metrics);
  ODDVERB_RETURN_IF_ERROR(file.Write(metrics.Serialize()));
  return file.Close();
}

}  // namespace oddverb
