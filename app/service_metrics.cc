#include "app/service_metrics.h"

#include <algorithm>
#include <utility>

#include "app/pipeline_metrics.h"
#include "base/clock.h"
#include "ingest/kafka_statistics.h"

namespace oddverb {
namespace {

double Of(const std::atomic<uint64_t>& counter) {
  return static_cast<double>(counter.load());
}

void FillTail(std::string_view name, const TailSource& tail, Metrics& metrics) {
  const TailCounters& counters = tail.counters();
  metrics.Counter(MetricId::kLostFiles, {name}).Add(Of(counters.files_lost));
  metrics.Counter(MetricId::kLostBytes, {name}).Add(Of(counters.lost_bytes));
  metrics.Counter(MetricId::kTruncatedFiles, {name})
      .Add(Of(counters.files_truncated));
  Source::Progress at = tail.progress();
  metrics.Gauge(MetricId::kSourceWaitingBytes, {name})
      .Set(static_cast<double>(at.total_bytes -
                               std::min(at.read_bytes, at.total_bytes)));
}

void FillReceiver(std::string_view name, const WebhookSource& receiver,
                  Metrics& metrics) {
  const WebhookSource::Counters& counters = receiver.counters();
  const std::pair<std::string_view, const std::atomic<uint64_t>*> refused[] = {
      {"full", &counters.refused_full},
      {"stopping", &counters.refused_stopping},
      {"state_full", &counters.refused_held},
      {"not_durable", &counters.refused_not_durable},
      {"not_json", &counters.refused_garbage},
      {"wrong_path", &counters.refused_path}};
  for (const auto& [reason, count] : refused) {
    metrics.Counter(MetricId::kRefusedRequests, {name, reason}).Add(Of(*count));
  }
}

TopicFacts FactsOf(const KafkaSource& topic) {
  const KafkaConsumer& consumer = topic.consumer();
  return {.counters = consumer.counters(),
          .partitions = consumer.Partitions().size(),
          .statistics = ReadKafkaStatistics(consumer.statistics())};
}

}  // namespace

void FillTopicMetrics(std::string_view name, const TopicFacts& facts,
                      Metrics& metrics) {
  const KafkaConsumer::Counters& counters = facts.counters;
  const KafkaStatistics& statistics = facts.statistics;
  const std::pair<MetricId, uint64_t> totals[] = {
      {MetricId::kKafkaRebalances, counters.rebalances},
      {MetricId::kKafkaLostPartitions, counters.lost_partitions},
      {MetricId::kKafkaMissingMessages, counters.missing_messages}};
  for (const auto& [id, value] : totals) {
    metrics.Counter(id, {name}).Add(static_cast<double>(value));
  }
  const std::pair<MetricId, double> levels[] = {
      {MetricId::kKafkaPartitions, static_cast<double>(facts.partitions)},
      {MetricId::kKafkaBrokersUp, static_cast<double>(statistics.brokers_up)},
      {MetricId::kKafkaQueuedBytes,
       static_cast<double>(statistics.queued_bytes)},
      {MetricId::kKafkaRoundTrip, absl::ToDoubleSeconds(statistics.round_trip)},
      {MetricId::kKafkaThrottle, absl::ToDoubleSeconds(statistics.throttle)}};
  for (const auto& [id, value] : levels) metrics.Gauge(id, {name}).Set(value);
  for (const auto& [partition, lag] : counters.lag) {
    metrics.Gauge(MetricId::kKafkaLag, {name, std::to_string(partition)})
        .Set(static_cast<double>(lag));
  }
}

void FillSourceMetrics(const ServiceSources& sources, Metrics& metrics) {
  for (const ServiceSources::Entry& entry : sources.entries()) {
    FillInputMetrics(entry.counters, entry.name, metrics);
    metrics.Gauge(MetricId::kSourceUp, {entry.name})
        .Set(entry.source->health().ok() ? 1 : 0);
    if (entry.tail != nullptr) FillTail(entry.name, *entry.tail, metrics);
    if (entry.topic != nullptr) {
      FillTopicMetrics(entry.name, FactsOf(*entry.topic), metrics);
    }
    if (entry.receiver != nullptr) {
      FillReceiver(entry.name, *entry.receiver, metrics);
    }
  }
}

void FillStateMetrics(const StateFacts& facts, Metrics& metrics) {
  const PipelineCounters& counters = facts.counters;
  const SqliteCheckpoint::Usage& usage = facts.usage;
  metrics.Counter(MetricId::kCheckpoints).Add(Of(counters.checkpoints));
  metrics.Counter(MetricId::kCheckpointSeconds)
      .Add(Of(counters.checkpoint_us) / 1e6);
  int64_t last_us = counters.last_checkpoint_us;
  if (last_us != 0) {
    metrics.Gauge(MetricId::kCheckpointAge)
        .Set(
            absl::ToDoubleSeconds(SteadyNow() - absl::FromUnixMicros(last_us)));
  }
  metrics.Gauge(MetricId::kStateWritable).Set(facts.is_writable ? 1 : 0);
  metrics.Counter(MetricId::kStateWriteFailures)
      .Add(static_cast<double>(facts.write_failures));
  const std::pair<MetricId, uint64_t> sizes[] = {
      {MetricId::kSpoolBytes, usage.spool_bytes},
      {MetricId::kOutboxBytes, usage.outbox_bytes},
      {MetricId::kOutboxFindings, usage.outbox_findings},
      {MetricId::kDeadLetterBytes, usage.dead_letter_bytes},
      {MetricId::kStateBytes, usage.file_bytes}};
  for (const auto& [id, value] : sizes) {
    metrics.Gauge(id).Set(static_cast<double>(value));
  }
  metrics.Gauge(MetricId::kSpoolOldest)
      .Set(absl::ToDoubleSeconds(usage.spool_oldest));
  metrics.Counter(MetricId::kDeadLettersDropped)
      .Add(static_cast<double>(usage.dead_letters_dropped));
}

void FillTimeoutMetrics(const HttpCounters& counters, Metrics& metrics) {
  for (size_t i = 0; i < counters.timeouts.size(); ++i) {
    auto phase = static_cast<HttpPhase>(i);
    metrics.Counter(MetricId::kHttpTimeouts, {HttpPhaseName(phase)})
        .Add(Of(counters.timeouts[i]));
  }
}

}  // namespace oddverb
