// A LogCheckpoint over a log in memory: what it restores, what it does when it
// is not known whether a write is there, and who may use whose log.
#include "pipeline/log_checkpoint.h"

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/memory_state_log.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LogCheckpointTest : public ::testing::Test {
 protected:
  std::unique_ptr<LogCheckpoint> Open(LogCheckpoint::Options options = {
                                          .owner = "group a"}) {
    auto opened = LogCheckpoint::Open(std::move(options), log_);
    EXPECT_THAT(opened, IsOk());
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  // What another process would restore now.
  std::optional<Restored> RestoredAnew() {
    auto restored = Open()->Restore();
    EXPECT_THAT(restored, IsOk());
    return restored.ok() ? *std::move(restored) : std::nullopt;
  }
  static std::vector<uint64_t> NumbersOf(
      const absl::StatusOr<std::vector<OutboxEntry>>& entries) {
    EXPECT_THAT(entries, IsOk());
    std::vector<uint64_t> numbers;
    for (const OutboxEntry& entry : *entries) numbers.push_back(entry.number);
    return numbers;
  }

  MemoryStateLog log_;
  std::vector<std::string> sinks_ = {"one", "two"};
};

TEST_F(LogCheckpointTest, ANewOneIsEmptyAndHasAKeyThatStays) {
  auto first = Open();
  auto restored = first->Restore();
  ASSERT_THAT(restored, IsOk());
  EXPECT_FALSE(restored->has_value());
  EXPECT_THAT(first->Commit(NumberedBatch(1)), IsOk());
  const std::string_view probe = "probe";
  EXPECT_EQ(Open()->hash().Hash(probe), first->hash().Hash(probe));
  MemoryStateLog other;
  auto opened = LogCheckpoint::Open({.owner = "group a"}, other);
  ASSERT_THAT(opened, IsOk());
  EXPECT_NE((*opened)->hash().Hash(probe), first->hash().Hash(probe));
}

TEST_F(LogCheckpointTest, AKeyThatSeveralShareIsTheLogsOrItIsRefused) {
  const std::string key = "00112233445566778899aabbccddeeff";
  const std::string_view probe = "probe";
  auto first = Open({.owner = "group a", .hash_key = key});
  EXPECT_THAT(first->Commit(NumberedBatch(1)), IsOk());
  auto other_owner = Open({.owner = "group a", .hash_key = key});
  EXPECT_EQ(other_owner->hash().Hash(probe), first->hash().Hash(probe));
  MemoryStateLog empty;
  auto same_key =
      LogCheckpoint::Open({.owner = "group a, 2", .hash_key = key}, empty);
  ASSERT_THAT(same_key, IsOk());
  EXPECT_EQ((*same_key)->hash().Hash(probe), first->hash().Hash(probe));
  EXPECT_THAT(
      LogCheckpoint::Open(
          {.owner = "group a", .hash_key = "ff112233445566778899aabbccddeeff"},
          log_),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("another key")));
}

TEST_F(LogCheckpointTest, ObservationsGoOutWithTheTransactionOrNotAtAll) {
  auto checkpoint = Open();
  CheckpointBatch batch = NumberedBatch(1);
  batch.observations = {"first", "second"};
  log_.FailNext(MemoryStateLog::Outcome::kNotThere);
  EXPECT_THAT(checkpoint->Commit(batch),
              StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_THAT(log_.observations(), IsEmpty());
  EXPECT_THAT(checkpoint->Commit(batch), IsOk());
  EXPECT_THAT(log_.observations(), ElementsAre("first", "second"));
}

TEST_F(LogCheckpointTest, RestoresTheLastCommitAndOnlyThat) {
  auto checkpoint = Open();
  for (uint64_t n = 1; n <= 3; ++n) {
    EXPECT_THAT(checkpoint->Commit(NumberedBatch(n)), IsOk());
    std::optional<Restored> restored = RestoredAnew();
    ASSERT_TRUE(restored.has_value());
    EXPECT_EQ(restored->records_judged, NumberedBatch(n).records_judged);
    EXPECT_EQ(restored->bookmarks, NumberedBatch(n).bookmarks);
    EXPECT_THAT(restored->outbox, SizeIs(n));
    EXPECT_TRUE(std::is_sorted(restored->state.begin(), restored->state.end(),
                               [](const StateRow& a, const StateRow& b) {
                                 return std::tie(a.owner, a.kind, a.id) <
                                        std::tie(b.owner, b.kind, b.id);
                               }));
  }
  // The findings, dead letters and bookmarks went out with it.
  EXPECT_THAT(log_.findings(), SizeIs(3));
  EXPECT_THAT(log_.dead_letters(), SizeIs(3));
  EXPECT_EQ(log_.bookmarks(), NumberedBatch(3).bookmarks);
}

TEST_F(LogCheckpointTest, LargeRowsAreCutAndPutTogetherAgain) {
  auto checkpoint = Open();
  for (size_t size : {size_t{3}, 3 * kMaxStateLogValue + 7, kMaxStateLogValue,
                      kMaxStateLogValue + 1, size_t{0}}) {
    CheckpointBatch batch = NumberedBatch(1);
    std::string bytes(size, 'x');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31);
    batch.state = {{"big", 1, 7, bytes}, {"big", 1, 8, "small"}};
    EXPECT_THAT(checkpoint->Commit(batch), IsOk());
    std::optional<Restored> restored = RestoredAnew();
    ASSERT_TRUE(restored.has_value());
    ASSERT_THAT(restored->state, SizeIs(2));
    EXPECT_EQ(restored->state[0].bytes, bytes) << size;
    EXPECT_EQ(restored->state[1].bytes, "small");
  }
  for (const auto& [key, value] : log_.content()) {
    EXPECT_LE(value.size(), kMaxStateLogValue + 10) << key;
  }
}

