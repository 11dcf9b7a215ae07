#include "telemetry/metric_names.h"

#include <iterator>

namespace oddverb {
namespace {

constexpr MetricType kCounter = MetricType::kCounter;
constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kHistogram = MetricType::kHistogram;

// Seconds. A batch of 256 KiB takes well below a millisecond for each detector;
// the upper end shows a machine that is stalled.
constexpr double kBatchBuckets[] = {0.0001, 0.0005, 0.001, 0.005, 0.01,
                                    0.05,   0.1,    0.5,   1,     5};
// Seconds. A tail is behind by milliseconds, a webhook by its batch-max-wait
// (30 s unless set), a process that was down by minutes.
constexpr double kLagBuckets[] = {0.1, 0.25, 0.5, 1,   2.5, 5,   10,
                                  30,  60,   120, 300, 900, 3600};

constexpr MetricName kMetrics[] = {
    {MetricId::kBatchSeconds,
     "oddverb_batch_seconds",
     kHistogram,
     "Time from reading a batch of records to having judged it.",
     {},
     kBatchBuckets},
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
    {MetricId::kConfigLastReloadSuccess,
     "oddverb_config_last_reload_success_timestamp_seconds",
     kGauge,
     "When the configuration was last read without a mistake; the start "
     "counts.",
     {}},
    {MetricId::kConfigLastReloadSuccessful,
     "oddverb_config_last_reload_successful",
     kGauge,
     "Whether the last attempt to reload the configuration worked.",
     {}},
    {MetricId::kDetectorSeconds,
     "oddverb_detector_seconds_total",
     kCounter,
     "Time spent in a detector, estimated from one call in 61.",
     {"detector"}},
    {MetricId::kDuplicates,
     "oddverb_duplicates_total",
     kCounter,
     "Events seen before and not judged again.",
     {}},
    {MetricId::kEntities,
     "oddverb_entities",
     kGauge,
     "Entities of which something is remembered.",
     {"kind"}},
    {MetricId::kEntityEvictions,
     "oddverb_entity_evictions_total",
     kCounter,
     "Entities forgotten because memory.max_entities was used up.",
     {}},
    {MetricId::kEventLag,
     "oddverb_event_lag_seconds",
     kHistogram,
     "Age of an event (now - stageTimestamp) when it had been judged.",
     {},
     kLagBuckets},
    {MetricId::kEventsDropped,
     "oddverb_events_dropped_total",
     kCounter,
     "Stretches of input lost before they were read, each maybe many events; "
     "anything but 0 is a fault.",
     {"source", "reason"}},
    {MetricId::kEvents,
     "oddverb_events_total",
     kCounter,
     "Audit events read and decoded.",
     {"source", "stage", "level"}},
    {MetricId::kExportLastSuccess,
     "oddverb_export_last_success_timestamp_seconds",
     kGauge,
     "When an exporter last took findings; 0 = never.",
     {"exporter"}},
    {MetricId::kExportQueueDepth,
     "oddverb_export_queue_depth",
     kGauge,
     "Findings that wait for an exporter.",
     {"exporter"}},
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
    {MetricId::kHttpRefused,
     "oddverb_http_refused_total",
     kCounter,
     "Connections and requests that were turned away.",
     {"reason"}},
    {MetricId::kHttpResponses,
     "oddverb_http_responses_total",
     kCounter,
     "Requests answered, by class of the status.",
     {"code"}},
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
     "Records that were read and could not be judged.",
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
     "Event time of the newest event of a source; 0 = none since the start.",
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

// Sorted by name. What no row here says is no label.
constexpr MetricLabel kLabels[] = {
    {"code", "1xx to 5xx"},
    {"detector", "a name of `oddverb list detectors`"},
    {"exporter", "`name` of an output in the configuration"},
    {"kind", "actor, credential, pod, address"},
    {"level", "None, Metadata, Request, RequestResponse, unknown"},
    {"outcome", "how an attempt ended"},
    {"queue",
     "decode: read and waiting for a worker; judge: decoded and under way"},
    {"reason", "a word of a fixed list, which the metric's series show"},
    {"revision", "of the source code"},
    {"rules_version", "of the builtin rules"},
    {"severity", "info, low, medium, high, critical"},
    {"source", "`name` of a source in the configuration"},
    {"stage",
     "RequestReceived, ResponseStarted, ResponseComplete, Panic, unknown"},
    {"version", "of oddverb"},
    {"where", "http"},
    {"worker", "a number from 0"},
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
std::span<const MetricLabel> AllMetricLabels() { return kLabels; }

const MetricName& NameOf(MetricId id) {
  return kMetrics[static_cast<size_t>(id)];
}

}  // namespace oddverb
