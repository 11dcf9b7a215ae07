#include "base/clock.h"

#include "gtest/gtest.h"
#include "tests/support/wall_clock.h"

namespace oddverb {
namespace {

TEST(ClockTest, TheSteadyTimeOnlyRuns) {
  absl::Time before = SteadyNow();
  for (absl::Duration by : {-absl::Hours(1), absl::Hours(1)}) {
    absl::Time wall = absl::Now();
    WallClockJump jump(by);
    // The test is worth nothing if this is not so.
    ASSERT_GT(absl::AbsDuration(absl::Now() - wall), absl::Minutes(30));
    absl::Time after = SteadyNow();
    EXPECT_GE(after, before);
    EXPECT_LT(after - before, absl::Minutes(30));
    before = after;
  }
}

TEST(ClockTest, TheSteadyTimeBeginsAsTheWallClocks) {
  SteadyNow();
  EXPECT_LT(absl::AbsDuration(SteadyNow() - absl::Now()), absl::Minutes(30));
}

}  // namespace
}  // namespace oddverb