TEST_F(LogCheckpointTest, FindingsStayInTheLogUntilEverySinkHasThem) {
  auto checkpoint = Open();
  ASSERT_THAT(checkpoint->UseSinks(sinks_), IsOk());
  EXPECT_THAT(checkpoint->Commit(NumberedBatch(1)), IsOk());
  auto second = checkpoint->Commit(NumberedBatch(2));
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(*second, 2u);
  EXPECT_THAT(checkpoint->Delivered(2), IsOk());
  EXPECT_THAT(checkpoint->Advance({.cursor = {"one", 2, "its state"}}), IsOk());
  EXPECT_THAT(NumbersOf(checkpoint->ReadOutbox(0, 10)), ElementsAre(1, 2));
  auto other = Open();
  auto cursors = other->UseSinks(sinks_);
  ASSERT_THAT(cursors, IsOk());
  EXPECT_EQ((*cursors)[0].delivered, 2u);
  EXPECT_EQ((*cursors)[0].state, "its state");
  EXPECT_EQ((*cursors)[1].delivered, 0u);
  EXPECT_THAT(NumbersOf(other->ReadOutbox(0, 10)), ElementsAre(1, 2));
  EXPECT_THAT(checkpoint->Advance({.cursor = {"two", 1, ""}}), IsOk());
  EXPECT_THAT(NumbersOf(checkpoint->ReadOutbox(0, 10)), ElementsAre(2));
  EXPECT_THAT(checkpoint->Advance({.cursor = {"two", 2, ""}}), IsOk());
  EXPECT_THAT(NumbersOf(Open()->ReadOutbox(0, 10)), IsEmpty());
  EXPECT_EQ(checkpoint->usage().outbox_findings, 0u);
  EXPECT_EQ(Open()->newest_finding(), 2u);
}

