#include "app/group_totals.h"

#include <algorithm>
#include <iterator>

#include "app/pipeline_metrics.h"

namespace oddverb {
namespace {

void Sum(const std::atomic<uint64_t>& from, std::atomic<uint64_t>& to) {
  to.fetch_add(from.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

void Sum(const ClusterMapCounters& from, ClusterMapCounters& to) {
  Sum(from.nodes, to.nodes);
  Sum(from.node_addresses, to.node_addresses);
  Sum(from.pod_addresses, to.pod_addresses);
  Sum(from.gateway_addresses, to.gateway_addresses);
  Sum(from.direct_pods, to.direct_pods);
  Sum(from.node_pods, to.node_pods);
  Sum(from.gateway_pods, to.gateway_pods);
  Sum(from.ready, to.ready);
}

}  // namespace

void GroupTotals::AddPipeline(const PipelineCounters& from, Of of) {
  PipelineCounters& to = pipeline_;
  Sum(from.observations, to.observations);
  Sum(from.duplicates, to.duplicates);
  Sum(from.repeated, to.repeated);
  Sum(from.checkpoints, to.checkpoints);
  Sum(from.checkpoint_us, to.checkpoint_us);
  Sum(from.decodings_cut_short, to.decodings_cut_short);
  to.allow_entries =
      std::max(to.allow_entries.load(), from.allow_entries.load());
  for (uint32_t i = 0; i < from.allow_entries; ++i) {
    Sum(from.allowed_refusals[i], to.allowed_refusals[i]);
  }
  for (const auto& [name, nanoseconds] : from.detector_times) {
    Sum(nanoseconds, to.detector_times[name]);
  }
  Sum(from.evictions, to.evictions);
  if (of == Of::kEnded) return;
  Sum(from.held_events, to.held_events);
  Sum(from.held_bytes, to.held_bytes);
  Sum(from.batches_read, to.batches_read);
  Sum(from.batches_concluded, to.batches_concluded);
  Sum(from.batches_waiting, to.batches_waiting);
  for (size_t i = 0; i < std::size(from.entities); ++i) {
    Sum(from.entities[i], to.entities[i]);
    Sum(from.resting[i], to.resting[i]);
    Sum(from.packed_bytes[i], to.packed_bytes[i]);
  }
  Sum(from.tombstones, to.tombstones);
  Sum(from.cluster_map, to.cluster_map);
  // The oldest checkpoint of all is how much a crash would repeat.
  const int64_t last = from.last_checkpoint_us;
  if (last != 0 &&
      (to.last_checkpoint_us == 0 || last < to.last_checkpoint_us)) {
    to.last_checkpoint_us = last;
  }
}

void GroupTotals::AddInput(const InputCounters& from) {
  InputCounters& to = input_;
  Sum(from.records, to.records);
  Sum(from.events, to.events);
  Sum(from.bytes, to.bytes);
  for (size_t stage = 0; stage < InputCounters::kStages; ++stage) {
    for (size_t level = 0; level < InputCounters::kLevels; ++level) {
      Sum(from.events_by[stage][level], to.events_by[stage][level]);
    }
  }
  for (size_t i = 0; i < std::size(from.rejected); ++i) {
    Sum(from.rejected[i], to.rejected[i]);
  }
  Sum(from.salvaged, to.salvaged);
  Sum(from.repaired, to.repaired);
  Sum(from.late, to.late);
  Sum(from.without_time, to.without_time);
  Sum(from.eventless, to.eventless);
  Sum(from.duplicate_keys, to.duplicate_keys);
  Sum(from.refused, to.refused);
}

void GroupTotals::AddTopic(const TopicFacts& from, Of of) {
  topic_.counters.rebalances += from.counters.rebalances;
  topic_.counters.lost_partitions += from.counters.lost_partitions;
  topic_.counters.missing_messages += from.counters.missing_messages;
  if (of == Of::kEnded) return;
  topic_.partitions += from.partitions;
  for (const auto& [partition, lag] : from.counters.lag) {
    topic_.counters.lag[partition] = lag;
  }
  KafkaStatistics& statistics = topic_.statistics;
  statistics.brokers_up =
      std::max(statistics.brokers_up, from.statistics.brokers_up);
  statistics.queued_bytes += from.statistics.queued_bytes;
  statistics.round_trip =
      std::max(statistics.round_trip, from.statistics.round_trip);
  statistics.throttle = std::max(statistics.throttle, from.statistics.throttle);
}

void GroupTotals::AddDelivery(const DeliveryCounts& counts) {
  for (const auto& [key, count] : counts.opened) delivery_.opened[key] += count;
  for (const auto& [key, count] : counts.suppressed) {
    delivery_.suppressed[key] += count;
  }
  for (const auto& [key, count] : counts.suppressed_by_entry) {
    delivery_.suppressed_by_entry[key] += count;
  }
}

void GroupTotals::AddSinks(const std::vector<SinkStats>& sinks, Of of) {
  for (const SinkStats& sink : sinks) {
    SinkStats& sum = sinks_[sink.name];
    sum.name = sink.name;
    sum.succeeded += sink.succeeded;
    sum.failed += sink.failed;
    sum.refused += sink.refused;
    sum.delivered_findings += sink.delivered_findings;
    sum.dead_letters += sink.dead_letters;
    sum.last_success = std::max(sum.last_success, sink.last_success);
    if (of == Of::kRunning) sum.behind += sink.behind;
  }
}

void GroupTotals::AddFiring(const std::array<size_t, 5>& counts) {
  for (size_t i = 0; i < counts.size(); ++i) firing_[i] += counts[i];
}

void GroupTotals::AddState(const StateFacts& facts, Of of) {
  write_failures_ += facts.write_failures;
  if (of == Of::kEnded) return;
  is_writable_ = is_writable_ && facts.is_writable;
  usage_.outbox_findings += facts.usage.outbox_findings;
  usage_.outbox_bytes += facts.usage.outbox_bytes;
}

void GroupTotals::Add(const GroupTotals& other) {
  AddPipeline(other.pipeline_, Of::kRunning);
  AddInput(other.input_);
  AddTopic(other.topic_, Of::kRunning);
  AddDelivery(other.delivery_);
  for (const auto& [name, sink] : other.sinks_) {
    AddSinks({sink}, Of::kRunning);
  }
  AddFiring(other.firing_);
  AddState({.counters = other.pipeline_,
            .is_writable = other.is_writable_,
            .write_failures = other.write_failures_,
            .usage = other.usage_},
           Of::kRunning);
  AddSource(other.is_source_up_);
}

void GroupTotals::Fill(const std::string& source, Metrics& metrics) const {
  FillPipelineMetrics(pipeline_, delivery_.opened, metrics);
  FillInputMetrics(input_, source, metrics);
  metrics.Gauge(MetricId::kSourceUp, {source}).Set(is_source_up_ ? 1 : 0);
  FillTopicMetrics(source, topic_, metrics);
  FillSuppressedMetrics(delivery_, metrics);
  std::vector<SinkStats> sinks;
  for (const auto& [name, sink] : sinks_) sinks.push_back(sink);
  FillExportMetrics(sinks, metrics);
  for (size_t i = 0; i < firing_.size(); ++i) {
    metrics
        .Gauge(MetricId::kAlertsActive,
               {SeverityName(static_cast<Severity>(i))})
        .Set(static_cast<double>(firing_[i]));
  }
  FillStateMetrics({.counters = pipeline_,
                    .is_writable = is_writable_,
                    .write_failures = write_failures_,
                    .usage = usage_},
                   metrics);
}

}  // namespace oddverb
