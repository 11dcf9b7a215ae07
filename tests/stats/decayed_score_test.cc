#include "stats/decayed_score.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'753'000'000);

double Exact(const std::vector<std::pair<absl::Time, double>>& contributions,
             absl::Time now, absl::Duration half_life) {
  double sum = 0;
  for (const auto& [time, amount] : contributions) {
    sum += amount * std::exp2(-absl::FDivDuration(now - time, half_life));
  }
  return sum;
}

TEST(DecayedScoreTest, IsTheSumOfItsDecayedContributions) {
  std::mt19937_64 random(15);
  for (absl::Duration half_life :
       {absl::Seconds(1), absl::Minutes(10), absl::Hours(24 * 30)}) {
    DecayedScore score;
    std::vector<std::pair<absl::Time, double>> contributions;
    absl::Time now = kStart;
    for (int i = 0; i < 500; ++i) {
      now += half_life * (static_cast<double>(random() % 1'000) / 1'000);
      double amount = static_cast<double>(random() % 10'000) / 100;
      contributions.emplace_back(now, amount);
      double exact = Exact(contributions, now, half_life);
      ASSERT_NEAR(score.Add(now, half_life, amount), exact, 1e-12 * exact);
      absl::Time later = now + half_life / 3;
      exact = Exact(contributions, later, half_life);
      ASSERT_NEAR(score.ValueAt(later, half_life), exact, 1e-12 * exact);
    }
  }
}

TEST(DecayedScoreTest, HalvesEveryHalfLife) {
  DecayedScore score;
  score.Add(kStart, absl::Minutes(10), 8);
  EXPECT_DOUBLE_EQ(score.ValueAt(kStart, absl::Minutes(10)), 8);
  EXPECT_DOUBLE_EQ(score.ValueAt(kStart + absl::Minutes(10), absl::Minutes(10)),
                   4);
  EXPECT_DOUBLE_EQ(score.ValueAt(kStart + absl::Minutes(30), absl::Minutes(10)),
                   1);
  EXPECT_EQ(score.ValueAt(absl::InfiniteFuture(), absl::Minutes(10)), 0);
}

TEST(DecayedScoreTest, ANegativeAmountStopsAtZero) {
  DecayedScore score;
  score.Add(kStart, absl::Minutes(1), 3);
  EXPECT_EQ(score.Add(kStart, absl::Minutes(1), -2), 1);
  EXPECT_EQ(score.Add(kStart, absl::Minutes(1), -5), 0);
  EXPECT_EQ(score.Add(kStart, absl::Minutes(1), 2), 2);
}

// The recursion of a CUSUM, against one in another order of operations.
TEST(DecayedScoreTest, FollowsTheOneSidedCusum) {
  std::mt19937_64 random(16);
  DecayedScore score;
  double naive = 0;
  absl::Time now = kStart;
  for (int i = 0; i < 10'000; ++i) {
    int64_t seconds = static_cast<int64_t>(random() % 100);
    now += absl::Seconds(seconds);
    double amount = static_cast<double>(random() % 300) / 100 - 1.5;
    naive = std::max(
        0.0, naive * std::pow(0.5, static_cast<double>(seconds) / 60) + amount);
    ASSERT_NEAR(score.Add(now, absl::Minutes(1), amount), naive, 1e-9);
    ASSERT_GE(score.raw_value(), 0);
  }
}

TEST(DecayedScoreTest, ALateContributionDecaysNothingAndTurnsNoTimeBack) {
  DecayedScore score;
  score.Add(kStart, absl::Minutes(1), 4);
  EXPECT_EQ(score.ValueAt(kStart - absl::Hours(1), absl::Minutes(1)), 4);
  EXPECT_EQ(score.Add(kStart - absl::Hours(1), absl::Minutes(1), 4), 8);
  EXPECT_EQ(score.updated(), kStart);
  EXPECT_DOUBLE_EQ(score.ValueAt(kStart + absl::Minutes(1), absl::Minutes(1)),
                   4);
}

TEST(DecayedScoreTest, StartsAtZeroForEver) {
  DecayedScore score;
  EXPECT_EQ(score.ValueAt(kStart, absl::Minutes(1)), 0);
  EXPECT_EQ(score.ValueAt(absl::InfinitePast(), absl::Minutes(1)), 0);
}

TEST(DecayedScoreTest, RestoreGoesOnExactly) {
  DecayedScore score;
  score.Add(kStart, absl::Minutes(7), 4.25);
  DecayedScore restored;
  restored.Restore(score.raw_value(), score.updated());
  absl::Time later = kStart + absl::Seconds(1'234);
  EXPECT_EQ(restored.Add(later, absl::Minutes(7), 1),
            score.Add(later, absl::Minutes(7), 1));
}

}  // namespace
}  // namespace oddverb