TEST_F(LogCheckpointTest, WhatWasAbortedIsWrittenAgainAsAWhole) {
  auto checkpoint = Open();
  EXPECT_THAT(checkpoint->Commit(NumberedBatch(1)), IsOk());
  log_.FailNext(MemoryStateLog::Outcome::kNotThere);
  EXPECT_THAT(checkpoint->Commit(NumberedBatch(2)),
              StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_EQ(RestoredAnew()->records_judged, NumberedBatch(1).records_judged);
  auto again = checkpoint->Commit(NumberedBatch(2));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(*again, 2u);
  EXPECT_THAT(log_.findings(), SizeIs(2));
}

TEST_F(LogCheckpointTest, ACommitOfUnknownFateIsSettledNotRepeated) {
  for (auto fate : {MemoryStateLog::Outcome::kUndecidedThere,
                    MemoryStateLog::Outcome::kUndecidedNotThere}) {
    log_ = MemoryStateLog();
    auto checkpoint = Open();
    ASSERT_THAT(checkpoint->UseSinks(sinks_), IsOk());
    EXPECT_THAT(checkpoint->Commit(NumberedBatch(1)), IsOk());
    log_.FailNext(fate);
    EXPECT_THAT(checkpoint->Commit(NumberedBatch(2)),
                StatusIs(absl::StatusCode::kUnavailable, _));
    // A sink meanwhile does not settle what another one waits for.
    EXPECT_THAT(checkpoint->Advance({.cursor = {"one", 1, ""}}),
                StatusIs(absl::StatusCode::kUnavailable, _));
    log_.FailNext(MemoryStateLog::Outcome::kStillUndecided);
    EXPECT_THAT(checkpoint->Commit(NumberedBatch(2)),
                StatusIs(absl::StatusCode::kUnavailable, _));
    auto again = checkpoint->Commit(NumberedBatch(2));
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(*again, 2u);
    EXPECT_THAT(log_.findings(), SizeIs(2));
    EXPECT_THAT(checkpoint->Advance({.cursor = {"one", 2, ""}}), IsOk());
    EXPECT_EQ(*checkpoint->Commit(NumberedBatch(3)), 3u);
  }
}

TEST_F(LogCheckpointTest, AnAdvanceOfUnknownFateHoldsUpNobody) {
  auto checkpoint = Open();
  ASSERT_THAT(checkpoint->UseSinks(sinks_), IsOk());
  EXPECT_THAT(checkpoint->Commit(NumberedBatch(1)), IsOk());
  EXPECT_THAT(checkpoint->Delivered(1), IsOk());
  log_.FailNext(MemoryStateLog::Outcome::kUndecidedThere);
  EXPECT_THAT(checkpoint->Advance({.cursor = {"one", 1, "s"}}),
              StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_EQ(*checkpoint->Commit(NumberedBatch(2)), 2u);
  auto cursors = Open()->UseSinks(sinks_);
  ASSERT_THAT(cursors, IsOk());
  EXPECT_EQ((*cursors)[0].state, "s");
}

TEST_F(LogCheckpointTest, OneThatWasReplacedWritesNothingMore) {
  auto checkpoint = Open();
  EXPECT_THAT(checkpoint->Commit(NumberedBatch(1)), IsOk());
  log_.FailNext(MemoryStateLog::Outcome::kReplaced);
  EXPECT_THAT(checkpoint->Commit(NumberedBatch(2)),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
  EXPECT_EQ(RestoredAnew()->records_judged, NumberedBatch(1).records_judged);
}

TEST_F(LogCheckpointTest, AFullOutboxRefusesCommits) {
  auto checkpoint = Open({.owner = "group a", .max_outbox_findings = 2});
  ASSERT_THAT(checkpoint->UseSinks(sinks_), IsOk());
  EXPECT_THAT(checkpoint->Commit(NumberedBatch(1)), IsOk());
  EXPECT_THAT(checkpoint->Commit(NumberedBatch(2)), IsOk());
  EXPECT_THAT(checkpoint->Commit(NumberedBatch(3)),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_THAT(checkpoint->Delivered(2), IsOk());
  for (const std::string& sink : sinks_) {
    EXPECT_THAT(checkpoint->Advance({.cursor = {sink, 2, ""}}), IsOk());
  }
  EXPECT_THAT(checkpoint->Commit(NumberedBatch(3)), IsOk());
}

TEST_F(LogCheckpointTest, RefusesAnothersLogAndADamagedOne) {
  EXPECT_THAT(Open()->Commit(NumberedBatch(1)), IsOk());
  EXPECT_THAT(LogCheckpoint::Open({.owner = "group b"}, log_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("that of group a, not of group b")));
  std::map<std::string, std::string> content = log_.content();
  log_.content().erase("origin");
  EXPECT_THAT(
      LogCheckpoint::Open({.owner = "group a"}, log_),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("cleanup.policy")));
  log_.content() = content;
  log_.content()["what is this"] = "";
  EXPECT_THAT(LogCheckpoint::Open({.owner = "group a"}, log_),
              StatusIs(absl::StatusCode::kDataLoss, _));
  log_.content() = content;
  for (auto& [key, value] : log_.content()) {
    if (!key.starts_with("row ")) continue;
    value[0] = 2;  // parts
    break;
  }
  EXPECT_THAT(LogCheckpoint::Open({.owner = "group a"}, log_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("parts")));
}

TEST_F(LogCheckpointTest, SinksAdvanceBesideCommits) {
  auto checkpoint = Open();
  ASSERT_THAT(checkpoint->UseSinks(sinks_), IsOk());
  std::vector<std::thread> threads;
  for (const std::string& sink : sinks_) {
    threads.emplace_back([&, sink] {
      for (uint64_t done = 0; done < 50;) {
        auto page = checkpoint->ReadOutbox(done, 8);
        ASSERT_THAT(page, IsOk());
        if (page->empty()) {
          std::this_thread::yield();
          continue;
        }
        done = page->back().number;
        ASSERT_THAT(checkpoint->Advance({.cursor = {sink, done, ""}}), IsOk());
        static_cast<void>(checkpoint->usage());
      }
    });
  }
  for (uint64_t n = 1; n <= 50; ++n) {
    auto first = checkpoint->Commit(NumberedBatch(n));
    ASSERT_THAT(first, IsOk());
    EXPECT_EQ(*first, n);
    EXPECT_THAT(checkpoint->Delivered(n), IsOk());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(checkpoint->Commit(NumberedBatch(51)), IsOk());
  EXPECT_THAT(NumbersOf(Open()->ReadOutbox(0, 100)), ElementsAre(51));
}

}  // namespace
}  // namespace oddverb
