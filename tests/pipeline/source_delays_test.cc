#include "pipeline/source_delays.h"

#include "gtest/gtest.h"

namespace oddverb {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

class SourceDelaysTest : public ::testing::Test {
 protected:
  SourceDelaysTest() { delays_.Start(2); }
  void Came(absl::Time now, absl::Duration delay) {
    delays_.Note(1, now - delay, now);
  }
  SourceDelays delays_;
};

TEST_F(SourceDelaysTest, KnowsNothingOfASilentSource) {
  Came(kNow, absl::Seconds(1));
  EXPECT_EQ(delays_.Smallest(0, kNow), std::nullopt);
  EXPECT_EQ(delays_.Smallest(7, kNow), std::nullopt);
}

// A batch that waited tells nothing of the clocks; the quickest does.
TEST_F(SourceDelaysTest, TheQuickestBatchTells) {
  Came(kNow, absl::Seconds(30));
  Came(kNow + absl::Seconds(1), absl::Milliseconds(40));
  Came(kNow + absl::Seconds(2), absl::Seconds(9));
  EXPECT_EQ(delays_.Smallest(1, kNow + absl::Seconds(3)),
            absl::Milliseconds(40));
}

TEST_F(SourceDelaysTest, AClockAheadOfOursIsBelowZero) {
  Came(kNow, absl::Seconds(-12));
  EXPECT_EQ(delays_.Smallest(1, kNow), absl::Seconds(-12));
}

TEST_F(SourceDelaysTest, ForgetsWhatWasBefore) {
  Came(kNow, absl::Seconds(-12));
  absl::Time later = kNow + SourceDelays::kSpan;
  Came(later, absl::Seconds(1));
  EXPECT_EQ(delays_.Smallest(1, later), absl::Seconds(-12));
  later += SourceDelays::kSpan;
  Came(later, absl::Seconds(2));
  EXPECT_EQ(delays_.Smallest(1, later), absl::Seconds(1));
  EXPECT_EQ(delays_.Smallest(1, later + absl::Hours(1)), std::nullopt);
}

TEST_F(SourceDelaysTest, GoesOnWhenOurClockIsSetBack) {
  Came(kNow, absl::Seconds(1));
  absl::Time before = kNow - absl::Hours(2);
  Came(before, absl::Seconds(3));
  EXPECT_EQ(delays_.Smallest(1, before), absl::Seconds(1));
  Came(before + SourceDelays::kSpan, absl::Seconds(3));
  EXPECT_EQ(delays_.Smallest(1, before + SourceDelays::kSpan),
            absl::Seconds(3));
}

}  // namespace
}  // namespace oddverb
