#include "kafka/kafka_topic_log.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "kafka/consumer_health.h"
#include "kafka/partition_offsets.h"

namespace oddverb {
namespace {

constexpr int kPollMs = 100;
constexpr int kQuestionMs = 5000;
constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr absl::Duration kDecides = absl::Seconds(2);
// Taken with one call: a lock, and a look at the clock, for each would cost
// more than the messages.
constexpr size_t kBatch = 512;

void OnError(rd_kafka_t*, int error, const char* reason, void* opaque) {
  static_cast<ConsumerHealth*>(opaque)->Note(error, reason);
}

struct ClientDeleter {
  void operator()(rd_kafka_t* client) const {
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
  }
};
using Client = std::unique_ptr<rd_kafka_t, ClientDeleter>;

struct ClientUse {
  const char* isolation_level = "read_committed";
  // Where an offset that is not there leads.
  const char* offset_reset = "earliest";
};

absl::StatusOr<Client> OpenClient(const KafkaTopicLog& log,
                                  ConsumerHealth& health,
                                  const ClientUse& use = {}) {
  ODDVERB_ASSIGN_OR_RETURN(
      KafkaConf conf,
      MakeKafkaConf(log.client,
                    {{"reconnect.backoff.max.ms", "1000"},
                     // Whenever more are queued, librdkafka fetches nothing for
                     // a second. So bytes alone are the limit.
                     {"queued.min.messages", "10000000"}},
                    {{"group.id", log.group.c_str()},
                     {"enable.auto.commit", "false"},
                     {"enable.auto.offset.store", "false"},
                     {"auto.offset.reset", use.offset_reset},
                     {"isolation.level", use.isolation_level},
                     {"enable.partition.eof", "true"},
                     {"check.crcs", "true"},
                     {"allow.auto.create.topics", "false"}}));
  rd_kafka_conf_set_opaque(conf.get(), &health);
  rd_kafka_conf_set_error_cb(conf.get(), &OnError);
  char error[512];
  Client client(
      rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), error, sizeof(error)));
  if (client == nullptr) return absl::FailedPreconditionError(error);
  static_cast<void>(conf.release());  // the client's now
  return client;
}

absl::Status Assign(const KafkaTopicLog& log, rd_kafka_t* client,
                    int64_t from) {
  rd_kafka_poll_set_consumer(client);
  rd_kafka_topic_partition_list_t* one = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(one, log.topic.c_str(), log.partition)
      ->offset = from == KafkaTopicLogReader::kBeginning
                     ? RD_KAFKA_OFFSET_BEGINNING
                     : from;
  rd_kafka_resp_err_t refused = rd_kafka_assign(client, one);
  rd_kafka_topic_partition_list_destroy(one);
  if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("topic ", log.topic, ": ", rd_kafka_err2str(refused)));
}

// Where the partition ends. A fetch does not tell: who leads a partition anew
// may not know yet how much of it is committed, and answers as if it ended
// earlier (KIP-207). This question is refused until it knows.
absl::StatusOr<PartitionRange> RangeOf(const KafkaTopicLog& log,
                                       rd_kafka_t* client,
                                       ConsumerHealth& health,
                                       const std::atomic<bool>& stop) {
  const absl::Time give_up = SteadyNow() + kPatience;
  while (!stop && SteadyNow() < give_up) {
    PartitionRange range;
    const int error =
        AskForRange(client, log.topic, log.partition, kQuestionMs, range);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return range;
    health.Note(error,
                rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(error)));
    rd_kafka_poll(client, kPollMs);
  }
  if (stop) return absl::CancelledError("stopped");
  ODDVERB_RETURN_IF_ERROR(health.status());
  return absl::UnavailableError(
      absl::StrCat("topic ", log.topic, ": nobody tells where it ends"));
}

using Messages = std::vector<rd_kafka_message_t*>;

Messages Take(rd_kafka_queue_t* queue) {
  Messages messages(kBatch);
  // Does not wait: it would until all of them are there.
  const ssize_t count =
      rd_kafka_consume_batch_queue(queue, 0, messages.data(), messages.size());
  messages.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
  if (!messages.empty()) return messages;
  rd_kafka_message_t* next = rd_kafka_consume_queue(queue, kPollMs);
  if (next != nullptr) messages.push_back(next);
  return messages;
}

struct MessagesDeleter {
  ~MessagesDeleter() {
    for (rd_kafka_message_t* message : messages) {
      rd_kafka_message_destroy(message);
    }
  }
  Messages& messages;
};

// Where it ends, asked once; nullopt: no answer.
std::optional<int64_t> EndNow(const KafkaTopicLog& log, const Client& client,
                              absl::Time deadline) {
  const int32_t one[] = {log.partition};
  std::vector<int64_t> ends;
  const int64_t left = absl::ToInt64Milliseconds(deadline - SteadyNow());
  if (AskForOffsets(client.get(), log.topic, one, PartitionEdge::kEnd,
                    static_cast<int>(std::clamp<int64_t>(left, 1, 1000)),
                    ends) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::nullopt;
  }
  return ends.front();
}

class Reader final : public KafkaTopicLogReader {
 public:
  Reader(const KafkaTopicLog& log, int64_t from)
      : log_(log), health_({log.topic, log.group, ""}), position_(from) {}

  absl::Status Start() {
    const bool is_whole = position_ == kBeginning;
    ODDVERB_ASSIGN_OR_RETURN(
        client_, OpenClient(log_, health_,
                            {.offset_reset = is_whole ? "earliest" : "error"}));
    return absl::OkStatus();
  }

