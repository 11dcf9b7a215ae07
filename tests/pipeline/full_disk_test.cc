// A pipeline whose checkpoint has no room: it waits, says why, loses nothing,
// and goes on by itself.
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/pipeline.h"
#include "pipeline/sqlite_checkpoint.h"
#include "tests/support/demo_log.h"
#include "tests/support/input_files.h"
#include "tests/support/memory_checkpoint.h"
#include "tests/support/memory_source.h"
#include "tests/support/pipeline_run.h"
#include "tests/support/posted_source.h"
#include "tests/support/small_disk.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

bool Becomes(const std::function<bool()>& condition) {
  absl::Time give_up = absl::Now() + absl::Seconds(60);
  while (!condition()) {
    if (absl::Now() > give_up) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

// A run on a thread of its own.
class RunningPipeline {
 public:
  RunningPipeline(Source& source, Checkpoint& checkpoint, int threads) {
    PipelineOptions options;
    options.threads = threads;
    options.checkpoint_bytes = 64 << 10;
    options.checkpoint_pause = absl::ZeroDuration();
    auto made = Pipeline::Make(options, AllParts(), &checkpoint);
    EXPECT_THAT(made, IsOk());
    pipeline_ = *std::move(made);
    thread_ = std::thread([this, &source] {
      status_ = pipeline_->Run(
          {{"lines", &source}}, delivery_, [](size_t, const Rejected&) {},
          stop_);
      ended_ = true;
    });
  }
  ~RunningPipeline() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

  absl::Status End() {
    thread_.join();
    return status_;
  }
  void Stop() { stop_ = true; }
  bool ended() const { return ended_; }
  const Pipeline& pipeline() const { return *pipeline_; }
  const CapturingExporter& exporter() const { return exporter_; }

 private:
  CapturingExporter exporter_;
  Delivery delivery_{{DeliveryPolicy::kAtOnce}, {&exporter_}};
  std::atomic<bool> stop_{false};
  std::atomic<bool> ended_{false};
  absl::Status status_;
  std::unique_ptr<Pipeline> pipeline_;
  std::thread thread_;
};

std::vector<std::string> IdsInFile(const CapturingExporter& exporter) {
  std::vector<std::string> ids;
  for (const Finding& finding : exporter.findings()) {
    ids.push_back(finding.id.ToHex());
  }
  return ids;
}

std::vector<std::string> UndisturbedIds(const std::vector<std::string>& lines) {
  MemorySource source(lines, 50);
  MemoryCheckpoint checkpoint;
  RunningPipeline run(source, checkpoint, 1);
  EXPECT_THAT(run.End(), IsOk());
  return IdsInFile(run.exporter());
}

class FullDiskTest : public ::testing::TestWithParam<int> {
 protected:
  FullDiskTest() : lines_(DemoLogLines()) { lines_.resize(3000); }
  std::vector<std::string> lines_;
};

TEST_P(FullDiskTest, WaitsForRoomAndShowsEachFindingOnce) {
  std::vector<std::string> expected = UndisturbedIds(lines_);
  ASSERT_GT(expected.size(), 5u);
  MemorySource source(lines_, 50);
  MemoryCheckpoint checkpoint;
  checkpoint.FailWith(absl::ResourceExhaustedError("disk full; free space"));
  RunningPipeline run(source, checkpoint, GetParam());
  ASSERT_TRUE(Becomes([&] { return checkpoint.failed_writes() >= 3; }));
  EXPECT_THAT(
      run.pipeline().storage(),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("free space")));
  EXPECT_GE(run.pipeline().storage_failures(), 3u);
  EXPECT_FALSE(run.ended());
  EXPECT_TRUE(run.exporter().findings().empty())
      << "shown before they are kept";
  checkpoint.FailWith(absl::OkStatus());
  EXPECT_THAT(run.End(), IsOk());
  EXPECT_THAT(run.pipeline().storage(), IsOk());
  EXPECT_EQ(IdsInFile(run.exporter()), expected);
  EXPECT_EQ(run.pipeline().counters().events, lines_.size());
}

TEST_P(FullDiskTest, ReadsOnlyWhatItsBatchesHold) {
  MemorySource source(lines_, 1);
  MemoryCheckpoint checkpoint;
  checkpoint.FailWith(absl::UnavailableError("locked"));
  RunningPipeline run(source, checkpoint, GetParam());
  ASSERT_TRUE(Becomes([&] { return checkpoint.failed_writes() >= 3; }));
  EXPECT_LT(run.pipeline().counters().batches_read, lines_.size());
  checkpoint.FailWith(absl::OkStatus());
  EXPECT_THAT(run.End(), IsOk());
}

TEST_P(FullDiskTest, AStopEndsTheWaitAndSaysThatNothingIsLost) {
  MemorySource source(lines_, 50);
  MemoryCheckpoint checkpoint;
  checkpoint.FailWith(absl::ResourceExhaustedError("disk full"));
  RunningPipeline run(source, checkpoint, GetParam());
  ASSERT_TRUE(Becomes([&] { return checkpoint.failed_writes() >= 2; }));
  run.Stop();
  EXPECT_THAT(run.End(), StatusIs(absl::StatusCode::kResourceExhausted,
                                  HasSubstr("read again")));
}

TEST_P(FullDiskTest, ADamagedDiskEndsTheRun) {
  MemorySource source(lines_, 50);
  MemoryCheckpoint checkpoint;
  checkpoint.FailWith(absl::InternalError("the disk failed"));
  RunningPipeline run(source, checkpoint, GetParam());
  EXPECT_THAT(run.End(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("failed")));
}

// The same with a real database on a real file system.
TEST_P(FullDiskTest, ASmallFileSystemFillsUpAndIsEmptied) {
  std::vector<std::string> expected = UndisturbedIds(lines_);
  TempFolder folder;
  SmallDisk disk(folder.path("disk"), "8m");
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a tmpfs";
  FixedClock clock;
  auto checkpoint = OpenState(folder.path("disk/state"), clock);
  ASSERT_NE(checkpoint, nullptr);
  disk.Fill();
  MemorySource source(lines_, 50);
  RunningPipeline run(source, *checkpoint, GetParam());
  ASSERT_TRUE(Becomes([&] { return !run.pipeline().storage().ok(); }));
  EXPECT_THAT(
      run.pipeline().storage(),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("free space")));
  disk.Free();
  EXPECT_THAT(run.End(), IsOk());
  EXPECT_EQ(IdsInFile(run.exporter()), expected);
}

INSTANTIATE_TEST_SUITE_P(Threads, FullDiskTest, ::testing::Values(1, 3));

TEST_P(FullDiskTest, NoticesThatThereIsRoomThoughNobodyPosts) {
  lines_.resize(200);
  PostedSource source(lines_);
  MemoryCheckpoint checkpoint;
  checkpoint.FailWith(absl::ResourceExhaustedError("spool full"));
  RunningPipeline run(source, checkpoint, GetParam());
  ASSERT_TRUE(Becomes([&] { return source.refused() == 1; }));
  EXPECT_FALSE(run.pipeline().storage().ok());
  checkpoint.FailWith(absl::OkStatus());
  EXPECT_TRUE(Becomes([&] { return run.pipeline().storage().ok(); }));
  source.ComeAgain();
  EXPECT_THAT(run.End(), IsOk());
  EXPECT_EQ(run.pipeline().counters().events, lines_.size());
}

}  // namespace
}  // namespace oddverb
