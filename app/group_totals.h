// What the shares of a process count, summed up: for metrics, one process is
// one, whatever partitions it has. What a share counted stays when it is given
// away, so that totals never run back. One thread at a time.
#ifndef ODDVERB_APP_GROUP_TOTALS_H_
#define ODDVERB_APP_GROUP_TOTALS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "app/service_metrics.h"
#include "kafka/kafka_consumer.h"
#include "pipeline/delivery.h"
#include "pipeline/pipeline.h"
#include "pipeline/sink.h"
#include "pipeline/sqlite_checkpoint.h"
#include "telemetry/metrics.h"

namespace oddverb {

class GroupTotals {
 public:
  // kEnded: only what rises for ever counts.
  enum class Of : uint8_t { kRunning, kEnded };

  void AddPipeline(const PipelineCounters& counters, Of of);
  void AddInput(const InputCounters& counters);
  void AddTopic(const TopicFacts& facts, Of of);
  void AddDelivery(const DeliveryCounts& counts);
  void AddSinks(const std::vector<SinkStats>& sinks, Of of);
  void AddFiring(const std::array<size_t, 5>& counts);
  void AddState(const StateFacts& facts, Of of);
  void AddSource(bool is_up) { is_source_up_ = is_source_up_ && is_up; }
  // All of another one.
  void Add(const GroupTotals& other);

  // `source`: its name. Also what is 0.
  void Fill(const std::string& source, Metrics& metrics) const;

 private:
  PipelineCounters pipeline_;
  InputCounters input_;
  TopicFacts topic_;
  DeliveryCounts delivery_;
  std::map<std::string, SinkStats> sinks_;
  std::array<size_t, 5> firing_{};
  bool is_writable_ = true;
  bool is_source_up_ = true;
  uint64_t write_failures_ = 0;
  SqliteCheckpoint::Usage usage_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_GROUP_TOTALS_H_
