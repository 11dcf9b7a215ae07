// The source against a real broker.
#include "ingest/kafka_source.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kTopic[] = "audit";

// A record whose stage time is `second`.
std::string EventAt(int second) {
  return absl::StrCat(
      R"({"n":)", second, R"(,"stageTimestamp":"2026-11-23T00:)", second / 600,
      second / 60 % 10, ":", second % 60 / 10, second % 10, R"(.000000Z"})");
}
std::vector<std::string> EventsAt(const std::vector<int>& seconds) {
  std::vector<std::string> events;
  for (int second : seconds) events.push_back(EventAt(second));
  return events;
}

class KafkaSourceTest : public KafkaTest {
 protected:
  KafkaSourceTest() = default;
  void SetUp() override {
    KafkaTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    broker_ = std::make_unique<KafkaBroker>(
        KafkaBroker::Options{.version = version_});
    ASSERT_TRUE(broker_->is_running());
    topics_ = std::make_unique<KafkaTopics>(broker_->address());
  }

  std::unique_ptr<KafkaSource> Open(std::string_view bookmark = "") {
    KafkaSource::Options options;
    options.source_index = 2;
    options.max_record_bytes = 1000;
    options.merge_patience = absl::Seconds(30);
    options.consumer.client.brokers = {broker_->address()};
    options.consumer.client.properties = {{"session.timeout.ms", "6000"},
                                          {"statistics.interval.ms", "500"}};
    options.consumer.topic = kTopic;
    options.consumer.group = "oddverb";
    auto made = KafkaSource::Make(options);
    EXPECT_THAT(made, IsOk());
    EXPECT_THAT((*made)->Resume(bookmark), IsOk());
    return *std::move(made);
  }

  // Reads until `done`, into records_, rejected_ and bookmark_.
  bool ReadUntil(KafkaSource& source, const std::function<bool()>& done) {
    absl::Time give_up = SteadyNow() + absl::Seconds(60);
    RawBatch batch;
    while (!done()) {
      if (SteadyNow() > give_up) return false;
      EXPECT_THAT(source.Read(SteadyNow() + absl::Milliseconds(50), batch),
                  IsOk());
      for (size_t i = 0; i < batch.records.size(); ++i) {
        RecordSpan span = batch.records[i];
        records_.emplace_back(
            batch.bytes->view().substr(span.offset, span.length));
        last_ = batch.positions[i];
      }
      for (Rejected& rejected : batch.rejected) {
        rejected_.push_back(std::move(rejected));
      }
      if (!batch.bookmark.empty()) bookmark_ = batch.bookmark;
    }
    return true;
  }
  bool ReadAll(KafkaSource& source, size_t wanted) {
    return ReadUntil(source, [&] { return records_.size() >= wanted; });
  }

  std::unique_ptr<KafkaBroker> broker_;
  std::unique_ptr<KafkaTopics> topics_;
  std::vector<std::string> records_;
  std::vector<Rejected> rejected_;
  std::string bookmark_;
  Position last_;
};

TEST_F(KafkaSourceTest, MergesABacklogByTimeAndGoesOnBehindItsBookmark) {
  topics_->Create(kTopic, 3);
  topics_->Write(kTopic, 0, EventsAt({0, 3, 6, 9, 12}));
  topics_->Write(kTopic, 2, EventsAt({1, 2, 7, 8}));
  {
    auto source = Open();
    ASSERT_TRUE(ReadAll(*source, 9));
  }
  EXPECT_EQ(records_, EventsAt({0, 1, 2, 3, 6, 7, 8, 9, 12}));
  EXPECT_EQ(last_, (Position{.source = 2, .stream = 0, .offset = 4}));
  const std::string bookmark = bookmark_;
  topics_->Write(kTopic, 1, EventsAt({13}));
  topics_->Write(kTopic, 0, EventsAt({14, 15}));
  for (int life = 0; life < 2; ++life) {  // the same from the same bookmark
    records_.clear();
    auto source = Open(bookmark);
    ASSERT_TRUE(ReadAll(*source, 3));
    EXPECT_EQ(records_, EventsAt({13, 14, 15}));
    EXPECT_EQ(source->Describe(last_), "topic audit, partition 0, offset 6");
    // Now the group knows, too, and so a first start goes on behind it.
    if (life == 0) continue;
    EXPECT_THAT(source->Commit(last_), IsOk());
  }
  topics_->Write(kTopic, 0, EventsAt({16}));
  topics_->Write(kTopic, 1, EventsAt({17}));
  records_.clear();
  auto source = Open();
  ASSERT_TRUE(ReadUntil(*source, [&] {
    return !records_.empty() && records_.back() == EventAt(17);
  }));
  EXPECT_THAT(records_, testing::Contains(EventAt(16)));
  EXPECT_THAT(records_, testing::Not(testing::Contains(EventAt(15))));
}

TEST_F(KafkaSourceTest, RejectsWhatIsMissingAndWhatIsTooLarge) {
  topics_->Create(kTopic, 1);
  topics_->Write(kTopic, 0, EventsAt({0, 1, 2}));
  {
    auto source = Open();
    ASSERT_TRUE(ReadAll(*source, 3));
  }
  topics_->Write(kTopic, 0, EventsAt({3, 4, 5}));
  topics_->DeleteBefore(kTopic, 0, 5);
  topics_->Write(kTopic, 0, {std::string(2000, 'x')});
  topics_->WriteTombstone(kTopic, 0);
  topics_->Write(kTopic, 0, EventsAt({6}));
  auto source = Open(bookmark_);
  ASSERT_TRUE(ReadAll(*source, 5));
  EXPECT_EQ(records_, EventsAt({0, 1, 2, 5, 6}));
  ASSERT_THAT(rejected_, SizeIs(2));
  EXPECT_EQ(rejected_[0].reason, RejectReason::kExpired);
  EXPECT_EQ(source->Describe(rejected_[0].position),
            "topic audit, partition 0, offset 3");
  EXPECT_THAT(rejected_[0].detail, HasSubstr("2 messages from offset 3 on"));
  EXPECT_EQ(rejected_[1].reason, RejectReason::kOversized);
  EXPECT_EQ(rejected_[1].position.offset, 6u);
  EXPECT_EQ(rejected_[1].record_bytes, 2000u);
}

TEST_F(KafkaSourceTest, RefusesADamagedBookmarkAndIgnoresAnotherTopics) {
  topics_->Create(kTopic, 1);
  topics_->Write(kTopic, 0, EventsAt({0}));
  auto source = Open();
  ASSERT_TRUE(ReadAll(*source, 1));
  KafkaSource::Options other;
  other.consumer.client.brokers = {broker_->address()};
  other.consumer.topic = "other";
  other.consumer.group = "oddverb";
  auto made = KafkaSource::Make(other);
  ASSERT_THAT(made, IsOk());
  EXPECT_THAT((*made)->Resume(bookmark_), IsOk());
  EXPECT_THAT(
      (*made)->Resume(std::string_view(bookmark_).substr(0, 8)),
      StatusIs(absl::StatusCode::kDataLoss, testing::Not(testing::IsEmpty())));
}

}  // namespace
}  // namespace oddverb
