// Somebody sets the wall clock while a source waits: nothing stalls.
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

// Runs `wait` and sets the clock meanwhile; false: it did not return.
bool ReturnsThough(absl::Duration jump_by, const std::function<void()>& wait) {
  SteadyNow();  // begins with the true time
  std::promise<void> done;
  std::future<void> returned = done.get_future();
  std::thread waiter([&] {
    wait();
    done.set_value();
  });
  WallClockJump jump(jump_by);
  bool in_time =
      returned.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  waiter.join();
  return in_time;
}

class ClockJumpTest : public TailFixture {
 protected:
  static constexpr absl::Duration kJumps[] = {-absl::Hours(1), absl::Hours(1)};
};

TEST_F(ClockJumpTest, AWatchStillLooksAtItsDeadline) {
  for (absl::Duration jump : kJumps) {
    DirectoryWatch watch(folder_.path(), "audit");
    watch.Wait(absl::InfinitePast());
    EXPECT_TRUE(ReturnsThough(jump, [&] {
      while (watch.Wait(SteadyNow() + absl::Milliseconds(300)) !=
             DirectoryWatch::Change::kNone) {
      }
    })) << jump;
  }
}

TEST_F(ClockJumpTest, ATailStillHandsOnWhatItHas) {
  options_.poll_interval = absl::Milliseconds(20);
  for (absl::Duration jump : kJumps) {
    TailSource source(options_);
    AppendEvents(3);
    size_t records = 0;
    EXPECT_TRUE(ReturnsThough(jump, [&] {
      while (records < written_.size()) {
        RawBatch batch;
        EXPECT_THAT(source.Read(SteadyNow() + absl::Milliseconds(200), batch),
                    IsOk());
        records += batch.records.size();
      }
    })) << jump;
  }
}

// Its end is known by how long nobody has written to it.
TEST_F(ClockJumpTest, ATornRotatedFileStillEnds) {
  options_.poll_interval = absl::Milliseconds(50);
  TailSource source(options_);
  log_.Append("{\"kind\":\"Event\",");
  log_.Rotate();
  AppendEvents(2);
  EXPECT_TRUE(ReturnsThough(-absl::Hours(1), [&] {
    for (size_t records = 0; records < 3;) {
      RawBatch batch;
      EXPECT_THAT(source.Read(SteadyNow() + absl::Milliseconds(20), batch),
                  IsOk());
      records += batch.records.size();
    }
  }));
}

TEST_F(ClockJumpTest, AReceiverStillLooksAtItsDeadline) {
  for (absl::Duration jump : kJumps) {
    WebhookSource source({.cluster = "prod"});
    EXPECT_TRUE(ReturnsThough(jump, [&] {
      RawBatch batch;
      EXPECT_THAT(source.Read(SteadyNow() + absl::Milliseconds(300), batch),
                  IsOk());
    })) << jump;
  }
}

}  // namespace
}  // namespace oddverb
