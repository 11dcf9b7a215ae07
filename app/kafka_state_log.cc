#include "app/kafka_state_log.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "app/kafka_client.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "exporters/kafka_exporter.h"
#include "ingest/kafka_source.h"

namespace oddverb {
namespace {

constexpr int32_t kObservationsPartition = 0;
// Of one attempt; whoever asked tries again.
constexpr absl::Duration kWriteTimeout = absl::Seconds(10);
constexpr absl::Duration kTakeOverTimeout = absl::Seconds(5);

std::string TransactionalId(const ServiceConfig& config,
                            const std::string& suffix) {
  const std::string& own = config.checkpoint_kafka->transactional_id;
  return absl::StrCat(own.empty() ? config.sources.front().group : own, suffix);
}

}  // namespace

KafkaStateLog::KafkaStateLog(const ServiceConfig& config, const Place& place,
                             const std::atomic<bool>& stop)
    : topics_(*config.checkpoint_kafka),
      client_(KafkaClientOf(config.sources.front().kafka)),
      cluster_(config.cluster),
      group_(config.sources.front().group),
      place_(place),
      keeps_samples_(config.secret_bodies == SecretBodies::kKeep),
      stop_(stop) {}

absl::StatusOr<std::unique_ptr<KafkaTransactions>> MakeKafkaTransactions(
    const ServiceConfig& config, const std::string& suffix) {
  return KafkaTransactions::Make(
      {.client = KafkaClientOf(config.sources.front().kafka),
       .transactional_id = TransactionalId(config, suffix),
       .topic = config.checkpoint_kafka->state_topic,
       .group = config.sources.front().group});
}

absl::StatusOr<std::unique_ptr<KafkaStateLog>> KafkaStateLog::Join(
    const ServiceConfig& config, const std::atomic<bool>& stop,
    Logger& logger) {
  std::unique_ptr<KafkaStateLog> made(
      new KafkaStateLog(config, {.logger = &logger}, stop));
  ODDVERB_ASSIGN_OR_RETURN(
      made->leadership_,
      KafkaLeadership::Start(
          {.client = made->client_,
           .topic = made->topics_.state_topic,
           .group = made->group_,
           .instance_id = config.sources.front().instance_id}));
  made->member_ = made->leadership_.get();
  ODDVERB_ASSIGN_OR_RETURN(made->transactions_,
                           MakeKafkaTransactions(config, ""));
  return made;
}

absl::StatusOr<std::unique_ptr<KafkaStateLog>> KafkaStateLog::Open(
    const ServiceConfig& config, const Place& place, const KafkaMember& member,
    const std::atomic<bool>& stop) {
  std::unique_ptr<KafkaStateLog> made(new KafkaStateLog(config, place, stop));
  made->member_ = &member;
  ODDVERB_ASSIGN_OR_RETURN(
      made->transactions_,
      MakeKafkaTransactions(config, place.transactional_suffix));
  return made;
}

absl::Status KafkaStateLog::failure() const {
  if (place_.is_lost != nullptr && *place_.is_lost) {
    return absl::FailedPreconditionError(
        "another member of the group has this partition now");
  }
  return leadership_ == nullptr ? absl::OkStatus() : leadership_->failure();
}

absl::Status KafkaStateLog::TakeOver() {
  const absl::Time deadline = SteadyNow() + kTakeOverTimeout;
  if (!has_begun_) {
    ODDVERB_RETURN_IF_ERROR(transactions_->Begin(deadline));
    has_begun_ = true;
  }
  ODDVERB_ASSIGN_OR_RETURN(const bool is_decided, IsDecided(Log(), deadline));
  if (is_decided) return absl::OkStatus();
  // Nobody else writes there, so its end was forgotten. Its events are judged
  // again, as the state before it is what can be read; so the rest of it must
  // not be seen either.
  std::vector<KafkaPartitions> written = {
      {.topic = topics_.state_topic, .only = place_.partition},
      {.topic = topics_.findings_topic}};
  if (!topics_.observations_topic.empty()) {
    written.push_back(
        {.topic = topics_.observations_topic, .only = kObservationsPartition});
  }
  if (!topics_.dead_letters_topic.empty()) {
    written.push_back({.topic = topics_.dead_letters_topic});
  }
  ODDVERB_RETURN_IF_ERROR(transactions_->UndoForgotten(written, deadline));
  has_undone_ = true;
  return absl::OkStatus();
}

KafkaTopicLog KafkaStateLog::Log() const {
  return {.client = client_,
          .topic = topics_.state_topic,
          .partition = place_.partition,
          .group = group_};
}

// Once this process judges: what stands by on this machine may have the same
// directory.
void KafkaStateLog::OpenCopy() {
  if (topics_.copy_dir.empty() || place_.logger == nullptr) return;
  absl::StatusOr<std::unique_ptr<KafkaStateCopy>> copy =
      KafkaStateCopy::Open(topics_.copy_dir, Log(), clock_, *place_.logger);
  if (copy.ok()) {
    copy_ = *std::move(copy);
    return;
  }
  place_.logger->Warn(
      "there is no copy of the state on this machine; a restart reads all of "
      "it",
      {{"error", std::string(copy.status().message())}});
}

absl::Status KafkaStateLog::Read(const Each& each) {
  if (copy_ == nullptr) OpenCopy();
  if (copy_ == nullptr) {
    return ReadTopicLog(Log(), stop_, [&each](const KafkaLogRecord& record) {
      return each(record.key, record.value);
    });
  }
  ODDVERB_RETURN_IF_ERROR(copy_->Read(stop_, each));
  const KafkaStateCopy::Counts& counts = copy_->counts();
  place_.logger->Info("state read",
                      {{"partition", absl::StrCat(place_.partition)},
                       {"of_copy", absl::StrCat(counts.records_of_copy)},
                       {"of_topic", absl::StrCat(counts.records_of_topic)}});
  return absl::OkStatus();
}

KafkaWrite KafkaStateLog::DeadLetter(const DeadLetterRow& row) const {
  KafkaWrite letter = {.topic = topics_.dead_letters_topic, .key = row.source};
  letter.payload = keeps_samples_ ? row.sample : std::string();
  letter.headers = {{"cluster", cluster_},
                    {"source", row.source},
                    {"position", row.place},
                    {"reason", row.reason},
                    {"detail", row.detail},
                    {"record_bytes", std::to_string(row.record_bytes)}};
  return letter;
}

// All of a cluster's in one partition: what concerns several actors needs them
// in one place.
void KafkaStateLog::AppendObservations(const StateLogWrite& write,
                                       KafkaTransaction& transaction) const {
  for (const std::string& observations : write.observations) {
    transaction.writes.push_back({.topic = topics_.observations_topic,
                                  .partition = kObservationsPartition,
                                  .key = std::to_string(place_.partition),
                                  .payload = observations});
  }
}

absl::Status KafkaStateLog::Write(const StateLogWrite& write) {
  ODDVERB_RETURN_IF_ERROR(failure());
  KafkaTransaction transaction;
  transaction.writes.reserve(write.records.size() + write.findings.size());
  for (const StateLogRecord& record : write.records) {
    transaction.writes.push_back({.topic = topics_.state_topic,
                                  .partition = place_.partition,
                                  .key = record.key,
                                  .payload = record.value});
  }
  for (const Finding& finding : write.findings) {
    KafkaMessage message = KafkaMessageOf(finding, FindingFormat::kNative);
    transaction.writes.push_back({.topic = topics_.findings_topic,
                                  .key = std::move(message.key),
                                  .payload = std::move(message.payload),
                                  .headers = std::move(message.headers)});
  }
  AppendObservations(write, transaction);
  if (!topics_.dead_letters_topic.empty()) {
    for (const DeadLetterRow& row : write.dead_letters) {
      transaction.writes.push_back(DeadLetter(row));
    }
  }
  for (const auto& [source, bookmark] : write.bookmarks) {
    ODDVERB_ASSIGN_OR_RETURN(KafkaBookmark parsed,
                             ParseKafkaBookmark(bookmark));
    transaction.offsets[parsed.topic] = std::move(parsed.offsets);
  }
  return transactions_->Write(transaction, *member_,
                              SteadyNow() + kWriteTimeout);
}

absl::Status KafkaStateLog::Settle() {
  ODDVERB_RETURN_IF_ERROR(failure());
  return transactions_->Settle(SteadyNow() + kWriteTimeout);
}

}  // namespace oddverb