  absl::Status ReadToEnd(const std::atomic<bool>& stop,
                         const Each& each) override {
    ODDVERB_ASSIGN_OR_RETURN(const PartitionRange range,
                             RangeOf(log_, client_.get(), health_, stop));
    const bool is_whole = position_ == kBeginning;
    if (is_whole && range.begin == range.end) return absl::OkStatus();
    if (!is_whole && (position_ < range.begin || position_ > range.end)) {
      return NoPosition();
    }
    if (position_ == range.end) return absl::OkStatus();
    if (queue_ == nullptr) {
      ODDVERB_RETURN_IF_ERROR(Assign(log_, client_.get(), position_));
      queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
    }
    absl::Time give_up = SteadyNow() + kPatience;
    while (!stop && SteadyNow() < give_up) {
      Messages messages = Take(queue_.get());
      MessagesDeleter deleter{messages};
      // All of them, also those behind the end: the next call goes on there.
      ODDVERB_RETURN_IF_ERROR(GiveEach(messages, each));
      if (position_ >= range.end) return absl::OkStatus();
      if (!messages.empty()) give_up = SteadyNow() + kPatience;
    }
    if (stop) return absl::CancelledError("stopped");
    ODDVERB_RETURN_IF_ERROR(health_.status());
    return absl::UnavailableError(
        absl::StrCat("topic ", log_.topic, ": nothing came for ",
                     absl::FormatDuration(kPatience)));
  }

  int64_t position() const override { return position_; }

 private:
  struct QueueDeleter {
    void operator()(rd_kafka_queue_t* queue) const {
      rd_kafka_queue_destroy(queue);
    }
  };

  absl::Status NoPosition() const {
    return absl::OutOfRangeError(
        absl::StrCat("topic ", log_.topic, ", partition ", log_.partition,
                     ": nothing is at offset ", position_, " any more"));
  }

  absl::Status GiveEach(const Messages& messages, const Each& each) {
    for (const rd_kafka_message_t* message : messages) {
      switch (message->err) {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
          ODDVERB_RETURN_IF_ERROR(Give(*message, each));
          position_ = message->offset + 1;
          break;
        // The end marks of transactions are not given, but count.
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
          position_ = std::max(position_, message->offset);
          break;
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
          return NoPosition();
        default: {
          const char* text = rd_kafka_message_errstr(message);
          health_.Note(message->err, text == nullptr ? "" : text);
        }
      }
    }
    return absl::OkStatus();
  }

  static absl::Status Give(const rd_kafka_message_t& message,
                           const Each& each) {
    KafkaLogRecord record = {
        .offset = message.offset,
        .timestamp_ms = rd_kafka_message_timestamp(&message, nullptr),
        .key = {static_cast<const char*>(message.key), message.key_len},
        .value = std::nullopt};
    if (message.payload != nullptr) {
      record.value.emplace(static_cast<const char*>(message.payload),
                           message.len);
    }
    return each(record);
  }

  const KafkaTopicLog log_;
  ConsumerHealth health_;  // outlives the client
  int64_t position_;       // of the next message
  Client client_;
  std::unique_ptr<rd_kafka_queue_t, QueueDeleter> queue_;  // null: not assigned
};

}  // namespace

absl::StatusOr<bool> IsDecided(const KafkaTopicLog& log, absl::Time deadline) {
  ConsumerHealth health({log.topic, log.group, ""});  // outlives the clients
  ODDVERB_ASSIGN_OR_RETURN(Client committed, OpenClient(log, health));
  ODDVERB_ASSIGN_OR_RETURN(
      Client all,
      OpenClient(log, health, {.isolation_level = "read_uncommitted"}));
  std::optional<absl::Time> undecided_since;
  do {
    // In this order: what is written in between is no reason to wait.
    const std::optional<int64_t> written = EndNow(log, all, deadline);
    const std::optional<int64_t> decided = EndNow(log, committed, deadline);
    if (!written.has_value() || !decided.has_value()) continue;
    if (*decided >= *written) return true;
    const absl::Time now = SteadyNow();
    if (now - undecided_since.value_or(now) >= kDecides) return false;
    if (!undecided_since.has_value()) undecided_since = now;
    absl::SleepFor(absl::Milliseconds(kPollMs));
  } while (SteadyNow() < deadline);
  ODDVERB_RETURN_IF_ERROR(health.status());
  return absl::UnavailableError(
      absl::StrCat("topic ", log.topic, ": no broker says where it ends"));
}

absl::StatusOr<std::unique_ptr<KafkaTopicLogReader>> KafkaTopicLogReader::Open(
    const KafkaTopicLog& log, int64_t from) {
  auto made = std::make_unique<Reader>(log, from);
  ODDVERB_RETURN_IF_ERROR(made->Start());
  return made;
}

absl::Status ReadTopicLog(const KafkaTopicLog& log,
                          const std::atomic<bool>& stop,
                          const KafkaTopicLogReader::Each& each) {
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<KafkaTopicLogReader> reader,
                           KafkaTopicLogReader::Open(log));
  return reader->ReadToEnd(stop, each);
}

absl::StatusOr<std::string> TopicLogIdentity(const KafkaTopicLog& log,
                                             const std::atomic<bool>& stop) {
  KafkaTopicLog one = log;  // of which little is fetched
  one.client.properties.emplace_back("fetch.message.max.bytes", "4096");
  one.client.properties.emplace_back("queued.max.messages.kbytes", "64");
  std::string identity;
  const absl::Status enough = absl::AlreadyExistsError("found");
  absl::Status status =
      ReadTopicLog(one, stop, [&](const KafkaLogRecord& first) {
        identity = absl::StrCat(first.offset, " ", first.timestamp_ms, " ",
                                A(first.key));
        return enough;
      });
  if (status != enough) ODDVERB_RETURN_IF_ERROR(status);
  return identity;
}

}  // namespace oddverb
