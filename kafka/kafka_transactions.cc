#include "kafka/kafka_transactions.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr int kPollMs = 50;
constexpr absl::Duration kRetryPause = absl::Milliseconds(100);
// To undo what did not work out, also when the time is up.
constexpr absl::Duration kAbortPatience = absl::Seconds(2);

int MillisUntil(absl::Time deadline) {
  const int64_t left = absl::ToInt64Milliseconds(deadline - SteadyNow());
  return static_cast<int>(std::clamp<int64_t>(left, 1, 60'000));
}

// By which librdkafka's kinds of errors are told apart among our statuses.
constexpr absl::StatusCode kRetriable = absl::StatusCode::kUnavailable;
constexpr absl::StatusCode kAbortable = absl::StatusCode::kAborted;
constexpr absl::StatusCode kFatal = absl::StatusCode::kFailedPrecondition;

}  // namespace

struct KafkaTransactions::Client {
  ~Client() {
    if (handle == nullptr) return;
    rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(handle);
  }
  // Both from the thread that waits in a call.
  static void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message,
                         void* opaque) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
      return;
    }
    auto& client = *static_cast<Client*>(opaque);
    client.refused = message->err;
    client.refused_by = rd_kafka_topic_name(message->rkt);
  }
  static void OnError(rd_kafka_t*, int error, const char* reason,
                      void* opaque) {
    static_cast<Client*>(opaque)->health->Note(error, reason);
  }

  rd_kafka_t* handle = nullptr;
  ConsumerHealth* health = nullptr;
  // The first message of this transaction that a topic did not take.
  rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string refused_by;
};

KafkaTransactions::KafkaTransactions(Options options)
    : options_(std::move(options)),
      health_({options_.topic, options_.group, ""}),
      client_(std::make_unique<Client>()) {
  client_->health = &health_;
}

KafkaTransactions::~KafkaTransactions() = default;

absl::StatusOr<std::unique_ptr<KafkaTransactions>> KafkaTransactions::Make(
    const Options& options) {
  std::unique_ptr<KafkaTransactions> made(new KafkaTransactions(options));
  // Whoever takes over ends an open transaction at once, so this one may be
  // long: brokers that restart are waited for.
  ODDVERB_ASSIGN_OR_RETURN(
      KafkaConf conf,
      MakeKafkaConf(options.client,
                    {{"compression.codec", "lz4"},
                     {"linger.ms", "5"},
                     {"transaction.timeout.ms", "300000"},
                     // A checkpoint of many entities is one transaction.
                     {"queue.buffering.max.messages", "1000000"},
                     {"socket.keepalive.enable", "true"},
                     {"reconnect.backoff.max.ms", "1000"},
                     // A broker that starts may say that there is no such
                     // topic, and until it is asked again nothing can be
                     // written; by default that takes 5 minutes.
                     {"topic.metadata.refresh.interval.ms", "10000"}},
                    {{"transactional.id", options.transactional_id.c_str()},
                     {"delivery.report.only.error", "true"}}));
  rd_kafka_conf_set_opaque(conf.get(), made->client_.get());
  rd_kafka_conf_set_dr_msg_cb(conf.get(), &Client::OnDelivery);
  rd_kafka_conf_set_error_cb(conf.get(), &Client::OnError);
  char error[512];
  made->client_->handle =
      rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), error, sizeof(error));
  if (made->client_->handle == nullptr) {
    return absl::FailedPreconditionError(error);
  }
  static_cast<void>(conf.release());  // the client's now
  return made;
}

// Takes the error. Its code tells which of librdkafka's kinds it is.
absl::Status KafkaTransactions::StatusOf(rd_kafka_error_s* error) const {
  if (error == nullptr) return absl::OkStatus();
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  const absl::StatusCode kind =
      rd_kafka_error_is_fatal(error) != 0             ? kFatal
      : rd_kafka_error_txn_requires_abort(error) != 0 ? kAbortable
      : rd_kafka_error_is_retriable(error) != 0       ? kRetriable
                                                      : kFatal;
  std::string text = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  switch (code) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      text = absl::StrCat(
          "another process with the transactional_id ",
          options_.transactional_id,
          " has taken over (or a transaction took longer than "
          "transaction.timeout.ms); this one may write nothing more, and what "
          "it did since its last checkpoint is judged again: start it again, "
          "and it stands by");
      return absl::Status(kFatal, text);
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
      text = absl::StrCat(
          "these brokers have no transactions (", text,
          "): take kafka out of checkpoint; the state is then in state_dir, "
          "and one process judges the topic");
      return absl::Status(kFatal, text);
    case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
      text = absl::StrCat(
          "the brokers know nothing of a transaction of the transactional_id ",
          options_.transactional_id,
          ", as they were away for longer than transaction.timeout.ms; what "
          "this process did since its last checkpoint is judged again: start "
          "it again");
      return absl::Status(kFatal, text);
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      text =
          "transaction.timeout.ms is longer than the brokers' "
          "transaction.max.timeout.ms; set it in properties of the source";
      return absl::Status(kFatal, text);
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      text = absl::StrCat(
          "this user may not use the transactional_id ",
          options_.transactional_id,
          "; allow it with kafka-acls.sh --add --operation Write --operation "
          "Describe --transactional-id ",
          options_.transactional_id);
      return absl::Status(kFatal, text);
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      text = absl::StrCat("this user may not write offsets of the group ",
                          options_.group,
                          "; allow it with kafka-acls.sh --add --operation "
                          "Read --group ",
                          options_.group);
      return absl::Status(kind, text);
    default:
      return absl::Status(kind, text);
  }
}

