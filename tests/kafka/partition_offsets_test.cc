// What is asked of the leaders of partitions, when others lead them meanwhile.
#include "kafka/partition_offsets.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/time/clock.h"
#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kafka/kafka_topic_ends.h"
#include "kafka/kafka_topic_log.h"
#include "tests/support/becomes_true.h"
#include "tests/support/sanitizers.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kOffsetsTopic[] = "events";

// Two brokers inside librdkafka, of which the first leads the only partition.
class PartitionOffsetsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (UnderThreadSanitizer()) GTEST_SKIP() << kNoKafkaClient;
    char error[256];
    owner_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error,
                          sizeof(error));
    ASSERT_NE(owner_, nullptr) << error;
    brokers_ = rd_kafka_mock_cluster_new(owner_, 2);
    rd_kafka_mock_topic_create(brokers_, kOffsetsTopic, /*partition_cnt=*/1,
                               /*replication_factor=*/2);
    Lead(1);
  }
  void TearDown() override {
    if (brokers_ != nullptr) rd_kafka_mock_cluster_destroy(brokers_);
    if (owner_ != nullptr) rd_kafka_destroy(owner_);
  }

  void Lead(int32_t broker) {
    rd_kafka_mock_partition_set_leader(brokers_, kOffsetsTopic, 0, broker);
  }
  void Stop(int32_t broker) { rd_kafka_mock_broker_set_down(brokers_, broker); }
  KafkaOptions Client() const {
    return {.brokers = {rd_kafka_mock_cluster_bootstraps(brokers_)}};
  }
  std::unique_ptr<KafkaTopicEnds> AskForEnds(
      absl::Duration patience = absl::Minutes(1)) const {
    auto ends = KafkaTopicEnds::Start({.client = Client(),
                                       .topic = kOffsetsTopic,
                                       .group = "g",
                                       .interval = absl::Milliseconds(20),
                                       .patience = patience});
    EXPECT_THAT(ends, IsOk());
    return *std::move(ends);
  }

 private:
  rd_kafka_t* owner_ = nullptr;
  rd_kafka_mock_cluster_t* brokers_ = nullptr;
};

TEST_F(PartitionOffsetsTest, EndsAreToldOnByTheNextLeader) {
  const std::unique_ptr<KafkaTopicEnds> ends = AskForEnds();
  EXPECT_TRUE(BecomesTrue([&] { return !ends->ends().offsets.empty(); }));
  Lead(2);
  const absl::Time moved = SteadyNow();
  EXPECT_TRUE(BecomesTrue([&] { return ends->ends().as_of > moved; }));
  EXPECT_THAT(ends->ends().offsets, ElementsAre(0));
  EXPECT_THAT(ends->health(), IsOk());
}

TEST_F(PartitionOffsetsTest, AnEndThatNobodyTellsForLongIsAProblem) {
  const std::unique_ptr<KafkaTopicEnds> ends =
      AskForEnds(/*patience=*/absl::Seconds(3));
  EXPECT_TRUE(BecomesTrue([&] { return !ends->ends().offsets.empty(); }));
  EXPECT_THAT(ends->health(), IsOk());
  Stop(1);
  EXPECT_TRUE(BecomesTrue([&] { return !ends->health().ok(); }));
  EXPECT_THAT(ends->health().message(), HasSubstr("topic events"));
  Lead(2);
  EXPECT_TRUE(BecomesTrue([&] { return ends->health().ok(); }));
}

TEST_F(PartitionOffsetsTest, ALogIsReadFromTheNextLeader) {
  Stop(1);
  std::atomic<bool> stop = false, has_ended = false;
  absl::Status status;
  std::thread reader([&] {
    status = ReadTopicLog(
        {.client = Client(), .topic = kOffsetsTopic, .group = "g"}, stop,
        [](const KafkaLogRecord&) { return absl::OkStatus(); });
    has_ended = true;
  });
  absl::SleepFor(absl::Seconds(1));  // it knows who led
  Lead(2);
  EXPECT_TRUE(BecomesTrue([&] { return has_ended.load(); }));
  stop = true;
  reader.join();
  EXPECT_THAT(status, IsOk());
}

}  // namespace
}  // namespace oddverb
