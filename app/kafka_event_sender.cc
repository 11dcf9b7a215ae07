#include "app/kafka_event_sender.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "model/event_key.h"
#include "model/identity.h"

namespace oddverb {
namespace {

constexpr std::string_view kScheme = "kafka://";
// A stop is noticed between tries.
constexpr absl::Duration kTry = absl::Seconds(1);
constexpr absl::Duration kFirstWarningInterval = absl::Seconds(5);
constexpr absl::Duration kWarningInterval = absl::Minutes(1);

}  // namespace

absl::Status KafkaEventSender::ReadUrl(std::string_view url, Options& options) {
  const std::string rest(url.substr(std::min(url.size(), kScheme.size())));
  const size_t slash = rest.find('/');
  options.client.brokers =
      absl::StrSplit(rest.substr(0, slash), ',', absl::SkipEmpty());
  if (slash != std::string::npos && slash + 1 < rest.size()) {
    options.topic = rest.substr(slash + 1);
  }
  const bool has_ports = std::all_of(
      options.client.brokers.begin(), options.client.brokers.end(),
      [](const std::string& broker) { return broker.rfind(':') + 1 > 1; });
  if (!url.starts_with(kScheme) || options.client.brokers.empty() ||
      !has_ports || options.topic.find('/') != std::string::npos) {
    return absl::InvalidArgumentError(
        "--to: a topic is kafka://HOST:PORT[,HOST:PORT...][/TOPIC]; the topic "
        "is oddverb.events without");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<EventSender>> KafkaEventSender::Make(
    const Options& options, const std::string& source, Logger& logger) {
  KafkaOptions client = options.client;
  // Java's, so that what other programs write by the same key comes to the
  // same partition. First: a property of the same name comes later and wins.
  client.properties.insert(client.properties.begin(),
                           {"partitioner", "murmur2_random"});
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<KafkaProducer> producer,
                           KafkaProducer::Make(client, options.topic));
  std::unique_ptr<KafkaEventSender> made(
      new KafkaEventSender(options, source, std::move(producer), logger));
  if (!options.dead_letter_topic.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(
        made->dead_letters_,
        KafkaProducer::Make(client, options.dead_letter_topic));
  }
  return made;
}

KafkaEventSender::KafkaEventSender(const Options& options, std::string source,
                                   std::unique_ptr<KafkaProducer> producer,
                                   Logger& logger)
    : options_(options),
      source_(std::move(source)),
      producer_(std::move(producer)),
      logger_(logger),
      backoff_(options.backoff),
      // Only spreads the retries of several forwarders.
      random_(static_cast<uint64_t>(absl::ToUnixNanos(absl::Now()))) {}

FieldSet KafkaEventSender::fields() const {
  return Fields({FieldId::kUserName, FieldId::kUserGroups, FieldId::kUserUid,
                 FieldId::kSourceIps, FieldId::kStage, FieldId::kAuditId,
                 FieldId::kVerb, FieldId::kRequestUri,
                 FieldId::kReceivedTimestamp, FieldId::kStageTimestamp});
}

KafkaMessage KafkaEventSender::MessageOf(const AuditEvent& event,
                                         const Source& source) const {
  KafkaMessage message;
  message.key = options_.cluster;
  message.key += '\0';
  message.key += ActorName(event, ClassifyIdentity(event));
  message.payload = event.raw.text;
  message.headers = {
      {"cluster", options_.cluster},
      {"source", source_},
      {"position", source.Describe(event.position)},
      {"event", EventKey(KeyedHash(), options_.cluster, event).ToHex()}};
  if (event.stage_time > absl::UnixEpoch()) message.time = event.stage_time;
  return message;
}

void KafkaEventSender::Note(const absl::Status& status) {
  std::unique_lock<std::mutex> lock(mutex_);
  const bool is_known = health_.ok() == status.ok();
  const bool is_changed = health_ != status;
  health_ = status;
  lock.unlock();
  // The first cause is often only that nothing was answered yet.
  if (is_known && (!is_changed || SteadyNow() < next_warning_)) return;
  next_warning_ =
      SteadyNow() + (is_known ? kWarningInterval : kFirstWarningInterval);
  if (status.ok()) {
    logger_.Info("the topic takes events again", {{"source", source_}});
  } else {
    logger_.Warn(
        "the topic does not take events; they are kept and sent again",
        {{"source", source_}, {"error", std::string(status.message())}});
  }
}

absl::Status KafkaEventSender::health() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (health_.ok()) return health_;
  return absl::UnavailableError(
      absl::StrCat("source ", source_, ": ", health_.message()));
}

absl::Status KafkaEventSender::SendUntilTaken(
    KafkaProducer& producer, std::span<const KafkaMessage> messages,
    const std::atomic<bool>& stop) {
  while (true) {
    absl::Status status = producer.Send(messages, SteadyNow() + kTry);
    if (!absl::IsUnavailable(status)) {
      backoff_.Reset();
      Note(absl::OkStatus());
      return status;
    }
    Note(status);
    SleepUnless(stop, backoff_.Next(random_));
    if (stop) return absl::CancelledError("stopped");
  }
}

absl::Status KafkaEventSender::SendEvents(EventBatch& batch,
                                          const Source& source,
                                          const std::atomic<bool>& stop) {
  std::vector<KafkaMessage> messages;
  messages.reserve(batch.events.size());
  for (const AuditEvent& event : batch.events) {
    messages.push_back(MessageOf(event, source));
  }
  absl::Status status = SendUntilTaken(*producer_, messages, stop);
  if (status.ok()) events_sent_ += messages.size();
  if (status.ok() || absl::IsCancelled(status)) return status;
  // Which of them: those that the broker has are not sent again.
  for (size_t i = 0; i < messages.size(); ++i) {
    status = SendUntilTaken(*producer_, std::span(&messages[i], 1), stop);
    if (absl::IsCancelled(status)) return status;
    if (status.ok()) {
      ++events_sent_;
      continue;
    }
    const AuditEvent& event = batch.events[i];
    batch.rejected.push_back({.position = event.position,
                              .reason = RejectReason::kOversized,
                              .detail = std::string(status.message()),
                              .sample = std::string(event.raw.text.substr(
                                  0, Rejected::kSampleBytes)),
                              .record_bytes = event.raw.text.size()});
  }
  return absl::OkStatus();
}

absl::Status KafkaEventSender::SendDeadLetters(
    std::span<const Rejected> rejected, const Source& source,
    const std::atomic<bool>& stop) {
  std::vector<KafkaMessage> messages;
  for (const Rejected& record : rejected) {
    KafkaMessage& message = messages.emplace_back();
    message.key = source_;
    if (options_.keep_samples) message.payload = record.sample;
    message.headers = {{"cluster", options_.cluster},
                       {"source", source_},
                       {"position", source.Describe(record.position)},
                       {"reason", RejectReasonName(record.reason)},
                       {"detail", record.detail},
                       {"record_bytes", std::to_string(record.record_bytes)}};
  }
  return SendUntilTaken(*dead_letters_, messages, stop);
}

absl::Status KafkaEventSender::Send(EventBatch& batch, const Source& source,
                                    const std::atomic<bool>& stop) {
  ODDVERB_RETURN_IF_ERROR(SendEvents(batch, source, stop));
  if (dead_letters_ == nullptr || batch.rejected.empty()) {
    return absl::OkStatus();
  }
  return SendDeadLetters(batch.rejected, source, stop);
}

}  // namespace oddverb
