// Metrics of a service beside those of its pipeline: its sources, its state
// directory. Thread-safe: reads atomics and what locks itself.
#ifndef ODDVERB_APP_SERVICE_METRICS_H_
#define ODDVERB_APP_SERVICE_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "app/service_sources.h"
#include "ingest/kafka_statistics.h"
#include "kafka/kafka_consumer.h"
#include "net/http_counters.h"
#include "pipeline/pipeline.h"
#include "pipeline/sqlite_checkpoint.h"
#include "telemetry/metrics.h"

namespace oddverb {

// What each source read, lost and refused, also where that is 0.
void FillSourceMetrics(const ServiceSources& sources, Metrics& metrics);

// Of a source that is a topic.
struct TopicFacts {
  KafkaConsumer::Counters counters = {};
  size_t partitions = 0;
  KafkaStatistics statistics = {};
};
void FillTopicMetrics(std::string_view source, const TopicFacts& facts,
                      Metrics& metrics);

// How full the state is and how its checkpoints go.
struct StateFacts {
  const PipelineCounters& counters;
  bool is_writable = true;
  uint64_t write_failures = 0;
  SqliteCheckpoint::Usage usage = {};
};
void FillStateMetrics(const StateFacts& facts, Metrics& metrics);

// Clients that were too slow.
void FillTimeoutMetrics(const HttpCounters& counters, Metrics& metrics);

}  // namespace oddverb

#endif  // ODDVERB_APP_SERVICE_METRICS_H_
