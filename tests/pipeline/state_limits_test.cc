// What may wait in the state database, and for how long it has.
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/spool_ages.h"
#include "pipeline/sqlite_checkpoint.h"
#include "tests/support/input_files.h"
#include "tests/support/random_finding.h"
#include "tests/support/small_disk.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class StateLimitsTest : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteCheckpoint> Open(SqliteCheckpoint::Options options) {
    options.directory = folder_.path("state");
    auto opened = SqliteCheckpoint::Open(std::move(options), clock_);
    EXPECT_THAT(opened, IsOk());
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  CheckpointBatch BatchOf(int findings) {
    CheckpointBatch batch;
    batch.records_judged = 1;
    for (int i = 0; i < findings; ++i) {
      batch.findings.push_back(RandomFinding(random_));
    }
    return batch;
  }

  TempFolder folder_;
  FixedClock clock_;
  std::mt19937_64 random_{3};
};

TEST_F(StateLimitsTest, AFullOutboxRefusesTheCommitUntilSomeAreDelivered) {
  SqliteCheckpoint::Options options;
  options.max_outbox_findings = 10;
  auto checkpoint = Open(options);
  ASSERT_EQ(*checkpoint->Commit(BatchOf(8)), 1);
  CheckpointBatch more = BatchOf(3);
  more.bookmarks["a"] = "behind";
  EXPECT_THAT(checkpoint->Commit(more),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("outbox full: 11 findings"),
                             HasSubstr("see to it"))));
  EXPECT_TRUE((*checkpoint->Restore())->bookmarks.empty()) << "all or nothing";
  // Exactly full, and what has no findings always goes.
  EXPECT_EQ(*checkpoint->Commit(BatchOf(2)), 9);
  EXPECT_THAT(checkpoint->Commit(BatchOf(0)), IsOk());
  // A restart still knows.
  checkpoint.reset();
  checkpoint = Open(options);
  EXPECT_EQ(checkpoint->usage().outbox_findings, 10);
  EXPECT_FALSE(checkpoint->Commit(BatchOf(1)).ok());
  ASSERT_THAT(checkpoint->Delivered(3), IsOk());
  EXPECT_EQ(checkpoint->usage().outbox_findings, 7);
  EXPECT_EQ(*checkpoint->Commit(more), 11);
  EXPECT_FALSE(checkpoint->Commit(BatchOf(1)).ok());
}

TEST_F(StateLimitsTest, TheOutboxIsBoundedInBytesToo) {
  CheckpointBatch batch = BatchOf(1);
  SqliteCheckpoint::Options options;
  uint64_t one = 0;
  {
    auto checkpoint = Open(options);
    ASSERT_THAT(checkpoint->Commit(batch), IsOk());
    one = checkpoint->usage().outbox_bytes;
    ASSERT_GT(one, 64);
    ASSERT_THAT(checkpoint->Delivered(1), IsOk());
    EXPECT_EQ(checkpoint->usage().outbox_bytes, 0);
  }
  options.max_outbox_bytes = 2 * one;
  auto checkpoint = Open(options);
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  EXPECT_THAT(checkpoint->Commit(batch),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("state.max_outbox")));
}

// Waiting would not make a batch smaller.
TEST_F(StateLimitsTest, AnEmptyOutboxTakesAnyBatch) {
  SqliteCheckpoint::Options options;
  options.max_outbox_findings = 2;
  options.max_outbox_bytes = 1;
  auto checkpoint = Open(options);
  ASSERT_THAT(checkpoint->Commit(BatchOf(5)), IsOk());
  EXPECT_FALSE(checkpoint->Commit(BatchOf(1)).ok());
  ASSERT_THAT(checkpoint->Delivered(5), IsOk());
  EXPECT_THAT(checkpoint->Commit(BatchOf(5)), IsOk());
}

