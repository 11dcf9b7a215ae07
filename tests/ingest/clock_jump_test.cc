// Somebody sets the wall clock between the moment a deadline is fixed and the
// wait for it: nothing stalls.
#include <functional>
#include <future>
#include <string>
#include <thread>

#include "base/clock.h"
#include "gtest/gtest.h"
#include "ingest/directory_watch.h"
#include "ingest/webhook_source.h"
#include "tests/ingest/tail_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wall_clock.h"

namespace oddverb {
namespace {

// Whether `wait` returns though the clock jumps before it.
bool ReturnsAfter(absl::Duration jump_by, const std::function<void()>& wait) {
  WallClockJump jump(jump_by);
  std::promise<void> done;
  std::future<void> returned = done.get_future();
  std::thread waiter([&] {
    wait();
    done.set_value();
  });
  bool in_time =
      returned.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  waiter.join();
  return in_time;
}

class ClockJumpTest : public TailFixture {
 protected:
  static constexpr absl::Duration kJumps[] = {-absl::Hours(1), absl::Hours(1)};
  static absl::Time Soon() { return SteadyNow() + absl::Milliseconds(200); }
  // Reads one batch; how many records came.
  static size_t Read(TailSource& source, absl::Time deadline) {
    RawBatch batch;
    EXPECT_THAT(source.Read(deadline, batch), IsOk());
    return batch.records.size();
  }
};

TEST_F(ClockJumpTest, AWatchStillLooksAtItsDeadline) {
  for (absl::Duration jump : kJumps) {
    DirectoryWatch watch(folder_.path(), "audit");
    watch.Wait(Soon());  // begins to watch
    absl::Time deadline = Soon();
    EXPECT_TRUE(ReturnsAfter(jump, [&] { watch.Wait(deadline); })) << jump;
  }
}

TEST_F(ClockJumpTest, ATailStillHandsOnWhatItHas) {
  for (absl::Duration jump : kJumps) {
    TailSource source(options_);
    AppendEvents(3);
    absl::Time deadline = Soon();
    size_t records = 0;
    EXPECT_TRUE(ReturnsAfter(jump, [&] { records = Read(source, deadline); }))
        << jump;
    EXPECT_EQ(records, written_.size());
    deadline = Soon();
    EXPECT_TRUE(ReturnsAfter(jump, [&] { Read(source, deadline); })) << jump;
  }
}

// Its end is known by how long nobody has written to it.
TEST_F(ClockJumpTest, ATornRotatedFileStillEnds) {
  options_.poll_interval = absl::Milliseconds(20);
  TailSource source(options_);
  log_.Append("{\"kind\":\"Event\",");
  log_.Rotate();
  AppendEvents(2);
  size_t records = Read(source, absl::InfinitePast());
  ASSERT_EQ(records, 0u) << "the torn one is the older one";
  EXPECT_TRUE(ReturnsAfter(-absl::Hours(1), [&] {
    while (records < 3) records += Read(source, Soon());
  }));
}

TEST_F(ClockJumpTest, AReceiverStillLooksAtItsDeadline) {
  for (absl::Duration jump : kJumps) {
    WebhookSource source({.cluster = "prod"});
    absl::Time deadline = Soon();
    EXPECT_TRUE(ReturnsAfter(jump, [&] {
      RawBatch batch;
      EXPECT_THAT(source.Read(deadline, batch), IsOk());
    })) << jump;
  }
}

}  // namespace
}  // namespace oddverb
