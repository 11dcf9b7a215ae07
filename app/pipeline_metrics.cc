#include "app/pipeline_metrics.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "detectors/detectors.h"
#include "detectors/forbidden_allow.h"

namespace oddverb {
namespace {

static_assert(PipelineCounters::kMaxAllowEntries ==
              AllowedRefusal::kMaxEntries);

double Of(const std::atomic<uint64_t>& counter) {
  return static_cast<double>(counter.load());
}

void FillFindings(const FindingCounts& findings, Metrics& metrics) {
  for (const DetectorEntry& entry : AllDetectors()) {
    for (int i = 0; i <= static_cast<int>(Severity::kCritical); ++i) {
      auto severity = static_cast<Severity>(i);
      auto found = findings.find({std::string(entry.name), severity});
      metrics.Counter(MetricId::kFindings, {entry.name, SeverityName(severity)})
          .Add(found == findings.end() ? 0
                                       : static_cast<double>(found->second));
    }
  }
}

void FillState(const PipelineCounters& counters, Metrics& metrics) {
  metrics.Counter(MetricId::kDuplicates)
      .Add(Of(counters.duplicates) + Of(counters.repeated));
  metrics.Gauge(MetricId::kHeldBytes).Set(Of(counters.held_bytes));
  metrics.Gauge(MetricId::kHeldEvents).Set(Of(counters.held_events));
  metrics.Counter(MetricId::kEntityEvictions).Add(Of(counters.evictions));
  metrics.Gauge(MetricId::kEntityTombstones).Set(Of(counters.tombstones));
  constexpr std::string_view kKinds[] = {"actor", "credential", "pod",
                                         "address"};
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    metrics.Gauge(MetricId::kEntities, {kKinds[i]})
        .Set(Of(counters.entities[i]));
    metrics.Gauge(MetricId::kEntitiesResting, {kKinds[i]})
        .Set(Of(counters.resting[i]));
    metrics.Gauge(MetricId::kEntityPackedBytes, {kKinds[i]})
        .Set(Of(counters.packed_bytes[i]));
  }
}

void FillCounts(const PipelineCounters& counters, Metrics& metrics) {
  metrics.Counter(MetricId::kDecodingsCutShort)
      .Add(Of(counters.decodings_cut_short));
  for (uint32_t i = 0; i < counters.allow_entries; ++i) {
    metrics.Counter(MetricId::kAllowedRefusals, {absl::StrCat(i + 1)})
        .Add(Of(counters.allowed_refusals[i]));
  }
}

void FillClusterMap(const ClusterMapCounters& map, Metrics& metrics) {
  metrics.Gauge(MetricId::kClusterMapNodes).Set(Of(map.nodes));
  metrics.Gauge(MetricId::kClusterMapReady).Set(Of(map.ready));
  const std::pair<std::string_view, const std::atomic<uint64_t>*> addresses[] =
      {{"node", &map.node_addresses},
       {"pod", &map.pod_addresses},
       {"gateway", &map.gateway_addresses}};
  for (const auto& [place, count] : addresses) {
    metrics.Gauge(MetricId::kClusterMapAddresses, {place}).Set(Of(*count));
  }
  const std::pair<std::string_view, const std::atomic<uint64_t>*> pods[] = {
      {"node", &map.node_pods},
      {"pod", &map.direct_pods},
      {"gateway", &map.gateway_pods}};
  for (const auto& [place, count] : pods) {
    metrics.Gauge(MetricId::kClusterMapPods, {place}).Set(Of(*count));
  }
}

void FillWork(const PipelineCounters& counters, Metrics& metrics) {
  for (const auto& [detector, nanoseconds] : counters.detector_times) {
    metrics.Counter(MetricId::kDetectorSeconds, {detector})
        .Add(Of(nanoseconds) / 1e9);
  }
  metrics.Gauge(MetricId::kQueueDepth, {"decode"})
      .Set(Of(counters.batches_waiting));
  // The batch that ends a run is concluded and was never read.
  metrics.Gauge(MetricId::kQueueDepth, {"judge"})
      .Set(std::max(
          0.0, Of(counters.batches_read) - Of(counters.batches_concluded)));
}

}  // namespace

