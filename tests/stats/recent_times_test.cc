#include "stats/recent_times.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/state_io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;

absl::Time At(int64_t micros) { return absl::FromUnixMicros(micros); }

int NaiveCount(const std::vector<int64_t>& times, int64_t now, int64_t span) {
  return static_cast<int>(
      std::count_if(times.begin(), times.end(),
                    [&](int64_t t) { return t >= now - span && t <= now; }));
}

RecentTimes TimesSavedAndLoaded(const RecentTimes& times) {
  StateWriter out;
  times.Save(out);
  StateReader in(out.bytes());
  RecentTimes loaded;
  loaded.Load(in);
  EXPECT_THAT(in.status(), IsOk());
  EXPECT_TRUE(in.AtEnd());
  return loaded;
}

TEST(RecentTimesTest, CountsAsIfAllTimesWereKeptUpToItsCapacity) {
  std::mt19937_64 random(13);
  for (int run = 0; run < 200; ++run) {
    RecentTimes recent;
    std::vector<int64_t> all;
    // Around the epoch, so that both signs come up; out of order.
    int64_t clock = -1'000;
    for (int i = 0; i < 100; ++i) {
      clock += static_cast<int64_t>(random() % 40);
      int64_t time = clock - static_cast<int64_t>(random() % 30);
      recent.Add(At(time));
      all.push_back(time);
      if (random() % 10 == 0) recent = TimesSavedAndLoaded(recent);

      std::vector<int64_t> newest = all;
      std::sort(newest.begin(), newest.end());
      if (newest.size() > RecentTimes::kCapacity) {
        newest.erase(newest.begin(), newest.end() - RecentTimes::kCapacity);
      }
      for (int query = 0; query < 5; ++query) {
        int64_t span = static_cast<int64_t>(random() % 200);
        int64_t now = clock - static_cast<int64_t>(random() % 100) + 20;
        ASSERT_EQ(recent.CountWithin(At(now), absl::Microseconds(span)),
                  NaiveCount(newest, now, span));
        ASSERT_EQ(
            recent.CountWithin(At(clock), absl::Microseconds(span)),
            std::min(NaiveCount(all, clock, span), RecentTimes::kCapacity));
      }
    }
  }
}

TEST(RecentTimesTest, TheIntervalIsClosed) {
  RecentTimes recent;
  recent.Add(At(100));
  recent.Add(At(200));
  EXPECT_EQ(recent.CountWithin(At(200), absl::Microseconds(100)), 2);
  EXPECT_EQ(recent.CountWithin(At(200), absl::Microseconds(99)), 1);
  EXPECT_EQ(recent.CountWithin(At(199), absl::Microseconds(99)), 1);
  EXPECT_EQ(recent.CountWithin(At(99), absl::Microseconds(50)), 0);
  EXPECT_EQ(recent.CountWithin(At(200), absl::ZeroDuration()), 1);
}

TEST(RecentTimesTest, ClearForgets) {
  RecentTimes recent;
  recent.Add(At(1));
  recent.Clear();
  EXPECT_EQ(recent.CountWithin(At(1), absl::Hours(1)), 0);
}

TEST(RecentTimesTest, TheExtremesOfTimeAreSafe) {
  RecentTimes recent;
  for (absl::Time time : {absl::InfinitePast(), absl::InfiniteFuture(),
                          absl::UnixEpoch(), At(INT64_MAX), At(INT64_MIN)}) {
    recent.Add(time);
  }
  EXPECT_EQ(recent.CountWithin(At(INT64_MAX), absl::InfiniteDuration()), 5);
  RecentTimes loaded = TimesSavedAndLoaded(recent);
  EXPECT_EQ(loaded.CountWithin(At(1), absl::Microseconds(1)), 1);
}

TEST(RecentTimesTest, DamagedBytesAreDataLoss) {
  RecentTimes recent;
  for (int i = 0; i < 20; ++i) recent.Add(At(1'000 * i));
  StateWriter out;
  recent.Save(out);
  const std::string good = out.Release();
  for (size_t size = 0; size < good.size(); ++size) {
    StateReader in(std::string_view(good).substr(0, size));
    RecentTimes loaded;
    loaded.Add(At(1));
    loaded.Load(in);
    EXPECT_THAT(in.status(), StatusIs(absl::StatusCode::kDataLoss, _));
    EXPECT_EQ(loaded.CountWithin(At(1), absl::Hours(1)), 0);
  }
  std::mt19937_64 random(14);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (int j = 0; j < 2; ++j) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    StateReader in(bytes);
    RecentTimes loaded;
    loaded.Load(in);
    ASSERT_LE(loaded.CountWithin(At(INT64_MAX), absl::InfiniteDuration()),
              RecentTimes::kCapacity);
    loaded.Add(At(5));
  }
}

TEST(RecentTimesTest, RefusesMoreTimesThanItHoldsAndTimesThatWrapAround) {
  StateWriter nine;
  nine.PutU64(9);
  for (int i = 0; i < 9; ++i) nine.PutU64(0);
  StateWriter wraps;
  wraps.PutU64(2);
  wraps.PutI64(5);
  wraps.PutU64(UINT64_MAX);
  for (const std::string& bytes : {nine.bytes(), wraps.bytes()}) {
    StateReader in(bytes);
    RecentTimes loaded;
    loaded.Load(in);
    EXPECT_THAT(in.status(), StatusIs(absl::StatusCode::kDataLoss, _));
  }
}

}  // namespace
}  // namespace oddverb
