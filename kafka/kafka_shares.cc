#include "kafka/kafka_shares.h"

#include <librdkafka/rdkafka.h>

#include <utility>

#include "base/clock.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

constexpr int kPollMs = 100;
// Who is not heard taking leave is waited for as long as session.timeout.ms,
// so a busy broker is given time; one that is not there is not.
constexpr absl::Duration kLeavePatience = absl::Seconds(10);
constexpr absl::Duration kUnheardPatience = absl::Seconds(2);

void Release(rd_kafka_error_t* error) {
  if (error != nullptr) rd_kafka_error_destroy(error);
}

}  // namespace

struct KafkaShares::Client {
  ~Client() {
    if (handle == nullptr) return;
    rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
  static KafkaShares& Of(void* opaque) {
    return *static_cast<KafkaShares*>(opaque);
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

KafkaShares::KafkaShares(Options options, Owner& owner)
    : options_(std::move(options)),
      owner_(owner),
      health_({options_.topic, options_.group, options_.instance_id}),
      client_(std::make_unique<Client>()) {}

absl::StatusOr<std::unique_ptr<KafkaShares>> KafkaShares::Start(
    const Options& options, Owner& owner) {
  std::unique_ptr<KafkaShares> made(new KafkaShares(options, owner));
  KafkaProperties ours = {
      {"group.id", options.group.c_str()},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "latest"},
      // What stays is not taken away meanwhile.
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
  made->poller_ = std::thread([shares = made.get()] { shares->Poll(); });
  return made;
}

KafkaShares::~KafkaShares() {
  ending_ = true;
  if (poller_.joinable()) poller_.join();
}

rd_kafka_s* KafkaShares::handle() const { return client_->handle; }

void KafkaShares::Poll() {
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
  const absl::Time deadline =
      SteadyNow() +
      (health_.is_connected() ? kLeavePatience : kUnheardPatience);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(handle);
  Release(rd_kafka_consumer_close_queue(handle, queue));
  while (rd_kafka_consumer_closed(handle) == 0 && SteadyNow() < deadline) {
    poll();
  }
  rd_kafka_queue_destroy(queue);
}

void KafkaShares::OnRebalance(int error, PartitionList* partitions) {
  rd_kafka_t* handle = client_->handle;
  std::vector<int32_t> numbers;
  for (int i = 0; i < partitions->cnt; ++i) {
    numbers.push_back(partitions->elems[i].partition);
    partitions->elems[i].offset = RD_KAFKA_OFFSET_END;
  }
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    Release(rd_kafka_incremental_assign(handle, partitions));
    rd_kafka_pause_partitions(handle, partitions);
    health_.NoteAssigned();
    if (!ending_) owner_.OnGiven(numbers);
    return;
  }
  const bool is_lost = rd_kafka_assignment_lost(handle) != 0;
  if (!ending_) {
    owner_.OnTaken(numbers,
                   is_lost ? Owner::Ending::kLost : Owner::Ending::kHandedOver);
  }
  Release(rd_kafka_incremental_unassign(handle, partitions));
}

void KafkaShares::OnError(int error, std::string_view reason) {
  if (error != RD_KAFKA_RESP_ERR__FATAL) return health_.Note(error, reason);
  char text[512];
  rd_kafka_resp_err_t cause =
      rd_kafka_fatal_error(client_->handle, text, sizeof(text));
  health_.NoteFatal(cause, text);
}

}  // namespace oddverb
