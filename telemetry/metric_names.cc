#include "telemetry/metric_names.h"

#include <iterator>

namespace oddverb {
namespace {

constexpr MetricType kCounter = MetricType::kCounter;
constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kHistogram = MetricType::kHistogram;

constexpr MetricName kMetrics[] = {
    {MetricId::kBatchSeconds,
     "oddverb_batch_seconds",
     kHistogram,
     "Time from reading a batch of records to having judged it.",
     {}},
    {MetricId::kBuildInfo,
     "oddverb_build_info",
     kGauge,
     "Always 1; the labels tell what is running.",
     {"version", "revision", "rules_version"}},
    {MetricId::kBytes,
     "oddverb_bytes_total",
     kCounter,
     "Bytes of audit records read, after decompression.",
     {"source"}},
    {MetricId::kConfigLastReloadSuccessful,
     "oddverb_config_last_reload_successful",
     kGauge,
     "Whether the last attempt to reload the configuration worked.",
     {}},
    {MetricId::kDetectorEntities,
     "oddverb_detector_entities",
     kGauge,
     "Users, credentials and addresses a detector holds state of.",
     {"detector"}},
    {MetricId::kDetectorEvictions,
     "oddverb_detector_evictions_total",
     kCounter,
     "Entities forgotten because the memory budget was used up.",
     {}},
    {MetricId::kDetectorSeconds,
     "oddverb_detector_seconds_total",
     kCounter,
     "Time spent in a detector.",
     {"detector"}},
    {MetricId::kDuplicates,
     "oddverb_duplicates_total",
     kCounter,
     "Events seen before and not judged again.",
     {}},
    {MetricId::kEntities,
     "oddverb_entities",
     kGauge,
     "Entities with state, by kind: actor, credential, pod, address.",
     {"kind"}},
    {MetricId::kEventsDropped,
     "oddverb_events_dropped_total",
     kCounter,
     "Events lost inside oddverb; anything but 0 is a fault.",
     {"source", "reason"}},
    {MetricId::kEvents,
     "oddverb_events_total",
     kCounter,
     "Audit events read and decoded.",
     {"source", "stage", "level"}},
    {MetricId::kExportRequests,
     "oddverb_export_requests_total",
     kCounter,
     "Attempts to hand findings to an exporter.",
     {"exporter", "outcome"}},
    {MetricId::kFindings,
     "oddverb_findings_total",
     kCounter,
     "Findings opened.",
     {"detector", "severity"}},
    {MetricId::kForwardedEvents,
     "oddverb_forwarded_events_total",
     kCounter,
     "Events that another oddverb's receiver took.",
     {"source"}},
    {MetricId::kHeldBytes,
     "oddverb_held_bytes",
     kGauge,
     "Memory of the records that wait for their turn (order: event_time).",
     {}},
    {MetricId::kHeldEvents,
     "oddverb_held_events",
     kGauge,
     "Events that wait for their turn (order: event_time).",
     {}},
    {MetricId::kInternalErrors,
     "oddverb_internal_errors_total",
     kCounter,
     "Broken assumptions that were survived; please report them.",
     {"where"}},
    {MetricId::kLateEvents,
     "oddverb_late_events_total",
     kCounter,
     "Events older than the allowed lateness.",
     {"source"}},
    {MetricId::kParseErrors,
     "oddverb_parse_errors_total",
     kCounter,
     "Records that could not be judged.",
     {"source", "reason"}},
    {MetricId::kQueueDepth,
     "oddverb_queue_depth",
     kGauge,
     "Batches waiting between two stages.",
     {"queue"}},
    {MetricId::kRepairedRecords,
     "oddverb_repaired_records_total",
     kCounter,
     "Records judged after bad bytes in them were replaced.",
     {"source"}},
    {MetricId::kSalvagedRecords,
     "oddverb_salvaged_records_total",
     kCounter,
     "Torn records out of which a whole event was saved.",
     {"source"}},
    {MetricId::kSourceClockSkew,
     "oddverb_source_clock_skew_seconds",
     kGauge,
     "Smallest time of the last minutes from an event's stageTimestamp to its "
     "arrival; below zero, the API server's clock is ahead.",
     {"source"}},
    {MetricId::kSourceLastEventTimestamp,
     "oddverb_source_last_event_timestamp_seconds",
     kGauge,
     "Event time of the newest event of a source.",
     {"source"}},
    {MetricId::kWorkerDetectSeconds,
     "oddverb_worker_detect_seconds_total",
     kCounter,
     "CPU time a worker spent in detectors.",
     {"worker"}},
    {MetricId::kWorkerEvents,
     "oddverb_worker_events_total",
     kCounter,
     "Events judged by a worker.",
     {"worker"}},
    {MetricId::kProcessCpuSeconds,
     "process_cpu_seconds_total",
     kCounter,
     "User and system CPU time spent.",
     {}},
    {MetricId::kProcessOpenFds,
     "process_open_fds",
     kGauge,
     "Open file descriptors.",
     {}},
    {MetricId::kProcessResidentMemory,
     "process_resident_memory_bytes",
     kGauge,
     "Resident memory.",
     {}},
    {MetricId::kProcessStartTime,
     "process_start_time_seconds",
     kGauge,
     "Start time of the process since the Unix epoch.",
     {}},
};

static_assert(std::size(kMetrics) == static_cast<size_t>(MetricId::kCount));

constexpr bool RowsMatchIds() {
  for (size_t i = 0; i < std::size(kMetrics); ++i) {
    if (kMetrics[i].id != static_cast<MetricId>(i)) return false;
  }
  return true;
}
static_assert(RowsMatchIds(), "a row is not at the index of its MetricId");

}  // namespace

std::string_view MetricTypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "";
}

std::span<const std::string_view> MetricName::labels() const {
  size_t count = 0;
  while (count < kMaxLabels && !label_names[count].empty()) ++count;
  return {label_names, count};
}

std::span<const MetricName> AllMetrics() { return kMetrics; }

const MetricName& NameOf(MetricId id) {
  return kMetrics[static_cast<size_t>(id)];
}

}  // namespace oddverb
