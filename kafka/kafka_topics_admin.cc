#include "kafka/kafka_topics_admin.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

int Millis(absl::Duration patience) {
  return static_cast<int>(absl::ToInt64Milliseconds(patience));
}

using EventPointer =
    std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)>;

}  // namespace

struct KafkaTopicsAdmin::Client {
  ~Client() {
    if (answers != nullptr) rd_kafka_queue_destroy(answers);
    if (handle != nullptr) rd_kafka_destroy(handle);
  }
  static void OnError(rd_kafka_t*, int error, const char* reason,
                      void* opaque) {
    static_cast<ConsumerHealth*>(opaque)->Note(error, reason);
  }
  EventPointer Await(absl::Duration patience) {
    return {rd_kafka_queue_poll(answers, Millis(patience)),
            &rd_kafka_event_destroy};
  }

  rd_kafka_t* handle = nullptr;
  rd_kafka_queue_t* answers = nullptr;
};

KafkaTopicsAdmin::KafkaTopicsAdmin()
    : health_({"", "", ""}), client_(std::make_unique<Client>()) {}
KafkaTopicsAdmin::~KafkaTopicsAdmin() = default;

absl::StatusOr<std::unique_ptr<KafkaTopicsAdmin>> KafkaTopicsAdmin::Make(
    const KafkaOptions& options) {
  std::unique_ptr<KafkaTopicsAdmin> made(new KafkaTopicsAdmin());
  ODDVERB_ASSIGN_OR_RETURN(
      KafkaConf conf,
      MakeKafkaConf(options, {}, {{"allow.auto.create.topics", "false"}}));
  rd_kafka_conf_set_opaque(conf.get(), &made->health_);
  rd_kafka_conf_set_error_cb(conf.get(), &Client::OnError);
  char error[512];
  Client& client = *made->client_;
  // Not a producer: brokers make each topic that one asks about, unless they
  // were told not to, with settings of their own.
  client.handle =
      rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), error, sizeof(error));
  if (client.handle == nullptr) return absl::FailedPreconditionError(error);
  static_cast<void>(conf.release());  // the client's now
  client.answers = rd_kafka_queue_new(client.handle);
  return made;
}

absl::Status KafkaTopicsAdmin::WhyNot(const std::string& otherwise) const {
  rd_kafka_poll(client_->handle, 0);  // for the causes
  ODDVERB_RETURN_IF_ERROR(health_.status());
  return absl::UnavailableError(absl::StrCat("no broker answers: ", otherwise));
}

absl::StatusOr<KafkaTopicFacts> KafkaTopicsAdmin::Look(
    const std::string& topic, absl::Duration patience) {
  rd_kafka_t* handle = client_->handle;
  rd_kafka_topic_t* local = rd_kafka_topic_new(handle, topic.c_str(), nullptr);
  const struct rd_kafka_metadata* metadata = nullptr;
  rd_kafka_resp_err_t error =
      rd_kafka_metadata(handle, 0, local, &metadata, Millis(patience));
  if (local != nullptr) rd_kafka_topic_destroy(local);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return WhyNot(rd_kafka_err2str(error));
  }
  KafkaTopicFacts facts;
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  error = found.err;
  facts.partitions = found.partition_cnt;
  for (int i = 0; i < found.partition_cnt; ++i) {
    const int replicas = found.partitions[i].replica_cnt;
    facts.replicas = i == 0 ? replicas : std::min(facts.replicas, replicas);
  }
  rd_kafka_metadata_destroy(metadata);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR || facts.partitions == 0) {
    return absl::NotFoundError(absl::StrCat(
        "topic ", topic, " is not there, or this user may not see it"));
  }
  return facts;
}

absl::StatusOr<KafkaTopicFacts> KafkaTopicsAdmin::Describe(
    const std::string& topic, absl::Duration patience) {
  rd_kafka_t* handle = client_->handle;
  ODDVERB_ASSIGN_OR_RETURN(KafkaTopicFacts facts, Look(topic, patience));
  rd_kafka_ConfigResource_t* resource =
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str());
  rd_kafka_DescribeConfigs(handle, &resource, 1, nullptr, client_->answers);
  rd_kafka_ConfigResource_destroy(resource);
  EventPointer event = client_->Await(patience);
  if (event == nullptr) return WhyNot("the topic's settings were not told");
  const rd_kafka_DescribeConfigs_result_t* result =
      rd_kafka_event_DescribeConfigs_result(event.get());
  size_t count = 0;
  const rd_kafka_ConfigResource_t** resources =
      rd_kafka_DescribeConfigs_result_resources(result, &count);
  if (count == 0 || rd_kafka_ConfigResource_error(resources[0]) !=
                        RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::PermissionDeniedError(absl::StrCat(
        "topic ", topic,
        ": its settings cannot be looked at; allow it with kafka-acls.sh --add "
        "--operation DescribeConfigs --topic ",
        topic));
  }
  size_t entries = 0;
  const rd_kafka_ConfigEntry_t** all =
      rd_kafka_ConfigResource_configs(resources[0], &entries);
  for (size_t i = 0; i < entries; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(all[i]);
    if (value == nullptr) continue;
    facts.settings[rd_kafka_ConfigEntry_name(all[i])] = value;
  }
  return facts;
}

absl::Status KafkaTopicsAdmin::Create(const std::string& topic,
                                      const KafkaTopicFacts& wanted,
                                      absl::Duration patience) {
  char error[512];
  rd_kafka_NewTopic_t* made = rd_kafka_NewTopic_new(
      topic.c_str(), wanted.partitions, wanted.replicas, error, sizeof(error));
  if (made == nullptr) return absl::FailedPreconditionError(error);
  for (const auto& [name, value] : wanted.settings) {
    rd_kafka_NewTopic_set_config(made, name.c_str(), value.c_str());
  }
  rd_kafka_CreateTopics(client_->handle, &made, 1, nullptr, client_->answers);
  rd_kafka_NewTopic_destroy(made);
  EventPointer event = client_->Await(patience);
  if (event == nullptr) return WhyNot("the topic was not made");
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return WhyNot(rd_kafka_event_error_string(event.get()));
  }
  size_t count = 0;
  const rd_kafka_topic_result_t** results = rd_kafka_CreateTopics_result_topics(
      rd_kafka_event_CreateTopics_result(event.get()), &count);
  const rd_kafka_resp_err_t refused = rd_kafka_topic_result_error(results[0]);
  if (refused == RD_KAFKA_RESP_ERR_NO_ERROR ||
      refused == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
    return absl::OkStatus();
  }
  const char* text = rd_kafka_topic_result_error_string(results[0]);
  return absl::FailedPreconditionError(absl::StrCat(
      "topic ", topic,
      " cannot be made: ", text != nullptr ? text : rd_kafka_err2str(refused)));
}

}  // namespace oddverb
