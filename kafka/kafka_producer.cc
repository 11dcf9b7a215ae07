#include "kafka/kafka_producer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

// At the deadline, to find out why nothing was acknowledged.
constexpr int kQuestionMs = 1000;
constexpr int kPollMs = 50;

Hash128 IdOf(const KafkaMessage& message) {
  std::string all =
      absl::StrCat(message.key.size(), ":", message.key, message.payload);
  for (const auto& [name, value] : message.headers) {
    absl::StrAppend(&all, name, ":", value.size(), ":", value);
  }
  return KeyedHash().HashWide(all);
}

absl::Status StatusOf(rd_kafka_resp_err_t error, const std::string& topic) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return absl::OutOfRangeError(absl::StrCat(
          "topic ", topic,
          ": too large for it; raise max.message.bytes of the topic (and "
          "message.max.bytes in properties)"));
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return absl::UnavailableError(absl::StrCat(
          "topic ", topic,
          " is not there, or this user may not see it; make it with "
          "kafka-topics.sh --create"));
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return absl::UnavailableError(absl::StrCat(
          "topic ", topic,
          ": this user may not write to it; allow it with kafka-acls.sh --add "
          "--operation Write --operation Describe"));
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
      return absl::InvalidArgumentError(absl::StrCat(
          "topic ", topic, ": refused: ", rd_kafka_err2str(error)));
    default:
      return absl::UnavailableError(
          absl::StrCat("topic ", topic, ": ", rd_kafka_err2str(error)));
  }
}

}  // namespace

struct KafkaProducer::Client {
  ~Client() {
    if (handle == nullptr) return;
    rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(handle);
  }

  static void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message,
                         void*) {
    auto& entry = *static_cast<Entry*>(message->_private);
    entry.fate = message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? Fate::kDelivered
                                                            : Fate::kFailed;
    entry.error = message->err;
  }
  // From rd_kafka_poll(), so from the thread of Send().
  static void OnError(rd_kafka_t*, int, const char* reason, void* opaque) {
    static_cast<Client*>(opaque)->last_error = reason;
  }

  rd_kafka_t* handle = nullptr;
  std::string last_error;
};

KafkaProducer::KafkaProducer(KafkaOptions options, std::string topic)
    : options_(std::move(options)), topic_(std::move(topic)) {}

KafkaProducer::~KafkaProducer() = default;

absl::StatusOr<std::unique_ptr<KafkaProducer>> KafkaProducer::Make(
    const KafkaOptions& options, const std::string& topic) {
  std::unique_ptr<KafkaProducer> made(new KafkaProducer(options, topic));
  ODDVERB_RETURN_IF_ERROR(made->Connect());
  return made;
}

absl::Status KafkaProducer::Connect() {
  // message.timeout.ms 0: a message waits until the broker is back. Whoever
  // calls Send() decides how long to wait for it.
  ODDVERB_ASSIGN_OR_RETURN(
      KafkaConf conf,
      MakeKafkaConf(options_,
                    {{"compression.codec", "lz4"},
                     {"linger.ms", "5"},
                     // See KafkaTransactions::Make().
                     {"topic.metadata.refresh.interval.ms", "10000"}},
                    {{"enable.idempotence", "true"},
                     {"message.timeout.ms", "0"},
                     {"delivery.report.only.error", "false"}}));
  auto client = std::make_unique<Client>();
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_dr_msg_cb(conf.get(), &Client::OnDelivery);
  rd_kafka_conf_set_error_cb(conf.get(), &Client::OnError);
  char error[512];
  client->handle =
      rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), error, sizeof(error));
  if (client->handle == nullptr) return absl::FailedPreconditionError(error);
  static_cast<void>(conf.release());  // the client's now
  client_.reset();
  entries_.clear();
  client_ = std::move(client);
  return absl::OkStatus();
}