// What people can do about it, where more is known than the call itself told.
absl::Status KafkaTransactions::Why(absl::Status status) const {
  if (status.ok() || status.code() == kFatal) return status;
  std::string text(status.message());
  if (client_->refused == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
    text = absl::StrCat("topic ", client_->refused_by,
                        ": a message is too large for it; raise "
                        "max.message.bytes of the topic to 1 MiB or more");
  } else if (client_->refused != RD_KAFKA_RESP_ERR_NO_ERROR) {
    text = absl::StrCat(
        "topic ", client_->refused_by, ": ", rd_kafka_err2str(client_->refused),
        "; it must be there, and this user needs Write and Describe");
  } else if (!health_.status().ok()) {
    text = std::string(health_.status().message());
  }
  return absl::UnavailableError(text);
}

template <class Call>
absl::Status KafkaTransactions::Retry(Call call, absl::Time deadline) {
  while (true) {
    absl::Status status = StatusOf(call(MillisUntil(deadline)));
    if (status.code() != kRetriable || SteadyNow() >= deadline) return status;
    rd_kafka_poll(client_->handle,
                  static_cast<int>(absl::ToInt64Milliseconds(kRetryPause)));
  }
}

absl::Status KafkaTransactions::Begin(absl::Time deadline) {
  absl::Status status = Retry(
      [this](int ms) {
        return rd_kafka_init_transactions(client_->handle, ms);
      },
      deadline);
  rd_kafka_poll(client_->handle, 0);  // for the causes
  return Why(status);
}

absl::Status KafkaTransactions::Enqueue(const KafkaWrite& write,
                                        absl::Time deadline) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(write.headers.size());
  for (const auto& [name, value] : write.headers) {
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()),
                        value.data(), static_cast<ssize_t>(value.size()));
  }
  // Not the macros of rd_kafka_producev(): they are no standard C++.
  rd_kafka_vu_t parts[6] = {};
  parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  parts[0].u.cstr = write.topic.c_str();
  parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  parts[1].u.i32 = write.partition;
  parts[2].vtype = RD_KAFKA_VTYPE_KEY;
  parts[2].u.mem = {const_cast<char*>(write.key.data()), write.key.size()};
  parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
  if (write.payload.has_value()) {
    parts[3].u.mem = {const_cast<char*>(write.payload->data()),
                      write.payload->size()};
  }
  parts[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  parts[4].u.headers = headers;
  parts[5].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[5].u.i = RD_KAFKA_MSG_F_COPY;
  while (true) {
    rd_kafka_error_t* failure =
        rd_kafka_produceva(client_->handle, parts, std::size(parts));
    if (failure == nullptr) return absl::OkStatus();
    const rd_kafka_resp_err_t code = rd_kafka_error_code(failure);
    std::string text = rd_kafka_error_string(failure);
    rd_kafka_error_destroy(failure);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && SteadyNow() < deadline) {
      rd_kafka_poll(client_->handle, kPollMs);
      continue;
    }
    rd_kafka_headers_destroy(headers);
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
      client_->refused = code;
      client_->refused_by = write.topic;
    }
    return absl::Status(kAbortable, text);
  }
}

absl::StatusOr<int32_t> KafkaTransactions::PartitionsOf(
    const std::string& topic, absl::Time deadline) const {
  rd_kafka_topic_t* asked =
      rd_kafka_topic_new(client_->handle, topic.c_str(), nullptr);
  const struct rd_kafka_metadata* metadata = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(
      client_->handle, 0, asked, &metadata, MillisUntil(deadline));
  if (asked != nullptr) rd_kafka_topic_destroy(asked);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::UnavailableError(rd_kafka_err2str(error));
  }
  int32_t count = 0;
  if (metadata->topic_cnt > 0) count = metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  return count;
}

