// How a consumer waits for messages, and keeps them coming.
#include <chrono>

#include "base/clock.h"
#include "kafka/consumer_parts.h"
#include "kafka/kafka_consumer.h"

namespace oddverb {
namespace {

// Of a broker near by, some milliseconds; the reader waits for it.
constexpr int kWakeMs = 100;
constexpr absl::Duration kWakeInterval = absl::Milliseconds(5);
constexpr absl::Duration kPauseUnanswered = absl::Seconds(1);

}  // namespace

void KafkaConsumer::Wait(absl::Time deadline) {
  WakeFetch();
  std::unique_lock<std::mutex> lock(wake_mutex_);
  wake_.wait_for(lock, absl::ToChronoNanoseconds(deadline - SteadyNow()),
                 [this] { return woken_; });
  woken_ = false;
}

void KafkaConsumer::Wake() {
  {
    std::lock_guard<std::mutex> lock(wake_mutex_);
    woken_ = true;
  }
  wake_.notify_all();
}

// Whether a queue that was full has room again, librdkafka looks only once a
// second (2.2 and newer: fetch.queue.backoff.ms), or when its thread of the
// broker has something else to do. With 4 MiB for each partition that would be
// 4,000 events a second (bench/kafka_bench). So whoever has read all that came,
// while there is more, gives it something to do: asks where the partitions end.
void KafkaConsumer::WakeFetch() {
  if (SteadyNow() < next_wake_fetch_ || !health_.is_connected()) return;
  PartitionListPointer starving = NewPartitionList();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [partition, assigned] : assigned_) {
      if (!assigned->is_drained || assigned->at_end || assigned->leaving ||
          assigned->taken < 0) {
        continue;
      }
      int64_t low = 0, high = 0;  // as the last fetch told; asks nobody
      if (rd_kafka_get_watermark_offsets(
              client_->handle, options_.topic.c_str(), partition, &low,
              &high) != RD_KAFKA_RESP_ERR_NO_ERROR ||
          high <= assigned->taken) {
        continue;
      }
      rd_kafka_topic_partition_list_add(starving.get(), options_.topic.c_str(),
                                        partition)
          ->offset = RD_KAFKA_OFFSET_END;
    }
  }
  if (starving->cnt == 0) return;
  const bool is_answered =
      rd_kafka_offsets_for_times(client_->handle, starving.get(), kWakeMs) ==
      RD_KAFKA_RESP_ERR_NO_ERROR;
  next_wake_fetch_ =
      SteadyNow() + (is_answered ? kWakeInterval : kPauseUnanswered);
}

}  // namespace oddverb
