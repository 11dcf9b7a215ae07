#include "base/backoff.h"

#include <random>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(BackoffTest, PausesAreSpreadBelowABoundThatDoubles) {
  const Backoff::Options options{.first = absl::Seconds(1),
                                 .max = absl::Seconds(10)};
  std::mt19937_64 random(1);
  absl::Duration sums[6];
  constexpr int kRounds = 2000;
  const int bounds[6] = {1, 2, 4, 8, 10, 10};
  Backoff backoff(options);
  for (int round = 0; round < kRounds; ++round) {
    backoff.Reset();
    for (int i = 0; i < 6; ++i) {
      absl::Duration pause = backoff.Next(random);
      ASSERT_GE(pause, absl::ZeroDuration());
      ASSERT_LT(pause, absl::Seconds(bounds[i]));
      sums[i] += pause;
    }
  }
  // Uniform: the mean is half the bound, within five standard errors.
  for (int i = 0; i < 6; ++i) {
    double mean = absl::ToDoubleSeconds(sums[i]) / kRounds / bounds[i];
    EXPECT_NEAR(mean, 0.5, 5 * 0.2887 / 44.7) << i;
  }
}

TEST(BackoffTest, TheSameSeedGivesTheSamePauses) {
  std::mt19937_64 one(5), other(5);
  Backoff a({}), b({});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a.Next(one), b.Next(other));
}

TEST(BackoffTest, TheFirstPauseKeepsToTheMaximum) {
  std::mt19937_64 random(1);
  Backoff backoff({.first = absl::Hours(1), .max = absl::Seconds(1)});
  for (int i = 0; i < 100; ++i) {
    EXPECT_LT(backoff.Next(random), absl::Seconds(1));
  }
}

}  // namespace
}  // namespace oddverb