// One message to each, so that the end of this transaction is written there.
absl::Status KafkaTransactions::Touch(
    const std::vector<KafkaPartitions>& partitions, absl::Time deadline) {
  for (const KafkaPartitions& of_topic : partitions) {
    int32_t begin = of_topic.only.value_or(0), end = begin + 1;
    if (!of_topic.only.has_value()) {
      ODDVERB_ASSIGN_OR_RETURN(end, PartitionsOf(of_topic.topic, deadline));
    }
    for (int32_t partition = begin; partition < end; ++partition) {
      ODDVERB_RETURN_IF_ERROR(Enqueue(
          {.topic = of_topic.topic, .partition = partition, .key = "undone"},
          deadline));
    }
  }
  const rd_kafka_resp_err_t error =
      rd_kafka_flush(client_->handle, MillisUntil(deadline));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR &&
      client_->refused == RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::OkStatus();
  }
  return absl::Status(kAbortable, rd_kafka_err2str(error));
}

absl::Status KafkaTransactions::UndoForgotten(
    const std::vector<KafkaPartitions>& partitions, absl::Time deadline) {
  if (state_ == State::kAborting) return Why(Abort(deadline));
  client_->refused = RD_KAFKA_RESP_ERR_NO_ERROR;
  ODDVERB_RETURN_IF_ERROR(
      Why(StatusOf(rd_kafka_begin_transaction(client_->handle))));
  const absl::Status touched = Touch(partitions, deadline);
  return touched.ok() ? Why(Abort(deadline)) : TakeBack(touched);
}

absl::Status KafkaTransactions::SendOffsets(absl::Time deadline) {
  rd_kafka_topic_partition_list_t* offsets =
      rd_kafka_topic_partition_list_new(8);
  for (const auto& [topic, of_topic] : offsets_) {
    for (const auto& [partition, offset] : of_topic) {
      if (offset < 0) continue;
      rd_kafka_topic_partition_list_add(offsets, topic.c_str(), partition)
          ->offset = offset;
    }
  }
  absl::Status status;
  if (offsets->cnt > 0) {
    status = Retry(
        [&](int ms) {
          rd_kafka_consumer_group_metadata_t* proof =
              rd_kafka_consumer_group_metadata(member_->handle());
          rd_kafka_error_t* error = rd_kafka_send_offsets_to_transaction(
              client_->handle, offsets, proof, ms);
          rd_kafka_consumer_group_metadata_destroy(proof);
          return error;
        },
        deadline);
  }
  rd_kafka_topic_partition_list_destroy(offsets);
  return status;
}

absl::Status KafkaTransactions::Write(const KafkaTransaction& transaction,
                                      const KafkaMember& member,
                                      absl::Time deadline) {
  if (state_ == State::kAborting) {
    ODDVERB_RETURN_IF_ERROR(Why(Abort(deadline)));
  }
  client_->refused = RD_KAFKA_RESP_ERR_NO_ERROR;
  ODDVERB_RETURN_IF_ERROR(
      Why(StatusOf(rd_kafka_begin_transaction(client_->handle))));
  for (const KafkaWrite& write : transaction.writes) {
    absl::Status status = Enqueue(write, deadline);
    if (!status.ok()) return TakeBack(status);
  }
  offsets_ = transaction.offsets;
  member_ = &member;
  state_ = State::kSending;
  return Finish(deadline);
}

// A transaction that no broker has heard of cannot be aborted: librdkafka would
// ask for it all the same, and take the refusal for fatal. So without brokers
// it stays open, and goes on when they are back.
absl::Status KafkaTransactions::Finish(absl::Time deadline) {
  absl::Status status;
  if (state_ == State::kSending) {
    status = SendOffsets(deadline);
    if (status.ok()) state_ = State::kCommitting;
  }
  if (state_ == State::kCommitting) {
    status = Retry(
        [this](int ms) {
          return rd_kafka_commit_transaction(client_->handle, ms);
        },
        deadline);
  }
  if (status.code() == kRetriable) return Why(status);  // undecided
  state_ = State::kIdle;
  return status.code() == kAbortable ? TakeBack(status) : status;
}

// Nothing of the transaction stays, for the reason of `cause`.
absl::Status KafkaTransactions::TakeBack(const absl::Status& cause) {
  const absl::Status why = Why(cause);
  const absl::Status undone = Abort(SteadyNow() + kAbortPatience);
  return undone.code() == kFatal ? undone : why;
}

absl::Status KafkaTransactions::Abort(absl::Time deadline) {
  state_ = State::kAborting;
  absl::Status status = Retry(
      [this](int ms) {
        return rd_kafka_abort_transaction(client_->handle, ms);
      },
      deadline);
  if (status.ok()) state_ = State::kIdle;
  return status;
}

absl::Status KafkaTransactions::Settle(absl::Time deadline) {
  absl::Status status = Finish(deadline);
  if (status.ok() || status.code() == kFatal || is_undecided()) return status;
  return absl::AbortedError(status.message());
}

}  // namespace oddverb
