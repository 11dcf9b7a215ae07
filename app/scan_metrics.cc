#include "app/scan_metrics.h"

#include "absl/strings/str_cat.h"
#include "app/build_version.h"
#include "base/status_macros.h"
#include "detectors/detectors.h"
#include "telemetry/metrics.h"

namespace oddverb {
namespace {

constexpr std::string_view kSource = "scan";

double Of(const std::atomic<uint64_t>& counter) {
  return static_cast<double>(counter.load());
}

void FillInput(const PipelineCounters& counters, Metrics& metrics) {
  metrics.Counter(MetricId::kBytes, {kSource}).Add(Of(counters.bytes));
  for (size_t stage = 0; stage < PipelineCounters::kStages; ++stage) {
    for (size_t level = 0; level < PipelineCounters::kLevels; ++level) {
      const std::atomic<uint64_t>& count = counters.events_by[stage][level];
      if (count == 0) continue;
      metrics
          .Counter(MetricId::kEvents,
                   {kSource, StageName(static_cast<Stage>(stage)),
                    LevelName(static_cast<Level>(level))})
          .Add(Of(count));
    }
  }
  for (size_t i = 0; i < static_cast<size_t>(RejectReason::kCount); ++i) {
    metrics
        .Counter(MetricId::kParseErrors,
                 {kSource, RejectReasonName(static_cast<RejectReason>(i))})
        .Add(Of(counters.rejected[i]));
  }
  metrics.Counter(MetricId::kSalvagedRecords, {kSource})
      .Add(Of(counters.salvaged));
  metrics.Counter(MetricId::kRepairedRecords, {kSource})
      .Add(Of(counters.repaired));
  metrics.Counter(MetricId::kLateEvents, {kSource}).Add(Of(counters.late));
}

void FillFindings(const Delivery& delivery, Metrics& metrics) {
  for (const DetectorEntry& entry : AllDetectors()) {
    for (int i = 0; i <= static_cast<int>(Severity::kCritical); ++i) {
      auto severity = static_cast<Severity>(i);
      auto found =
          delivery.by_detector().find({std::string(entry.name), severity});
      metrics.Counter(MetricId::kFindings, {entry.name, SeverityName(severity)})
          .Add(found == delivery.by_detector().end()
                   ? 0
                   : static_cast<double>(found->second));
    }
  }
}

void FillState(const Pipeline& pipeline, Metrics& metrics) {
  const PipelineCounters& counters = pipeline.counters();
  metrics.Counter(MetricId::kDetectorEvictions).Add(Of(counters.evictions));
  constexpr std::string_view kKinds[] = {"actor", "credential", "pod",
                                         "address"};
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    metrics.Gauge(MetricId::kEntities, {kKinds[i]})
        .Set(Of(counters.entities[i]));
  }
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
                              const Delivery& delivery, OutputFile& file) {
  const BuildVersion& build = GetBuildVersion();
  Metrics metrics({std::string(build.version), std::string(build.revision),
                   /*rules_version=*/""});
  FillInput(pipeline.counters(), metrics);
  FillFindings(delivery, metrics);
  FillState(pipeline, metrics);
  ODDVERB_RETURN_IF_ERROR(file.Write(metrics.Serialize()));
  return file.Close();
}

}  // namespace oddverb
