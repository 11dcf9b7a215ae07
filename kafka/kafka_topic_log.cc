#include "kafka/kafka_topic_log.h"

#include <librdkafka/rdkafka.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "kafka/consumer_health.h"

namespace oddverb {
namespace {

constexpr int kPollMs = 100;
constexpr absl::Duration kPatience = absl::Minutes(1);

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

absl::StatusOr<Client> Open(const KafkaTopicLog& log, ConsumerHealth& health) {
  ODDVERB_ASSIGN_OR_RETURN(
      KafkaConf conf,
      MakeKafkaConf(log.client, {{"reconnect.backoff.max.ms", "1000"}},
                    {{"group.id", log.group.c_str()},
                     {"enable.auto.commit", "false"},
                     {"enable.auto.offset.store", "false"},
                     {"auto.offset.reset", "earliest"},
                     {"isolation.level", "read_committed"},
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
  rd_kafka_topic_partition_list_t* one = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(one, log.topic.c_str(), log.partition)
      ->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_resp_err_t refused = rd_kafka_assign(client.get(), one);
  rd_kafka_topic_partition_list_destroy(one);
  if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) return client;
  return absl::FailedPreconditionError(
      absl::StrCat("topic ", log.topic, ": ", rd_kafka_err2str(refused)));
}

}  // namespace

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
