#include "app/kafka_observation_feed.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "app/kafka_client.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "ingest/kafka_source.h"

namespace oddverb {
namespace {

constexpr int32_t kPartition = 0;  // the only one
// Of one Read(); the rest waits in the consumer's queue.
constexpr size_t kMaxReadBytes = 1 << 20;

}  // namespace

KafkaObservationFeed::KafkaObservationFeed(
    const ServiceConfig& config, std::unique_ptr<KafkaConsumer> consumer,
    std::unique_ptr<KafkaTopicEnds> source_ends)
    : topic_(config.checkpoint_kafka->observations_topic),
      source_topic_(config.sources.front().kafka.topic),
      consumer_(std::move(consumer)),
      source_ends_(std::move(source_ends)) {}

absl::StatusOr<std::unique_ptr<KafkaObservationFeed>>
KafkaObservationFeed::Make(const ServiceConfig& config, uint32_t partitions) {
  KafkaConsumerOptions options = KafkaConsumerOf(config.sources.front());
  options.topic = config.checkpoint_kafka->observations_topic;
  options.partitions = KafkaConsumerOptions::Partitions::kAll;
  options.only = kPartition;
  // What was said before the first correlator began is of use to it.
  options.start = KafkaConsumerOptions::Start::kBeginning;
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<KafkaConsumer> consumer,
                           KafkaConsumer::Make(options));
  ODDVERB_ASSIGN_OR_RETURN(
      std::unique_ptr<KafkaTopicEnds> source_ends,
      KafkaTopicEnds::Start({.client = options.client,
                             .topic = config.sources.front().kafka.topic,
                             .group = options.group,
                             .partitions = static_cast<int32_t>(partitions)}));
  return std::unique_ptr<KafkaObservationFeed>(new KafkaObservationFeed(
      config, std::move(consumer), std::move(source_ends)));
}

std::string KafkaObservationFeed::Describe(int64_t offset) const {
  return absl::StrCat("topic ", topic_, ", partition ", kPartition, ", offset ",
                      offset);
}

absl::Status KafkaObservationFeed::Resume(std::string_view bookmark) {
  ODDVERB_ASSIGN_OR_RETURN(KafkaBookmark parsed, ParseKafkaBookmark(bookmark));
  if (parsed.topic == topic_) resume_at_ = std::move(parsed.offsets);
  return absl::OkStatus();
}

std::string KafkaObservationFeed::BookmarkOf(int64_t offset) const {
  return KafkaBookmarkText(
      {.topic = topic_, .offsets = {{kPartition, offset}}});
}

absl::Status KafkaObservationFeed::Read(
    absl::Time deadline, const std::function<void(int64_t)>& on_gap,
    std::vector<ObservationMessage>& out) {
  if (!std::exchange(is_started_, true)) {
    consumer_->Start(std::exchange(resume_at_, {}));
  }
  ends_ = source_ends_->ends();
  size_t bytes = 0;
  while (bytes < kMaxReadBytes) {
    ODDVERB_RETURN_IF_ERROR(consumer_->fatal());
    for (const KafkaGap& gap : consumer_->TakeGaps()) on_gap(gap.to);
    KafkaRecord record;
    if (consumer_->Take(kPartition, record) != KafkaConsumer::Step::kRecord) {
      if (!out.empty() || SteadyNow() >= deadline) break;
      consumer_->Wait(deadline);
      continue;
    }
    if (!consumer_->HandOut(record)) continue;
    out.push_back({record.offset, std::string(record.payload)});
    bytes += record.payload.size();
  }
  return absl::OkStatus();
}

bool KafkaObservationFeed::IsAtEnd(uint32_t partition,
                                   std::string_view bookmark) const {
  if (partition >= ends_.offsets.size()) return false;  // nobody answered yet
  const int64_t end = ends_.offsets[partition];
  if (bookmark.empty()) return end == 0;
  absl::StatusOr<KafkaBookmark> judged = ParseKafkaBookmark(bookmark);
  if (!judged.ok() || judged->topic != source_topic_) return false;
  auto offset = judged->offsets.find(static_cast<int32_t>(partition));
  return offset != judged->offsets.end() && offset->second >= end;
}

absl::Status KafkaObservationFeed::health() const {
  ODDVERB_RETURN_IF_ERROR(consumer_->health());
  return source_ends_->health();
}

}  // namespace oddverb
