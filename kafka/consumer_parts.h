// What the files of KafkaConsumer share: the client with its callbacks, and a
// partition that is ours.
#ifndef ODDVERB_KAFKA_CONSUMER_PARTS_H_
#define ODDVERB_KAFKA_CONSUMER_PARTS_H_

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "kafka/kafka_consumer.h"

namespace oddverb {

inline constexpr int kConsumerPollMs = 100;
// For what blocks the poller: it is asked again.
inline constexpr int kConsumerQuestionMs = 5000;
// Of commits, to the group.
inline constexpr absl::Duration kTellInterval = absl::Seconds(1);
inline constexpr int64_t kUntold = -1;
inline constexpr int64_t kUnknown = -1;

using PartitionListPointer =
    std::unique_ptr<rd_kafka_topic_partition_list_t,
                    decltype(&rd_kafka_topic_partition_list_destroy)>;

inline PartitionListPointer NewPartitionList() {
  return {rd_kafka_topic_partition_list_new(1),
          &rd_kafka_topic_partition_list_destroy};
}

inline void ReleaseError(rd_kafka_error_t* error) {
  if (error != nullptr) rd_kafka_error_destroy(error);
}

// What the client says to its group, as its threads see it. A commit that is
// sent behind a request to join is answered behind it, and then of a generation
// that is gone; for librdkafka before 2.10 all partitions are lost by that
// (confluentinc/librdkafka#4059). It joins when the answer to a heartbeat says
// so. See IsSafeToTell().
struct GroupTalk {
  static constexpr char kName[] = "oddverb";  // of its interceptors
  static constexpr int16_t kJoinGroup = 11;   // of Kafka's protocol
  static constexpr int16_t kHeartbeat = 12;

  static rd_kafka_resp_err_t OnNew(rd_kafka_t* made, const rd_kafka_conf_t*,
                                   void* talk, char*, size_t) {
    rd_kafka_resp_err_t error =
        rd_kafka_interceptor_add_on_request_sent(made, kName, &OnSent, talk);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
    return rd_kafka_interceptor_add_on_response_received(made, kName,
                                                         &OnReceived, talk);
  }
  // Both from threads of librdkafka, with locks of its own held; the answer is
  // looked at afterwards.
  static rd_kafka_resp_err_t OnSent(rd_kafka_t*, int, const char*, int32_t,
                                    int16_t api_key, int16_t, int32_t, size_t,
                                    void* talk) {
    auto& group = *static_cast<GroupTalk*>(talk);
    if (api_key == kJoinGroup) group.is_joining = true;
    if (api_key == kHeartbeat) group.awaits_heartbeat = true;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t OnReceived(rd_kafka_t*, int, const char*, int32_t,
                                        int16_t api_key, int16_t, int32_t,
                                        size_t, int64_t, rd_kafka_resp_err_t,
                                        void* talk) {
    if (api_key == kHeartbeat) {
      auto& group = *static_cast<GroupTalk*>(talk);
      ++group.heartbeats;
      group.awaits_heartbeat = false;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  std::atomic<uint64_t> heartbeats{0};        // that were answered
  std::atomic<bool> awaits_heartbeat{false};  // the answer to the last
  // From the request to the callback that tells what came of it.
  std::atomic<bool> is_joining{false};
};

struct KafkaConsumer::Client {
  ~Client() {
    if (handle == nullptr) return;
    // With a commit under way and no broker, librdkafka waits for one as long
    // as session.timeout.ms, and nothing cuts that short: it is left to end by
    // itself. It calls nothing of ours any more, but for what keeps `talk`.
    std::promise<void> destroyed;
    std::future<void> is_destroyed = destroyed.get_future();
    std::thread destroyer(
        [handle = handle, talk = talk](std::promise<void> done) {
          rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
          done.set_value();
        },
        std::move(destroyed));
    if (is_destroyed.wait_for(std::chrono::seconds(2)) ==
        std::future_status::ready) {
      destroyer.join();
    } else {
      destroyer.detach();
    }
  }

  static KafkaConsumer& Of(void* opaque) {
    return *static_cast<KafkaConsumer*>(opaque);
  }
  // All but OnReadable come from the poller's rd_kafka_consumer_poll().
  static void OnRebalance(rd_kafka_t*, rd_kafka_resp_err_t error,
                          rd_kafka_topic_partition_list_t* partitions,
                          void* opaque) {
    Of(opaque).OnRebalance(error, partitions);
  }
  static void OnError(rd_kafka_t*, int error, const char* reason,
                      void* opaque) {
    Of(opaque).OnError(error, reason);
  }
  static int OnStatistics(rd_kafka_t*, char* json, size_t size, void* opaque) {
    Of(opaque).OnStatistics({json, size});
    return 0;
  }
  static void OnCommitted(rd_kafka_t*, rd_kafka_resp_err_t error,
                          rd_kafka_topic_partition_list_t* partitions,
                          void* opaque) {
    Of(opaque).OnCommitted(error, partitions);
  }
  static void OnReadable(rd_kafka_t*, void* opaque) { Of(opaque).Wake(); }

  rd_kafka_t* handle = nullptr;
  const std::shared_ptr<GroupTalk> talk = std::make_shared<GroupTalk>();
};

struct KafkaConsumer::Assigned {
  ~Assigned() {
    DropFetched();
    if (queue == nullptr) return;
    rd_kafka_queue_cb_event_enable(queue, nullptr, nullptr);
    rd_kafka_queue_destroy(queue);
  }

  // Null: none is there. Each call that asks the queue costs as much as a
  // message does, so up to `at_once` are fetched by one.
  rd_kafka_message_t* Next() {
    if (at_once <= 1) return rd_kafka_consume_queue(queue, 0);
    if (next == fetched.size()) {
      fetched.resize(at_once);
      const ssize_t count =
          rd_kafka_consume_batch_queue(queue, 0, fetched.data(), at_once);
      fetched.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
      next = 0;
    }
    return next == fetched.size() ? nullptr : fetched[next++];
  }
  void DropFetched() {
    for (; next < fetched.size(); ++next) {
      rd_kafka_message_destroy(fetched[next]);
    }
  }

  rd_kafka_queue_t* queue = nullptr;
  size_t at_once = 1;
  std::vector<rd_kafka_message_t*> fetched;
  size_t next = 0;           // of `fetched`: not taken yet
  bool is_drained = false;   // there was nothing to take, last time
  bool leaving = false;      // nothing is handed out any more
  bool at_end = false;       // as the broker said last
  int64_t at_end_of = 0;     // where that was
  bool is_unsure = false;    // was at its end when no broker answered any more
  bool needs_reset = false;  // what was asked for is not there
  bool has_gap = false;      // that nobody has taken yet
  int64_t end = kUnknown;    // of the partition, as the broker said last
  int64_t taken = 0;         // behind the last; below 0: none
  int64_t handed_out = 0;    // behind the last
  int64_t committed = 0;
  int64_t told = kUntold;  // to the group, of `committed`
};

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_CONSUMER_PARTS_H_
