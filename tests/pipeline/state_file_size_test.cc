// The database and its log stay small however long the service runs.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/sqlite_checkpoint.h"
#include "tests/support/input_files.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

class StateFileSizeTest : public ::testing::Test {
 protected:
  std::string directory() const { return folder_.path("state"); }
  std::unique_ptr<SqliteCheckpoint> Open() {
    return OpenState(directory(), clock_);
  }
  uint64_t FileBytes(std::string_view name) const {
    std::error_code error;
    auto bytes = std::filesystem::file_size(
        directory() + "/" + std::string(name), error);
    return error ? 0 : bytes;
  }

  TempFolder folder_;
  FixedClock clock_;
};

TEST_F(StateFileSizeTest, AThousandCommitsOfChangingRowsKeepTheFileSmall) {
  std::mt19937_64 random(7);
  auto checkpoint = Open();
  auto commit = [&](uint64_t n) {
    std::string body(1 + random() % 2'000, 'b');
    std::string_view bodies[] = {body, body};
    auto number = checkpoint->Spool("hook", bodies);
    ASSERT_THAT(number, IsOk());
    CheckpointBatch batch = NumberedBatch(n);
    for (StateRow& row : batch.state) row.bytes.assign(random() % 900, 'r');
    batch.spool_judged["hook"] = *number;  // one stays until the next
    batch.dead_letters.clear();
    auto first = checkpoint->Commit(batch);
    ASSERT_THAT(first, IsOk());
    ASSERT_THAT(checkpoint->Delivered(*first), IsOk());
  };
  for (uint64_t n = 0; n < 100; ++n) commit(n);
  checkpoint.reset();  // the log goes into the file
  uint64_t after_100 = FileBytes("oddverb.db");
  checkpoint = Open();
  uint64_t largest_log = 0;
  for (uint64_t n = 100; n < 1'000; ++n) {
    commit(n);
    largest_log = std::max(largest_log, FileBytes("oddverb.db-wal"));
  }
  checkpoint.reset();
  EXPECT_LE(FileBytes("oddverb.db"), after_100 + after_100 / 4);
  // SQLite copies the log back at 1,000 pages, and starts it again.
  EXPECT_LE(largest_log, 2 * 1'000 * 4'200);
  EXPECT_GE(largest_log, 1'000 * 4'000);
}

TEST_F(StateFileSizeTest, ABacklogGivesItsSpaceBackOnceItIsJudged) {
  auto checkpoint = Open();
  const std::string body(1 << 20, 'b');
  std::string_view bodies[] = {body, body};
  uint64_t last = 0;
  for (int i = 0; i < 40; ++i) {
    auto number = checkpoint->Spool("hook", bodies);
    ASSERT_THAT(number, IsOk());
    last = *number + 1;
  }
  CheckpointBatch batch;
  batch.spool_judged["hook"] = last;
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  batch = {};
  for (int i = 0; i < 30; ++i) {
    ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  }
  checkpoint.reset();
  EXPECT_LE(FileBytes("oddverb.db"), 20 << 20);
}

}  // namespace
}  // namespace oddverb
