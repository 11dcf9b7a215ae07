#include "pipeline/seen_events.h"

#include <map>
#include <random>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

const absl::Time kSeenStart = absl::FromUnixSeconds(1'700'000'000);

TEST(SeenEventsTest, KnowsAKeyThatComesAgain) {
  SeenEvents seen({});
  EXPECT_TRUE(seen.Add(7, kSeenStart));
  EXPECT_FALSE(seen.Add(7, kSeenStart + absl::Minutes(9)));
  EXPECT_TRUE(seen.Add(8, kSeenStart));
}

TEST(SeenEventsTest, RemembersForAtLeastOneSpan) {
  SeenEvents seen({.span = absl::Minutes(10)});
  std::map<uint64_t, absl::Time> added;
  for (uint64_t i = 0; i < 4000; ++i) {
    absl::Time now = kSeenStart + absl::Seconds(static_cast<int64_t>(i));
    EXPECT_TRUE(seen.Add(i, now));
    if (i < 599) continue;
    EXPECT_FALSE(seen.Add(i - 599, now)) << i;
  }
}

TEST(SeenEventsTest, ForgetsAfterTwoSpans) {
  SeenEvents seen({.span = absl::Minutes(10)});
  EXPECT_TRUE(seen.Add(1, kSeenStart));
  EXPECT_TRUE(seen.Add(2, kSeenStart + absl::Minutes(11)));
  EXPECT_TRUE(seen.Add(3, kSeenStart + absl::Minutes(22)));
  EXPECT_TRUE(seen.Add(1, kSeenStart + absl::Minutes(22)));
}

TEST(SeenEventsTest, BoundsItsMemory) {
  SeenEvents seen({.span = absl::Hours(1), .max_keys = 100});
  for (uint64_t i = 0; i < 1000; ++i) EXPECT_TRUE(seen.Add(i, kSeenStart));
  EXPECT_FALSE(seen.Add(999, kSeenStart));
  EXPECT_TRUE(seen.Add(1, kSeenStart));
}

// Rows are found again by a program with another bound.
TEST(SeenEventsTest, AnotherBoundReadsTheSameRows) {
  for (uint32_t now : {1'000u, 50'000u}) {
    SeenEvents before({.span = absl::Minutes(1), .max_keys = 10'000});
    for (uint64_t key = 1; key <= 9'000; ++key) before.Add(key, kSeenStart);
    for (uint64_t key = 1; key <= 5'000; ++key) {
      before.Add(100'000 + key, kSeenStart + absl::Minutes(1));
    }
    std::vector<StateRow> rows;
    before.TakeChanges("shard", rows);
    SeenEvents after({.span = absl::Minutes(1), .max_keys = now});
    for (const StateRow& row : rows) EXPECT_TRUE(after.Load(row).ok());
    EXPECT_FALSE(after.Add(9'000, kSeenStart + absl::Minutes(1)));
    EXPECT_FALSE(after.Add(105'000, kSeenStart + absl::Minutes(1)));
  }
}

// A restored set answers as the saved one, at any point of any stream.
TEST(SeenEventsTest, RestartsChangeNoAnswer) {
  std::mt19937_64 random(5);
  SeenEvents::Options options{.span = absl::Minutes(1), .max_keys = 10'000};
  SeenEvents whole(options);
  SeenEvents restarted(options);
  std::map<uint32_t, StateRow> rows;
  absl::Time now = kSeenStart;
  for (int i = 0; i < 60'000; ++i) {
    now += absl::Milliseconds(static_cast<int64_t>(random() % 20));
    uint64_t key = random() % 40'000;
    ASSERT_EQ(restarted.Add(key, now), whole.Add(key, now)) << i;
    if (random() % 3000 != 0) continue;
    std::vector<StateRow> changed;
    restarted.TakeChanges("o", changed);
    for (StateRow& row : changed) rows[row.id] = std::move(row);
    restarted = SeenEvents(options);
    for (const auto& [id, row] : rows) {
      ASSERT_TRUE(restarted.Load(row).ok());
    }
  }
}

}  // namespace
}  // namespace oddverb
