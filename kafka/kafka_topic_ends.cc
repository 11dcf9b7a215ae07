#include "kafka/kafka_topic_ends.h"

#include <librdkafka/rdkafka.h>

#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "kafka/partition_offsets.h"

namespace oddverb {
namespace {

constexpr int kQuestionMs = 2000;
constexpr int kPollMs = 20;

}  // namespace

struct KafkaTopicEnds::Client {
  ~Client() {
    if (handle == nullptr) return;
    rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
  static void OnError(rd_kafka_t*, int error, const char* reason,
                      void* opaque) {
    static_cast<ConsumerHealth*>(opaque)->Note(error, reason);
  }
  rd_kafka_t* handle = nullptr;
};

KafkaTopicEnds::KafkaTopicEnds(Options options)
    : options_(std::move(options)),
      health_({options_.topic, options_.group, ""}),
      client_(std::make_unique<Client>()),
      partitions_(static_cast<size_t>(options_.partitions)),
      last_answer_(SteadyNow()) {
  std::iota(partitions_.begin(), partitions_.end(), 0);
}

absl::StatusOr<std::unique_ptr<KafkaTopicEnds>> KafkaTopicEnds::Start(
    const Options& options) {
  std::unique_ptr<KafkaTopicEnds> made(new KafkaTopicEnds(options));
  ODDVERB_ASSIGN_OR_RETURN(
      KafkaConf conf,
      MakeKafkaConf(options.client, {{"reconnect.backoff.max.ms", "1000"}},
                    {{"group.id", options.group.c_str()},
                     {"enable.auto.commit", "false"},
                     {"isolation.level", "read_committed"},
                     {"allow.auto.create.topics", "false"}}));
  rd_kafka_conf_set_opaque(conf.get(), &made->health_);
  rd_kafka_conf_set_error_cb(conf.get(), &Client::OnError);
  char error[512];
  made->client_->handle =
      rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), error, sizeof(error));
  if (made->client_->handle == nullptr) {
    return absl::FailedPreconditionError(error);
  }
  static_cast<void>(conf.release());  // the client's now
  rd_kafka_poll_set_consumer(made->client_->handle);
  made->poller_ = std::thread([ends = made.get()] { ends->Poll(); });
  return made;
}

KafkaTopicEnds::~KafkaTopicEnds() {
  ending_ = true;
  if (poller_.joinable()) poller_.join();
}

KafkaTopicEnds::Ends KafkaTopicEnds::ends() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return ends_;
}

absl::Status KafkaTopicEnds::health() const {
  ODDVERB_RETURN_IF_ERROR(health_.status());
  std::lock_guard<std::mutex> lock(mutex_);
  if (SteadyNow() - last_answer_ < options_.patience) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("topic ", options_.topic,
                   ": no broker says where its partitions end: ", problem_));
}

void KafkaTopicEnds::Ask() {
  Ends ends;
  ends.as_of = SteadyNow();
  const int error =
      AskForOffsets(client_->handle, options_.topic, partitions_,
                    PartitionEdge::kEnd, kQuestionMs, ends.offsets);
  std::lock_guard<std::mutex> lock(mutex_);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    problem_ = rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(error));
    return;
  }
  health_.NoteAssigned();
  last_answer_ = ends.as_of;
  ends_ = std::move(ends);
}

void KafkaTopicEnds::Poll() {
  absl::Time next = SteadyNow();
  while (!ending_) {
    if (SteadyNow() >= next) {
      Ask();
      next = SteadyNow() + options_.interval;
    }
    rd_kafka_message_t* message =
        rd_kafka_consumer_poll(client_->handle, kPollMs);
    if (message == nullptr) continue;
    const char* text = rd_kafka_message_errstr(message);
    health_.Note(message->err, text == nullptr ? "" : text);
    rd_kafka_message_destroy(message);
  }
}

}  // namespace oddverb
