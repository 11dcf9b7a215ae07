// The observations topic as a CorrelatorRun reads it, and the ends of the
// source's partitions, by which it knows who has judged all that there is.
#ifndef ODDVERB_APP_KAFKA_OBSERVATION_FEED_H_
#define ODDVERB_APP_KAFKA_OBSERVATION_FEED_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/service_config.h"
#include "kafka/kafka_consumer.h"
#include "kafka/kafka_topic_ends.h"
#include "pipeline/observation_feed.h"

namespace oddverb {

// One thread, but for health() and consumer().
class KafkaObservationFeed final : public ObservationFeed {
 public:
  // `partitions`: of the source's topic. FailedPrecondition: what the
  // configuration names cannot be used.
  static absl::StatusOr<std::unique_ptr<KafkaObservationFeed>> Make(
      const ServiceConfig& config, uint32_t partitions);

  std::string name() const override { return topic_; }
  std::string Describe(int64_t offset) const override;
  absl::Status Resume(std::string_view bookmark) override;
  std::string BookmarkOf(int64_t offset) const override;
  absl::Status Read(absl::Time deadline,
                    const std::function<void(int64_t)>& on_gap,
                    std::vector<ObservationMessage>& out) override;
  bool IsAtEnd(uint32_t partition, std::string_view bookmark) const override;
  absl::Time as_of() const override { return ends_.as_of; }
  absl::Status health() const override;

  const KafkaConsumer& consumer() const { return *consumer_; }

 private:
  KafkaObservationFeed(const ServiceConfig& config,
                       std::unique_ptr<KafkaConsumer> consumer,
                       std::unique_ptr<KafkaTopicEnds> source_ends);

  const std::string topic_, source_topic_;
  std::unique_ptr<KafkaConsumer> consumer_;
  std::unique_ptr<KafkaTopicEnds> source_ends_;
  KafkaTopicEnds::Ends ends_;  // as of the last Read()
  bool is_started_ = false;
  KafkaOffsets resume_at_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_KAFKA_OBSERVATION_FEED_H_
