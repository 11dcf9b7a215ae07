#include "app/kafka_state_log.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "app/kafka_client.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "exporters/kafka_exporter.h"
#include "ingest/kafka_source.h"
#include "kafka/kafka_topic_log.h"

namespace oddverb {
namespace {

constexpr int32_t kStatePartition = 0;
// Of one attempt; whoever asked tries again.
constexpr absl::Duration kWriteTimeout = absl::Seconds(10);
constexpr absl::Duration kTakeOverTimeout = absl::Seconds(5);

}  // namespace

KafkaStateLog::KafkaStateLog(const ServiceConfig& config,
                             const std::atomic<bool>& stop)
    : topics_(*config.checkpoint_kafka),
      client_(KafkaClientOf(config.sources.front().kafka)),
      cluster_(config.cluster),
      group_(config.sources.front().group),
      keeps_samples_(config.secret_bodies == SecretBodies::kKeep),
      stop_(stop) {}

absl::StatusOr<std::unique_ptr<KafkaStateLog>> KafkaStateLog::Join(
    const ServiceConfig& config, const std::atomic<bool>& stop) {
  std::unique_ptr<KafkaStateLog> made(new KafkaStateLog(config, stop));
  const KafkaCheckpointConfig& topics = made->topics_;
  ODDVERB_ASSIGN_OR_RETURN(
      made->leadership_,
      KafkaLeadership::Start(
          {.client = made->client_,
           .topic = topics.state_topic,
           .group = made->group_,
           .instance_id = config.sources.front().instance_id}));
  ODDVERB_ASSIGN_OR_RETURN(
      made->transactions_,
      KafkaTransactions::Make(
          {.client = made->client_,
           .transactional_id = topics.transactional_id.empty()
                                   ? made->group_
                                   : topics.transactional_id,
           .topic = topics.state_topic,
           .group = made->group_}));
  return made;
}

absl::Status KafkaStateLog::TakeOver() {
  return transactions_->Begin(SteadyNow() + kTakeOverTimeout);
}

absl::Status KafkaStateLog::Read(const Each& each) {
  return ReadTopicLog({.client = client_,
                       .topic = topics_.state_topic,
                       .partition = kStatePartition,
                       .group = group_},
                      stop_, each);
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

absl::Status KafkaStateLog::Write(const StateLogWrite& write) {
  KafkaTransaction transaction;
  transaction.writes.reserve(write.records.size() + write.findings.size());
  for (const StateLogRecord& record : write.records) {
    transaction.writes.push_back({.topic = topics_.state_topic,
                                  .partition = kStatePartition,
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
  return transactions_->Write(transaction, *leadership_,
                              SteadyNow() + kWriteTimeout);
}

absl::Status KafkaStateLog::Settle() {
  return transactions_->Settle(SteadyNow() + kWriteTimeout);
}

}  // namespace oddverb