absl::Status KafkaProducer::Enqueue(const KafkaMessage& message, Entry& entry) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(message.headers.size());
  for (const auto& [name, value] : message.headers) {
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()),
                        value.data(), static_cast<ssize_t>(value.size()));
  }
  entry = Entry();
  // Not the macros of rd_kafka_producev(): they are no standard C++.
  rd_kafka_vu_t parts[7] = {};
  parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  parts[0].u.cstr = topic_.c_str();
  parts[1].vtype = RD_KAFKA_VTYPE_KEY;
  parts[1].u.mem = {const_cast<char*>(message.key.data()), message.key.size()};
  parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[2].u.mem = {const_cast<char*>(message.payload.data()),
                    message.payload.size()};
  parts[3].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  parts[3].u.i64 = absl::ToUnixMillis(message.time);
  parts[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  parts[4].u.headers = headers;
  parts[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[5].u.ptr = &entry;
  parts[6].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[6].u.i = RD_KAFKA_MSG_F_COPY;
  rd_kafka_error_t* failure =
      rd_kafka_produceva(client_->handle, parts, std::size(parts));
  rd_kafka_resp_err_t error = rd_kafka_error_code(failure);
  if (failure != nullptr) rd_kafka_error_destroy(failure);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  rd_kafka_headers_destroy(headers);
  entry = {Fate::kFailed, error};
  return StatusOf(error, topic_);
}

absl::Status KafkaProducer::Send(std::span<const KafkaMessage> messages,
                                 absl::Time deadline) {
  char text[512];
  if (rd_kafka_fatal_error(client_->handle, text, sizeof(text)) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    ODDVERB_RETURN_IF_ERROR(Connect());
  }
  std::vector<Hash128> ids;
  for (const KafkaMessage& message : messages) {
    const Hash128 id = IdOf(message);
    ids.push_back(id);
    auto [entry, is_new] = entries_.try_emplace(id);
    // One that is refused here has its error in the entry.
    if (is_new || entry->second.fate == Fate::kFailed) {
      Enqueue(message, entry->second).IgnoreError();
    }
  }
  auto is_waiting = [&] {
    return std::any_of(ids.begin(), ids.end(), [&](const Hash128& id) {
      return entries_.at(id).fate == Fate::kQueued;
    });
  };
  rd_kafka_poll(client_->handle, 0);
  while (is_waiting() && SteadyNow() < deadline &&
         rd_kafka_fatal_error(client_->handle, text, sizeof(text)) ==
             RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_poll(client_->handle, kPollMs);
  }
  absl::Status result = ResultOf(ids);
  if (result.ok()) {
    for (const Hash128& id : ids) entries_.erase(id);
  }
  return result;
}

// The first that may be mended by sending fewer, else the first of all.
absl::Status KafkaProducer::ResultOf(std::span<const Hash128> ids) {
  absl::Status result;
  bool waits = false;
  for (const Hash128& id : ids) {
    const Entry& entry = entries_.at(id);
    waits |= entry.fate == Fate::kQueued;
    if (entry.fate != Fate::kFailed) continue;
    absl::Status status =
        StatusOf(static_cast<rd_kafka_resp_err_t>(entry.error), topic_);
    if (result.ok() || !absl::IsUnavailable(status)) result = status;
  }
  if (!result.ok() || !waits) return result;
  return WhyNotYet();
}

absl::Status KafkaProducer::WhyNotYet() {
  char text[512];
  if (rd_kafka_fatal_error(client_->handle, text, sizeof(text)) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::UnavailableError(absl::StrCat("topic ", topic_, ": ", text));
  }
  const struct rd_kafka_metadata* metadata = nullptr;
  rd_kafka_topic_t* topic =
      rd_kafka_topic_new(client_->handle, topic_.c_str(), nullptr);
  rd_kafka_resp_err_t error =
      rd_kafka_metadata(client_->handle, 0, topic, &metadata, kQuestionMs);
  if (topic != nullptr) rd_kafka_topic_destroy(topic);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (metadata->topic_cnt > 0) error = metadata->topics[0].err;
    rd_kafka_metadata_destroy(metadata);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOf(error, topic_);
    return absl::UnavailableError(
        absl::StrCat("topic ", topic_, ": not acknowledged in time; it waits"));
  }
  return absl::UnavailableError(
      absl::StrCat("no broker answers: ", client_->last_error.empty()
                                              ? rd_kafka_err2str(error)
                                              : client_->last_error.c_str()));
}

}  // namespace oddverb
