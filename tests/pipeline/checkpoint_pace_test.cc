#include "pipeline/checkpoint_pace.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

const absl::Time kPaceStart = absl::FromUnixSeconds(1'700'000'000);

class CheckpointPaceTest : public ::testing::Test {
 protected:
  CheckpointPaceTest() {
    pace_.Start({.interval = absl::Seconds(1),
                 .bytes = 1000,
                 .pause = absl::Milliseconds(100)},
                kPaceStart);
  }
  bool TakeAt(int milliseconds) {
    return pace_.Take(kPaceStart + absl::Milliseconds(milliseconds));
  }
  CheckpointPace pace_;
};

TEST_F(CheckpointPaceTest, NothingNewNeedsNoCheckpoint) {
  EXPECT_FALSE(TakeAt(5000));
}

TEST_F(CheckpointPaceTest, IsDueAfterTheInterval) {
  pace_.NoteBytes(1);
  EXPECT_FALSE(TakeAt(999));
  EXPECT_TRUE(TakeAt(1000));
  EXPECT_FALSE(TakeAt(3000)) << "there is nothing new since";
}

TEST_F(CheckpointPaceTest, IsDueAfterManyBytes) {
  pace_.NoteBytes(999);
  EXPECT_FALSE(TakeAt(1));
  pace_.NoteBytes(1);
  EXPECT_TRUE(TakeAt(1));
}

TEST_F(CheckpointPaceTest, AFindingWaitsForThePauseOnly) {
  pace_.NoteFinding();
  EXPECT_FALSE(TakeAt(99));
  EXPECT_TRUE(TakeAt(100));
  pace_.NoteFinding();
  EXPECT_FALSE(TakeAt(199)) << "at most ten a second";
  EXPECT_TRUE(TakeAt(200));
}

TEST_F(CheckpointPaceTest, AClockSetBackStopsNothing) {
  pace_.NoteBytes(1);
  EXPECT_TRUE(TakeAt(-3'600'000));
}

TEST_F(CheckpointPaceTest, OnlyOneOfSeveralThreadsGetsIt) {
  pace_.NoteBytes(5000);
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { taken += TakeAt(2000) ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace oddverb
