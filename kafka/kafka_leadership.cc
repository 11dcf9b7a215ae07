#include "kafka/kafka_leadership.h"

#include <librdkafka/rdkafka.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

constexpr int kPollMs = 100;
constexpr absl::Duration kLeavePatience = absl::Seconds(2);
constexpr int32_t kShared = 0;  // the partition that makes the leader

void Release(rd_kafka_error_t* error) {
  if (error != nullptr) rd_kafka_error_destroy(error);
}

}  // namespace

struct KafkaLeadership::Client {
  ~Client() {
    if (handle == nullptr) return;
    rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
  static KafkaLeadership& Of(void* opaque) {
    return *static_cast<KafkaLeadership*>(opaque);
  }
  // Both from the poller.
  static void OnRebalance(rd_kafka_t*, rd_kafka_resp_err_t error,
                          rd_kafka_topic_partition_list_t* partitions,
                          void* opaque) {
    Of(opaque).OnRebalance(error, partitions);
  }
  static void OnError(rd_kafka_t*, int error, const char* reason,
                      void* opaque) {
    Of(opaque).OnError(error, reason);
  }

  rd_kafka_t* handle = nullptr;
};

KafkaLeadership::KafkaLeadership(Options options)
    : options_(std::move(options)),
      health_({options_.topic, options_.group, options_.instance_id}),
      client_(std::make_unique<Client>()) {}

absl::StatusOr<std::unique_ptr<KafkaLeadership>> KafkaLeadership::Start(
    const Options& options) {
  std::unique_ptr<KafkaLeadership> made(new KafkaLeadership(options));
  KafkaProperties ours = {
      {"group.id", options.group.c_str()},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "latest"},
      // What stays is not taken away meanwhile: the leader leads on when a
      // standby comes or goes.
      {"partition.assignment.strategy", "cooperative-sticky"},
      {"allow.auto.create.topics", "false"}};
  if (!options.instance_id.empty()) {
    ours.push_back({"group.instance.id", options.instance_id.c_str()});
  }
  ODDVERB_ASSIGN_OR_RETURN(KafkaConf conf,
                           MakeKafkaConf(options.client,
                                         {{"socket.keepalive.enable", "true"},
                                          {"reconnect.backoff.max.ms", "1000"}},
                                         ours));
  rd_kafka_conf_set_opaque(conf.get(), made.get());
  rd_kafka_conf_set_rebalance_cb(conf.get(), &Client::OnRebalance);
  rd_kafka_conf_set_error_cb(conf.get(), &Client::OnError);
  char error[512];
  rd_kafka_t* handle =
      rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), error, sizeof(error));
  if (handle == nullptr) return absl::FailedPreconditionError(error);
  static_cast<void>(conf.release());  // the client's now
  made->client_->handle = handle;
  rd_kafka_poll_set_consumer(handle);
  made->poller_ =
      std::thread([leadership = made.get()] { leadership->Poll(); });
  return made;
}

KafkaLeadership::~KafkaLeadership() {
  ending_ = true;
  if (poller_.joinable()) poller_.join();
}

rd_kafka_s* KafkaLeadership::handle() const { return client_->handle; }

void KafkaLeadership::Poll() {
  rd_kafka_t* handle = client_->handle;
  rd_kafka_topic_partition_list_t* topics =
      rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, options_.topic.c_str(),
                                    RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t error = rd_kafka_subscribe(handle, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) OnError(error, "");
  auto poll = [&] {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(handle, kPollMs);
    if (message == nullptr) return;
    // Messages are of no interest, and paused partitions give none.
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const char* text = rd_kafka_message_errstr(message);
      OnError(message->err, text == nullptr ? "" : text);
    }
    rd_kafka_message_destroy(message);
  };
  while (!ending_) poll();
  const absl::Time deadline = SteadyNow() + kLeavePatience;
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(handle);
  Release(rd_kafka_consumer_close_queue(handle, queue));
  while (rd_kafka_consumer_closed(handle) == 0 && SteadyNow() < deadline) {
    poll();
  }
  rd_kafka_queue_destroy(queue);
}

bool KafkaLeadership::Holds(const PartitionList* partitions) const {
  for (int i = 0; i < partitions->cnt; ++i) {
    if (partitions->elems[i].partition == kShared) return true;
  }
  return false;
}

void KafkaLeadership::OnRebalance(int error, PartitionList* partitions) {
  rd_kafka_t* handle = client_->handle;
  const bool is_ours = Holds(partitions);
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    for (int i = 0; i < partitions->cnt; ++i) {
      partitions->elems[i].offset = RD_KAFKA_OFFSET_END;
    }
    Release(rd_kafka_incremental_assign(handle, partitions));
    rd_kafka_pause_partitions(handle, partitions);
    health_.NoteAssigned();
    if (is_ours) {
      is_unsure_ = false;
      leads_ = true;
    } else if (is_unsure_) {
      // The group has answered, and it was given to somebody else.
      NoteReplaced();
    }
    return;
  }
  const bool lost = rd_kafka_assignment_lost(handle) != 0;
  Release(rd_kafka_incremental_unassign(handle, partitions));
  if (!is_ours || !leads_ || ending_) return;
  // Lost means that the group was not reached for too long. Perhaps there is
  // nobody else: the next assignment tells. Until then nothing is risked, as
  // whoever takes over takes our transactions away first.
  if (lost) {
    is_unsure_ = true;
  } else {
    NoteReplaced();
  }
}

void KafkaLeadership::NoteReplaced() {
  std::lock_guard<std::mutex> lock(mutex_);
  replaced_ = absl::StrCat("another member of the group ", options_.group,
                           " leads now, as this one did not answer for too "
                           "long; start it again, and it stands by");
}

void KafkaLeadership::OnError(int error, std::string_view reason) {
  if (error != RD_KAFKA_RESP_ERR__FATAL) return health_.Note(error, reason);
  char text[512];
  rd_kafka_resp_err_t cause =
      rd_kafka_fatal_error(client_->handle, text, sizeof(text));
  health_.NoteFatal(cause, text);
}

absl::Status KafkaLeadership::health() const { return health_.status(); }

absl::Status KafkaLeadership::failure() const {
  ODDVERB_RETURN_IF_ERROR(health_.fatal());
  std::lock_guard<std::mutex> lock(mutex_);
  if (replaced_.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(replaced_);
}

}  // namespace oddverb
