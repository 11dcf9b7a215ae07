// How members of a group share out partitions: what one hands over, loses and
// gets again.
#include "kafka/kafka_shares.h"

#include <mutex>
#include <set>

#include "absl/time/clock.h"
#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kafka/kafka_topic_ends.h"
#include "tests/support/becomes_true.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;

// Keeps the partitions that it has. Thread-safe.
class Owner final : public KafkaShares::Owner {
 public:
  void OnGiven(const std::vector<int32_t>& partitions) override {
    std::lock_guard<std::mutex> lock(mutex_);
    ours_.insert(partitions.begin(), partitions.end());
  }
  void OnTaken(const std::vector<int32_t>& partitions, Ending ending) override {
    // Work is finished while nobody else has them.
    if (ending == Ending::kHandedOver) absl::SleepFor(absl::Milliseconds(300));
    std::lock_guard<std::mutex> lock(mutex_);
    if (ending == Ending::kLost) lost_ += partitions.size();
    for (int32_t partition : partitions) ours_.erase(partition);
  }
  std::set<int32_t> ours() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return ours_;
  }
  size_t lost() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return lost_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<int32_t> ours_;
  size_t lost_ = 0;
};

class KafkaSharesTest : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    broker_ = std::make_unique<KafkaBroker>(KafkaBroker::Options{
        .version = version_,
        .settings = {"group.min.session.timeout.ms=1000"}});
    ASSERT_TRUE(broker_->is_running());
    topics_ = std::make_unique<KafkaTopics>(broker_->address());
    topics_->Create("state", 7);
  }
  KafkaOptions Client() const {
    return {.brokers = {broker_->address()},
            .properties = {{"session.timeout.ms", "2000"},
                           {"heartbeat.interval.ms", "300"}}};
  }
  std::unique_ptr<KafkaShares> Join(Owner& owner) const {
    auto member = KafkaShares::Start(
        {.client = Client(), .topic = "state", .group = "g"}, owner);
    EXPECT_THAT(member, IsOk());
    return member.ok() ? *std::move(member) : nullptr;
  }

  std::unique_ptr<KafkaBroker> broker_;
  std::unique_ptr<KafkaTopics> topics_;
};

TEST_F(KafkaSharesTest, NobodyHasWhatAnotherOneStillHas) {
  Owner one, two;
  auto first = Join(one);
  ASSERT_TRUE(BecomesTrue([&] { return one.ours().size() == 7; }));
  auto second = Join(two);
  EXPECT_TRUE(BecomesTrue([&] {
    // In this order: what has gone to the second one in between is not seen
    // with the first one any more.
    const std::set<int32_t> of_two = two.ours();
    for (int32_t partition : one.ours()) {
      EXPECT_FALSE(of_two.contains(partition)) << partition;
    }
    return of_two.size() >= 3 && of_two.size() + one.ours().size() == 7;
  }));
  EXPECT_EQ(one.lost(), 0u);
  // Who leaves in order tells its owner nothing, who has ended before.
  const std::set<int32_t> had = one.ours();
  first.reset();
  EXPECT_EQ(one.ours(), had);
  EXPECT_TRUE(BecomesTrue([&] { return two.ours().size() == 7; }));
}

TEST_F(KafkaSharesTest, LosesWhatItCannotReachAndGetsItAgain) {
  Owner owner;
  auto member = Join(owner);
  ASSERT_TRUE(BecomesTrue([&] { return owner.ours().size() == 7; }));
  broker_->Kill();
  EXPECT_TRUE(BecomesTrue([&] { return owner.lost() == 7; }));
  EXPECT_TRUE(owner.ours().empty());
  EXPECT_FALSE(member->health().ok());
  broker_->Start();
  EXPECT_TRUE(BecomesTrue([&] { return owner.ours().size() == 7; }));
  EXPECT_THAT(member->failure(), IsOk());
}

TEST_F(KafkaSharesTest, TheEndsOfATopicAreThoseOfWhatCanBeRead) {
  topics_->Create("events", 3);
  topics_->Write("events", 1, {"a", "b"});
  auto ends = KafkaTopicEnds::Start({.client = Client(),
                                     .topic = "events",
                                     .group = "g",
                                     .partitions = 3,
                                     .interval = absl::Milliseconds(20)});
  ASSERT_THAT(ends, IsOk());
  EXPECT_TRUE(BecomesTrue([&] { return !(*ends)->ends().offsets.empty(); }));
  EXPECT_THAT((*ends)->ends().offsets, ElementsAre(0, 2, 0));
  const absl::Time before = SteadyNow();
  topics_->Write("events", 2, {"c"});
  EXPECT_TRUE(BecomesTrue([&] { return (*ends)->ends().offsets[2] == 1; }));
  EXPECT_GE((*ends)->ends().as_of, before);
  // Without an answer the last one stays, and is known to be old.
  broker_->Kill();
  const absl::Time killed = SteadyNow();
  absl::SleepFor(absl::Milliseconds(100));
  EXPECT_THAT((*ends)->ends().offsets, ElementsAre(0, 2, 1));
  EXPECT_LE((*ends)->ends().as_of, killed);
}

}  // namespace
}  // namespace oddverb
