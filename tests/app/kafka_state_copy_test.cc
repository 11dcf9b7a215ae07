// A copy of the state topic on this machine: what a restart reads from where,
// and that it is the same as without one.
#include "app/kafka_state_copy.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "app/kafka_state_log.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/becomes_true.h"
#include "tests/support/input_files.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_service_config.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTopic[] = "oddverb.state";
using Content = std::map<std::string, std::string>;

class KafkaStateCopyTest : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    if (IsSkipped() || HasFailure()) return;
    broker_ = std::make_unique<KafkaBroker>(
        KafkaBroker::Options{.version = version_});
    ASSERT_TRUE(broker_->is_running());
    topics_ = std::make_unique<KafkaTopics>(broker_->address());
    CreateTopic();
    config_ = KafkaServiceConfig(broker_->address());
    config_.sources.front().group = "g";
    config_.checkpoint_kafka->state_topic = kTopic;
  }
  void CreateTopic() {
    topics_->Create(kTopic, 1, {{"cleanup.policy", "compact"}});
  }

  std::unique_ptr<KafkaStateLog> Judge() {
    absl::StatusOr<std::unique_ptr<KafkaStateLog>> log =
        KafkaStateLog::Open(config_, {.logger = &logger_}, member_, stop_);
    EXPECT_THAT(log, IsOk());
    absl::Status status;
    EXPECT_TRUE(BecomesTrue([&] {
      status = (*log)->TakeOver();
      return !absl::IsUnavailable(status);
    }));
    EXPECT_THAT(status, IsOk());
    return *std::move(log);
  }
  // In one transaction. Brokers say that it is committed before it is to be
  // read.
  void Write(KafkaStateLog& log, const std::vector<StateLogRecord>& records) {
    EXPECT_TRUE(
        BecomesTrue([&] { return log.Write({.records = records}).ok(); }));
    EXPECT_TRUE(BecomesTrue([&] {
      const Content content = Truth().content;
      return std::all_of(
          records.begin(), records.end(), [&](const StateLogRecord& record) {
            auto found = content.find(record.key);
            return found == content.end() ? !record.value.has_value()
                                          : record.value == found->second;
          });
    }));
  }
  std::unique_ptr<KafkaStateCopy> Copy() {
    auto copy =
        KafkaStateCopy::Open(folder_.path("copies"), Log(), clock_, logger_);
    EXPECT_THAT(copy, IsOk());
    return copy.ok() ? *std::move(copy) : nullptr;
  }
  KafkaTopicLog Log() const {
    return {.client = {.brokers = {broker_->address()}},
            .topic = kTopic,
            .group = "g"};
  }
  absl::StatusOr<Content> Read(KafkaStateCopy& copy) {
    Content content;
    absl::Status status = copy.Read(
        stop_,
        [&](std::string_view key, std::optional<std::string_view> value) {
          content.erase(std::string(key));
          if (value.has_value()) content[std::string(key)] = *value;
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    return content;
  }
  // What the topic says, read once without a copy, and where it ends.
  struct Whole {
    Content content;
    uint64_t end = 0;
  };
  Whole Truth() {
    Whole whole;
    auto reader = KafkaTopicLogReader::Open(Log());
    EXPECT_THAT(reader, IsOk());
    EXPECT_THAT((*reader)->ReadToEnd(
                    stop_,
                    [&](const KafkaLogRecord& record) {
                      whole.content.erase(std::string(record.key));
                      if (record.value.has_value()) {
                        whole.content[std::string(record.key)] = *record.value;
                      }
                      return absl::OkStatus();
                    }),
                IsOk());
    whole.end = static_cast<uint64_t>((*reader)->position());
    return whole;
  }
  // The end is asked for each time: the mark of a transaction may come behind
  // what is to be read already.
  bool Follows(const KafkaStateCopy& copy) {
    return BecomesTrue([&] { return copy.next_offset() == Truth().end; });
  }
  // Of all that is in the topic.
  void MakeCopy() {
    std::unique_ptr<KafkaStateCopy> copy = Copy();
    ASSERT_THAT(Read(*copy), IsOk());
    EXPECT_EQ(copy->counts().records_of_copy, 0u);
    EXPECT_TRUE(Follows(*copy));
  }

  std::unique_ptr<KafkaBroker> broker_;
  std::unique_ptr<KafkaTopics> topics_;
  TempFolder folder_;
  FixedClock clock_;
  std::ostringstream log_text_;
  Logger logger_{LogOptions(), clock_, log_text_};
  ServiceConfig config_;
  const NoKafkaMember member_{};
  std::atomic<bool> stop_{false};
};

std::vector<StateLogRecord> Numbered(int begin, int end) {
  std::vector<StateLogRecord> records;
  for (int i = begin; i < end; ++i) {
    records.push_back({absl::StrCat("key ", i), absl::StrCat("value ", i)});
  }
  return records;
}

TEST_F(KafkaStateCopyTest, ARestartReadsOnlyWhatCameSince) {
  std::unique_ptr<KafkaStateLog> judge = Judge();
  Write(*judge, Numbered(0, 1000));
  {
    std::unique_ptr<KafkaStateCopy> copy = Copy();
    ASSERT_THAT(Read(*copy), IsOk());
    EXPECT_EQ(copy->counts().records_of_topic, 1000u);
    // It follows what is written while the service runs.
    Write(*judge, {{"key 1", "anew"}, {"key 2", std::nullopt}});
    EXPECT_TRUE(Follows(*copy)) << log_text_.str();
  }
  Write(*judge, {{"key 3", std::nullopt}, {"key 4", "anew"}, {"late", "1"}});
  for (uint64_t since : {3, 0}) {
    std::unique_ptr<KafkaStateCopy> copy = Copy();
    absl::StatusOr<Content> content = Read(*copy);
    ASSERT_THAT(content, IsOk());
    EXPECT_EQ(*content, Truth().content);
    EXPECT_EQ(content->size(), 999u);
    EXPECT_EQ(copy->counts().records_of_topic, since);
    EXPECT_TRUE(Follows(*copy));
  }
}

// Undoes what it writes to the log of the state, with a letter that is too
// large.
class KafkaStateCopyUndoneTest : public KafkaStateCopyTest {
 protected:
  void SetUp() override {
    KafkaStateCopyTest::SetUp();
    if (IsSkipped() || HasFailure()) return;
    topics_->Create("oddverb.dlq", 1, {{"max.message.bytes", "200"}});
    config_.checkpoint_kafka->dead_letters_topic = "oddverb.dlq";
  }
  static void WriteAndUndo(KafkaStateLog& log) {
    std::mt19937_64 random(1);  // which no compression makes small
    std::string sample;
    while (sample.size() < 2000) absl::StrAppend(&sample, absl::Hex(random()));
    DeadLetterRow large;
    large.source = "topic";
    large.sample = sample;
    EXPECT_THAT(log.Write({.records = {{"key 1", "undone"}, {"undone", "1"}},
                           .dead_letters = {&large, 1}}),
                Not(IsOk()));
  }
};

TEST_F(KafkaStateCopyUndoneTest, ItMovesOnWhereNothingIsToBeRead) {
  std::unique_ptr<KafkaStateLog> judge = Judge();
  Write(*judge, Numbered(0, 10));
  std::unique_ptr<KafkaStateCopy> copy = Copy();
  ASSERT_THAT(Read(*copy), IsOk());
  ASSERT_TRUE(Follows(*copy));
  const uint64_t before = copy->next_offset();
  WriteAndUndo(*judge);
  EXPECT_TRUE(BecomesTrue([&] { return Truth().end >= before + 3; }));
  EXPECT_TRUE(Follows(*copy)) << log_text_.str();
}

TEST_F(KafkaStateCopyUndoneTest, WhatWasUndoneIsNotInIt) {
  std::unique_ptr<KafkaStateLog> judge = Judge();
  Write(*judge, Numbered(0, 10));
  MakeCopy();
  const uint64_t before = Truth().end;
  WriteAndUndo(*judge);
  Write(*judge, {{"later", "1"}});
  EXPECT_GE(Truth().end, before + 5) << "nothing was undone";
  std::unique_ptr<KafkaStateCopy> copy = Copy();
  absl::StatusOr<Content> content = Read(*copy);
  ASSERT_THAT(content, IsOk());
  EXPECT_EQ(content->size(), 11u);
  EXPECT_EQ((*content)["key 1"], "value 1");
  EXPECT_EQ(copy->counts().records_of_topic, 1u);
  EXPECT_TRUE(Follows(*copy));
  copy.reset();
  EXPECT_EQ(*Read(*Copy()), *content);
}

TEST_F(KafkaStateCopyTest, ATopicThatWasMadeAnewIsReadAsAWhole) {
  Write(*Judge(), Numbered(0, 100));
  MakeCopy();
  topics_->Delete(kTopic);
  CreateTopic();
  Write(*Judge(), Numbered(500, 700));
  std::unique_ptr<KafkaStateCopy> copy = Copy();
  absl::StatusOr<Content> content = Read(*copy);
  ASSERT_THAT(content, IsOk());
  EXPECT_EQ(*content, Truth().content);
  EXPECT_EQ(content->size(), 200u);
  EXPECT_EQ(copy->counts().records_of_copy, 0u);
}

TEST_F(KafkaStateCopyTest, OneThatIsTooOldOrOfTheFutureIsNotUsed) {
  Write(*Judge(), Numbered(0, 10));
  for (absl::Duration passed :
       {KafkaStateCopy::kMaxAge, -absl::Hours(1), absl::Minutes(1)}) {
    MakeCopy();
    clock_.now += passed;
    std::unique_ptr<KafkaStateCopy> copy = Copy();
    ASSERT_THAT(Read(*copy), IsOk());
    const bool is_used = passed == absl::Minutes(1);
    EXPECT_EQ(copy->counts().records_of_copy, is_used ? 10u : 0u);
    EXPECT_EQ(copy->counts().records_of_topic, is_used ? 0u : 10u);
    copy.reset();
    std::filesystem::remove_all(folder_.path("copies"));
  }
}

TEST_F(KafkaStateCopyTest, ADamagedOneIsDroppedAndAllIsRead) {
  Write(*Judge(), Numbered(0, 10));
  MakeCopy();
  const std::string name = "copies/oddverb.state-0/oddverb.db";
  std::ifstream in(folder_.path(name), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const size_t at = bytes.find("value 7");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'V';
  folder_.Write(name, bytes);
  std::unique_ptr<KafkaStateCopy> copy = Copy();
  EXPECT_THAT(Read(*copy),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("damaged")));
  EXPECT_THAT(log_text_.str(), HasSubstr("is dropped"));
  absl::StatusOr<Content> content = Read(*copy);
  ASSERT_THAT(content, IsOk());
  EXPECT_EQ(*content, Truth().content);
  EXPECT_EQ(copy->counts().records_of_copy, 0u);
}

TEST_F(KafkaStateCopyTest, AJudgeGoesOnWithoutOneThatItCannotHave) {
  Write(*Judge(), Numbered(0, 10));
  auto read = [&] {
    uint64_t records = 0;
    EXPECT_THAT(
        Judge()->Read([&](std::string_view, std::optional<std::string_view>) {
          ++records;
          return absl::OkStatus();
        }),
        IsOk());
    return records;
  };
  config_.checkpoint_kafka->copy_dir = folder_.path("copies");
  EXPECT_EQ(read(), 10u);
  EXPECT_THAT(log_text_.str(), HasSubstr("of_topic=10"));
  EXPECT_THAT(log_text_.str(), Not(HasSubstr("there is no copy")));
  std::unique_ptr<KafkaStateCopy> other = Copy();  // has the directory now
  EXPECT_EQ(read(), 10u);
  EXPECT_THAT(log_text_.str(), HasSubstr("there is no copy"));
}

}  // namespace
}  // namespace oddverb
