#include "kafka/consumer_health.h"

#include <librdkafka/rdkafka.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace oddverb {
namespace {

// SCRAM of librdkafka before 2.6.1 sends the nonce twice, which Kafka 4 minds
// (confluentinc/librdkafka#4895).
constexpr int kScramWorks = 0x020601ff;

}  // namespace

void ConsumerHealth::Set(Rank rank, std::string text) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (rank < rank_) return;
  rank_ = rank;
  text_ = std::move(text);
}

void ConsumerHealth::Note(int error, std::string_view reason) {
  const std::string topic = absl::StrCat("topic ", names_.topic);
  switch (error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return Set(Rank::kTopic,
                 absl::StrCat(topic,
                              " is not there, or this user may not see it; "
                              "make it with kafka-topics.sh --create"));
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return Set(Rank::kTopic,
                 absl::StrCat(topic,
                              ": this user may not read it; allow it with "
                              "kafka-acls.sh --add --operation Read "
                              "--operation Describe"));
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return Set(Rank::kTopic,
                 absl::StrCat("group ", names_.group,
                              ": this user may not be a member; allow it with "
                              "kafka-acls.sh --add --operation Read --group ",
                              names_.group));
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      return Set(Rank::kTopic,
                 absl::StrCat("group ", names_.group,
                              " has members that share out partitions in "
                              "another way; choose another group"));
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return Set(Rank::kLogin,
                 absl::StrCat(
                     A(reason), "; check sasl, username and password",
                     rd_kafka_version() < kScramWorks
                         ? absl::StrCat(" (librdkafka ", rd_kafka_version_str(),
                                        " cannot do SCRAM with Kafka 4: use "
                                        "plain, or client certificates)")
                         : ""));
    case RD_KAFKA_RESP_ERR__SSL:
      return Set(Rank::kLogin,
                 absl::StrCat(A(reason), "; check tls: and its ca_file"));
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE: {
      std::lock_guard<std::mutex> lock(mutex_);
      last_transport_ = reason;
      return;
    }
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN: {
      std::unique_lock<std::mutex> lock(mutex_);
      std::string why =
          last_transport_.empty() ? std::string(reason) : last_transport_;
      lock.unlock();
      return Set(Rank::kConnection,
                 absl::StrCat("no broker answers: ", why,
                              "; check brokers: and the network"));
    }
    default:
      return;
  }
}

void ConsumerHealth::NoteFatal(int error, std::string_view reason) {
  std::string text(reason);
  if (error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
    text = absl::StrCat(
        "another process has joined the group ", names_.group,
        " with the instance_id ", names_.instance_id,
        " and took the place of this one; give each process its own");
  }
  std::lock_guard<std::mutex> lock(mutex_);
  if (fatal_.empty()) fatal_ = absl::StrCat("topic ", names_.topic, ": ", text);
}

void ConsumerHealth::NoteConnected() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (rank_ <= Rank::kLogin) rank_ = Rank::kNone;
}

void ConsumerHealth::NoteAssigned() {
  std::lock_guard<std::mutex> lock(mutex_);
  rank_ = Rank::kNone;
}

absl::Status ConsumerHealth::fatal() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (fatal_.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(fatal_);
}

bool ConsumerHealth::is_connected() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return fatal_.empty() && rank_ != Rank::kConnection && rank_ != Rank::kLogin;
}

absl::Status ConsumerHealth::status() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!fatal_.empty()) return absl::FailedPreconditionError(fatal_);
  if (rank_ == Rank::kNone) return absl::OkStatus();
  return absl::UnavailableError(text_);
}

}  // namespace oddverb
