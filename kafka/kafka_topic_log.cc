#include "kafka/kafka_topic_log.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "kafka/consumer_health.h"

namespace oddverb {
namespace {

constexpr int kPollMs = 100;
constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr absl::Duration kDecides = absl::Seconds(2);

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

absl::StatusOr<Client> Connect(const KafkaTopicLog& log,
                               const char* isolation_level,
                               ConsumerHealth& health) {
  ODDVERB_ASSIGN_OR_RETURN(
      KafkaConf conf,
      MakeKafkaConf(log.client, {{"reconnect.backoff.max.ms", "1000"}},
                    {{"group.id", log.group.c_str()},
                     {"enable.auto.commit", "false"},
                     {"enable.auto.offset.store", "false"},
                     {"auto.offset.reset", "earliest"},
                     {"isolation.level", isolation_level},
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
  rd_kafka_poll_set_consumer(client.get());
  return client;
}

absl::StatusOr<Client> Open(const KafkaTopicLog& log, ConsumerHealth& health) {
  ODDVERB_ASSIGN_OR_RETURN(Client client,
                           Connect(log, "read_committed", health));
  rd_kafka_topic_partition_list_t* one = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(one, log.topic.c_str(), log.partition)
      ->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_resp_err_t refused = rd_kafka_assign(client.get(), one);
  rd_kafka_topic_partition_list_destroy(one);
  if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) return client;
  return absl::FailedPreconditionError(
      absl::StrCat("topic ", log.topic, ": ", rd_kafka_err2str(refused)));
}

// Behind the last message that `client` may read; nullopt: no answer.
std::optional<int64_t> EndOf(const KafkaTopicLog& log, const Client& client,
                             absl::Time deadline) {
  int64_t low = 0, high = 0;
  const int64_t left = absl::ToInt64Milliseconds(deadline - SteadyNow());
  if (rd_kafka_query_watermark_offsets(
          client.get(), log.topic.c_str(), log.partition, &low, &high,
          static_cast<int>(std::clamp<int64_t>(left, 1, 1000))) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::nullopt;
  }
  return high;
}

}  // namespace

absl::StatusOr<bool> IsDecided(const KafkaTopicLog& log, absl::Time deadline) {
  ConsumerHealth health({log.topic, log.group, ""});  // outlives the clients
  ODDVERB_ASSIGN_OR_RETURN(Client committed,
                           Connect(log, "read_committed", health));
  ODDVERB_ASSIGN_OR_RETURN(Client all,
                           Connect(log, "read_uncommitted", health));
  std::optional<absl::Time> undecided_since;
  do {
    // In this order: what is written in between is no reason to wait.
    const std::optional<int64_t> written = EndOf(log, all, deadline);
    const std::optional<int64_t> decided = EndOf(log, committed, deadline);
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

absl::Status ReadTopicLog(
    const KafkaTopicLog& log, const std::atomic<bool>& stop,
    const std::function<absl::Status(
        std::string_view key, std::optional<std::string_view> value)>& each) {
  ConsumerHealth health({log.topic, log.group, ""});  // outlives the client
  ODDVERB_ASSIGN_OR_RETURN(Client client, Open(log, health));
  absl::Time give_up = SteadyNow() + kPatience;
  while (!stop && SteadyNow() < give_up) {
    std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)>
        message(rd_kafka_consumer_poll(client.get(), kPollMs),
                &rd_kafka_message_destroy);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      return absl::OkStatus();
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const char* text = rd_kafka_message_errstr(message.get());
      health.Note(message->err, text == nullptr ? "" : text);
      continue;
    }
    give_up = SteadyNow() + kPatience;
    std::optional<std::string_view> value;
    if (message->payload != nullptr) {
      value.emplace(static_cast<const char*>(message->payload), message->len);
    }
    ODDVERB_RETURN_IF_ERROR(each(
        {static_cast<const char*>(message->key), message->key_len}, value));
  }
  if (stop) return absl::CancelledError("stopped");
  ODDVERB_RETURN_IF_ERROR(health.status());
  return absl::UnavailableError(absl::StrCat("topic ", log.topic,
                                             ": nothing came for ",
                                             absl::FormatDuration(kPatience)));
}

}  // namespace oddverb