void FillInputMetrics(const InputCounters& counters, std::string_view source,
                      Metrics& metrics) {
  metrics.Counter(MetricId::kBytes, {source}).Add(Of(counters.bytes));
  for (size_t stage = 0; stage < InputCounters::kStages; ++stage) {
    for (size_t level = 0; level < InputCounters::kLevels; ++level) {
      const std::atomic<uint64_t>& count = counters.events_by[stage][level];
      if (count == 0) continue;
      metrics
          .Counter(MetricId::kEvents,
                   {source, StageName(static_cast<Stage>(stage)),
                    LevelName(static_cast<Level>(level))})
          .Add(Of(count));
    }
  }
  for (size_t i = 0; i < static_cast<size_t>(RejectReason::kCount); ++i) {
    auto reason = static_cast<RejectReason>(i);
    MetricId id =
        IsOfRecord(reason) ? MetricId::kParseErrors : MetricId::kEventsDropped;
    metrics.Counter(id, {source, RejectReasonName(reason)})
        .Add(Of(counters.rejected[i]));
  }
  metrics.Counter(MetricId::kSalvagedRecords, {source})
      .Add(Of(counters.salvaged));
  metrics.Counter(MetricId::kRepairedRecords, {source})
      .Add(Of(counters.repaired));
  metrics.Counter(MetricId::kEventlessRecords, {source})
      .Add(Of(counters.eventless));
  metrics.Counter(MetricId::kLateEvents, {source}).Add(Of(counters.late));
}

void FillPipelineMetrics(const PipelineCounters& counters,
                         const FindingCounts& findings, Metrics& metrics) {
  FillFindings(findings, metrics);
  FillState(counters, metrics);
  FillCounts(counters, metrics);
  FillClusterMap(counters.cluster_map, metrics);
  FillWork(counters, metrics);
}

void FillSuppressedMetrics(const DeliveryCounts& findings, Metrics& metrics) {
  for (const DetectorEntry& entry : AllDetectors()) {
    for (const char* reason : {"rate_limited", "suppressed"}) {
      auto found = findings.suppressed.find({std::string(entry.name), reason});
      metrics.Counter(MetricId::kFindingsSuppressed, {entry.name, reason})
          .Add(found == findings.suppressed.end()
                   ? 0
                   : static_cast<double>(found->second));
    }
  }
}

void FillExportMetrics(const std::vector<SinkStats>& sinks, Metrics& metrics) {
  for (const SinkStats& sink : sinks) {
    const std::pair<std::string_view, uint64_t> outcomes[] = {
        {"success", sink.succeeded},
        {"retry", sink.failed},
        {"refused", sink.refused}};
    for (const auto& [outcome, count] : outcomes) {
      metrics.Counter(MetricId::kExportRequests, {sink.name, outcome})
          .Add(static_cast<double>(count));
    }
    metrics.Gauge(MetricId::kExportQueueDepth, {sink.name})
        .Set(static_cast<double>(sink.behind));
    // 0: none yet.
    bool has_succeeded = sink.last_success != absl::InfinitePast();
    metrics.Gauge(MetricId::kExportLastSuccess, {sink.name})
        .Set(has_succeeded
                 ? absl::ToDoubleSeconds(sink.last_success - absl::UnixEpoch())
                 : 0);
  }
}

void FillLastEventTimes(const std::map<std::string, absl::Time>& times,
                        Metrics& metrics) {
  for (const auto& [source, time] : times) {
    metrics.Gauge(MetricId::kSourceLastEventTimestamp, {source})
        .Set(absl::FDivDuration(time - absl::UnixEpoch(), absl::Seconds(1)));
  }
}

}  // namespace oddverb