TEST_F(StateLimitsTest, SaysWithoutBodiesWhetherThereIsRoom) {
  SqliteCheckpoint::Options options;
  options.max_spool_bytes = 1 << 20;
  auto checkpoint = Open(options);
  EXPECT_THAT(checkpoint->Spool("hook", {}), IsOk());
  EXPECT_TRUE(checkpoint->ReadSpool("hook", 0, 1000)->empty());
  std::string large(1'000'000, 'x');
  std::string_view bodies[] = {large};
  ASSERT_THAT(checkpoint->Spool("hook", bodies), IsOk());
  EXPECT_THAT(
      checkpoint->Spool("hook", {}),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("spool full")));
}

TEST_F(StateLimitsTest, AsksTheDiskWhetherThereIsRoom) {
  SmallDisk disk(folder_.path("disk"), "4m");
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a tmpfs";
  auto checkpoint = OpenState(folder_.path("disk/state"), clock_);
  disk.Fill();
  // What the log has room for already is no answer.
  absl::Status status;
  for (int i = 0; i < 200 && status.ok(); ++i) {
    status = checkpoint->Spool("hook", {}).status();
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               HasSubstr("free space")));
  disk.Free();
  EXPECT_THAT(checkpoint->Spool("hook", {}), IsOk());
}

TEST_F(StateLimitsTest, KnowsTheSizeOfItsFiles) {
  auto checkpoint = Open({});
  ASSERT_THAT(checkpoint->Commit(NumberedBatch(1)), IsOk());
  uint64_t before = checkpoint->usage().file_bytes;
  EXPECT_GT(before, 4096);
  std::string large(1'000'000, 'x');
  std::string_view bodies[] = {large};
  ASSERT_THAT(checkpoint->Spool("hook", bodies), IsOk());
  EXPECT_GT(checkpoint->usage().file_bytes, before + large.size() / 2);
}

TEST(SpoolAgesTest, TheOldestBodyOfAnySourceCounts) {
  absl::Time start = absl::FromUnixSeconds(1'700'000'000);
  auto at = [&](int seconds) { return start + absl::Seconds(seconds); };
  SpoolAges ages;
  EXPECT_EQ(ages.OldestSince(), absl::InfiniteFuture());
  ages.Added("a", 1, at(0));
  ages.Added("b", 2, at(3));
  ages.Added("a", 3, at(6));
  EXPECT_EQ(ages.OldestSince(), at(0));
  ages.Gone("a", 2);
  EXPECT_EQ(ages.OldestSince(), at(3));
  ages.Gone("b", 2);
  EXPECT_EQ(ages.OldestSince(), at(6));
  ages.Gone("a", 3);
  ages.Gone("never heard of", 3);
  EXPECT_EQ(ages.OldestSince(), absl::InfiniteFuture());
}

// Those of one second are one.
TEST(SpoolAgesTest, TheFirstOfASecondStandsForAllOfIt) {
  absl::Time start = absl::FromUnixSeconds(1'700'000'000);
  SpoolAges ages;
  for (uint64_t i = 1; i <= 10; ++i) {
    ages.Added("a", i, start + absl::Milliseconds(50) * i);
  }
  ages.Gone("a", 9);
  EXPECT_EQ(ages.OldestSince(), start + absl::Milliseconds(50));
  ages.Gone("a", 10);
  EXPECT_EQ(ages.OldestSince(), absl::InfiniteFuture());
}

TEST_F(StateLimitsTest, TheSpoolHasAnAge) {
  auto checkpoint = Open({});
  EXPECT_EQ(checkpoint->usage().spool_oldest, absl::ZeroDuration());
  std::string_view bodies[] = {"a", "b"};
  ASSERT_THAT(checkpoint->Spool("hook", bodies), IsOk());
  EXPECT_GT(checkpoint->usage().spool_oldest, absl::ZeroDuration());
  checkpoint.reset();
  checkpoint = Open({});
  EXPECT_GT(checkpoint->usage().spool_oldest, absl::ZeroDuration());
  CheckpointBatch batch;
  batch.spool_judged = {{"hook", 2}};
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  EXPECT_EQ(checkpoint->usage().spool_oldest, absl::ZeroDuration());
}

}  // namespace
}  // namespace oddverb
