// The one table of metric names. Code names a metric by its MetricId; the name,
// the help text and the labels are only here, and documents are made from it.
//
// Label values come from configuration or from closed sets, never from a log:
// no user, pod, address or namespace is a label.
#ifndef ODDVERB_TELEMETRY_METRIC_NAMES_H_
#define ODDVERB_TELEMETRY_METRIC_NAMES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace oddverb {

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram };
// "counter", "gauge", "histogram", as in the Prometheus text format.
std::string_view MetricTypeName(MetricType type);

// In the order of their names.
enum class MetricId : uint8_t {
  kAlertsActive,
  kAllowedRefusals,
  kBatchSeconds,
  kBuildInfo,
  kBytes,
  kCheckpointAge,
  kCheckpointSeconds,
  kCheckpoints,
  kClusterMapAddresses,
  kClusterMapNodes,
  kClusterMapPods,
  kClusterMapReady,
  kConfigLastReloadSuccess,
  kConfigLastReloadSuccessful,
  kCorrelationLosses,
  kDeadLetterBytes,
  kDeadLettersDropped,
  kDecodingsCutShort,
  kDetectorSeconds,
  kDuplicates,
  kEntities,
  kEntitiesResting,
  kEntityEvictions,
  kEntityPackedBytes,
  kEntityTombstones,
  kEventLag,
  kEventlessRecords,
  kEventsDropped,
  kEvents,
  kExportLastSuccess,
  kExportQueueDepth,
  kExportRequests,
  kFindingsSuppressed,
  kFindings,
  kForwardedEvents,
  kHeldBytes,
  kHeldEvents,
  kHttpRefused,
  kHttpResponses,
  kHttpTimeouts,
  kInternalErrors,
  kKafkaBrokersUp,
  kKafkaLag,
  kKafkaLostPartitions,
  kKafkaMissingMessages,
  kKafkaPartitions,
  kKafkaQueuedBytes,
  kKafkaRebalances,
  kKafkaRoundTrip,
  kKafkaThrottle,
  kLateEvents,
  kLostBytes,
  kLostFiles,
  kMemoryBudget,
  kOutboxBytes,
  kOutboxFindings,
  kParseErrors,
  kQueueDepth,
  kRefusedRequests,
  kRepairedRecords,
  kRuleLoadFailures,
  kRuleMatches,
  kRules,
  kSalvagedRecords,
  kSourceClockSkew,
  kSourceLastEventTimestamp,
  kSourceUp,
  kSourceWaitingBytes,
  kSpoolBytes,
  kSpoolOldest,
  kStateBytes,
  kStateWritable,
  kStateWriteFailures,
  kTruncatedFiles,
  kWorkerDetectSeconds,
  kWorkerEvents,
  // Written by Metrics itself from /proc, under the names every Prometheus
  // client uses.
  kProcessCpuSeconds,
  kProcessOpenFds,
  kProcessResidentMemory,
  kProcessStartTime,
  kCount,
};

struct MetricName {
  static constexpr size_t kMaxLabels = 3;

  MetricId id = MetricId::kCount;
  std::string_view name;
  MetricType type = MetricType::kCounter;
  std::string_view help;
  std::string_view label_names[kMaxLabels];  // the unused ones are empty
  // Of a histogram: upper bounds, ascending, without the last one, infinity.
  std::span<const double> buckets{};

  std::span<const std::string_view> labels() const;
};

// Sorted by name within oddverb_ and process_; one row for each MetricId, at
// its index.
std::span<const MetricName> AllMetrics();
const MetricName& NameOf(MetricId id);

// A label, and which values it takes, for people.
struct MetricLabel {
  std::string_view name;
  std::string_view values;
};
// Every label of the table above, sorted by name.
std::span<const MetricLabel> AllMetricLabels();

}  // namespace oddverb

#endif  // ODDVERB_TELEMETRY_METRIC_NAMES_H_
