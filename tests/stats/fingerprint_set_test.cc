#include "stats/fingerprint_set.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "base/state_io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;

// Two generations of exact members.
struct NaiveGenerations {
  std::set<uint64_t> young;
  std::set<uint64_t> old;
  bool saturated = false;

  bool Add(uint64_t hash, uint32_t capacity) {
    if (young.contains(hash)) return false;
    bool was_old = old.erase(hash) > 0;
    if (young.size() == capacity) {
      saturated = saturated || !old.empty();
      old = std::move(young);
      young.clear();
    }
    young.insert(hash);
    return !was_old;
  }
  bool Contains(uint64_t hash) const {
    return young.contains(hash) || old.contains(hash);
  }
};

std::string SavedBytes(const FingerprintSet& set) {
  StateWriter out;
  set.Save(out);
  return out.Release();
}

FingerprintSet SetSavedAndLoaded(const FingerprintSet& set) {
  std::string bytes = SavedBytes(set);
  StateReader in(bytes);
  FingerprintSet loaded;
  loaded.Load(in);
  EXPECT_THAT(in.status(), IsOk());
  EXPECT_TRUE(in.AtEnd());
  EXPECT_EQ(SavedBytes(loaded), bytes);
  return loaded;
}

// A hash below 2^32 is its own fingerprint: no collisions, but many clusters.
uint64_t RandomSmallHash(std::mt19937_64& random, uint64_t universe) {
  return 1 + random() % universe * (random() % 2 == 0 ? 1 : 64);
}

class FingerprintSetOracleTest : public ::testing::TestWithParam<uint32_t> {};

TEST_P(FingerprintSetOracleTest, RemembersExactlyTwoGenerations) {
  const uint32_t capacity = GetParam();
  std::mt19937_64 random(capacity);
  FingerprintSet set;
  NaiveGenerations model;
  for (int i = 0; i < 40'000; ++i) {
    if (random() % 2'000 == 0) set = SetSavedAndLoaded(set);
    uint64_t hash = RandomSmallHash(random, 3 * capacity);
    ASSERT_EQ(set.Contains(hash), model.Contains(hash)) << i;
    ASSERT_EQ(set.IsYoung(hash), model.young.contains(hash)) << i;
    ASSERT_EQ(set.Add(hash, capacity), model.Add(hash, capacity)) << i;
    ASSERT_EQ(set.size(), model.young.size() + model.old.size()) << i;
    ASSERT_EQ(set.saturated(), model.saturated) << i;
  }
  EXPECT_EQ(set.saturated(), capacity < 20'000);
}

TEST_P(FingerprintSetOracleTest, AlwaysRemembersTheNewestMembers) {
  const uint32_t capacity = GetParam();
  std::mt19937_64 random(capacity + 1);
  FingerprintSet set;
  std::deque<uint64_t> newest;  // distinct, the newest first
  for (int i = 0; i < 3'000; ++i) {
    uint64_t hash = RandomSmallHash(random, 3 * capacity);
    set.Add(hash, capacity);
    newest.erase(std::remove(newest.begin(), newest.end(), hash), newest.end());
    newest.push_front(hash);
    if (newest.size() > capacity) newest.pop_back();
    if (i % 10 != 0) continue;
    for (uint64_t member : newest) ASSERT_TRUE(set.Contains(member)) << i;
    ASSERT_GE(set.size(), newest.size());
    ASSERT_LE(set.size(), 2 * capacity);
  }
}

INSTANTIATE_TEST_SUITE_P(Capacities, FingerprintSetOracleTest,
                         ::testing::Values(1, 2, 3, 7, 96, 1'000, 20'000));

TEST(FingerprintSetTest, FalseMembersAreAsRareAsPromised) {
  constexpr uint32_t kMembers = 200'000;
  constexpr int kQueries = 10'000'000;
  std::mt19937_64 random(11);
  FingerprintSet set;
  for (uint32_t i = 0; i < kMembers; ++i) set.Add(random(), kMembers);
  int false_members = 0;
  for (int i = 0; i < kQueries; ++i) false_members += set.Contains(random());
  double expected = std::ldexp(set.size(), -32) * kQueries;  // about 466
  EXPECT_NEAR(false_members, expected, 6 * std::sqrt(expected));
}

TEST(FingerprintSetTest, ZeroIsAHashLikeAnyOther) {
  FingerprintSet set;
  EXPECT_FALSE(set.Contains(0));
  EXPECT_FALSE(set.IsYoung(0));
  EXPECT_TRUE(set.Add(0, 1));
  EXPECT_TRUE(set.IsYoung(0));
  EXPECT_FALSE(set.Add(0, 1));
  EXPECT_TRUE(set.Contains(0));
  EXPECT_EQ(set.size(), 1u);
}

TEST(FingerprintSetTest, BothHalvesOfTheHashCount) {
  FingerprintSet set;
  set.Add(uint64_t{5} << 32, 100);
  EXPECT_FALSE(set.Contains(uint64_t{6} << 32));
  EXPECT_FALSE(set.Contains((uint64_t{5} << 32) + 1));
}

TEST(FingerprintSetTest, ClearForgetsEverything) {
  FingerprintSet set;
  for (uint64_t hash = 1; hash < 100; ++hash) set.Add(hash, 10);
  set.Clear();
  EXPECT_EQ(set.size(), 0u);
  EXPECT_FALSE(set.saturated());
  EXPECT_FALSE(set.Contains(99));
  EXPECT_EQ(SavedBytes(set), SavedBytes(FingerprintSet()));
}

TEST(FingerprintSetTest, WhatIsRemovedIsAsIfItHadNeverCome) {
  for (uint32_t capacity : {6, 100}) {  // in the old generation, in the young
    FingerprintSet set, without;
    for (uint64_t hash = 1; hash <= 10; ++hash) {
      set.Add(hash, capacity);
      if (hash != 3) without.Add(hash, capacity);
    }
    set.Remove(3);
    set.Remove(77);  // never came
    EXPECT_FALSE(set.Contains(3));
    EXPECT_EQ(set.size(), 9u);
    for (uint64_t hash : {1, 2, 4, 5, 6, 7, 8, 9, 10}) {
      EXPECT_TRUE(set.Contains(hash)) << hash;
    }
    if (capacity == 100) {
      EXPECT_EQ(SavedBytes(set), SavedBytes(without));
    }
  }
}

TEST(FingerprintSetTest, OneMemberIsLikeMore) {
  FingerprintSet set;
  EXPECT_TRUE(set.Add(1, 100));
  EXPECT_FALSE(set.Add(1, 100));
  EXPECT_TRUE(set.IsYoung(1));
  EXPECT_FALSE(set.IsYoung(2));
  FingerprintSet moved = std::move(set);
  EXPECT_EQ(set.size(), 0u);  // and may be used again
  EXPECT_TRUE(set.Add(3, 100));
  set = std::move(moved);
  EXPECT_TRUE(set.Contains(1));
  EXPECT_FALSE(set.Contains(3));
  set.Remove(2);  // never came
  EXPECT_EQ(set.size(), 1u);
  set.Remove(1);
  EXPECT_EQ(SavedBytes(set), SavedBytes(FingerprintSet()));
  EXPECT_TRUE(set.Add(1, 100));
}

TEST(FingerprintSetTest, SavedBytesDependOnTheMembersOnly) {
  FingerprintSet up, down;
  for (uint64_t hash = 1; hash <= 50; ++hash) up.Add(hash, 100);
  for (uint64_t hash = 50; hash >= 1; --hash) down.Add(hash, 100);
  EXPECT_EQ(SavedBytes(up), SavedBytes(down));
}

TEST(FingerprintSetTest, DamagedBytesAreDataLossOrAnotherSet) {
  std::mt19937_64 random(12);
  FingerprintSet set;
  for (int i = 0; i < 150; ++i) set.Add(random(), 100);
  const std::string good = SavedBytes(set);
  for (size_t size = 0; size < good.size(); ++size) {
    StateReader in(std::string_view(good).substr(0, size));
    FingerprintSet loaded;
    loaded.Add(7, 1);
    loaded.Load(in);
    EXPECT_THAT(in.status(), StatusIs(absl::StatusCode::kDataLoss, _));
    EXPECT_EQ(loaded.size(), 0u);
  }
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (int j = 0; j < 2; ++j) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    StateReader in(bytes);
    FingerprintSet loaded;
    loaded.Load(in);
    ASSERT_LE(loaded.size(), bytes.size());
    for (int j = 0; j < 3; ++j) loaded.Add(random(), 100);
  }
}

TEST(FingerprintSetTest, RefusesAMemberOfBothGenerations) {
  StateWriter out;
  out.PutU64(0);                 // not saturated
  out.PutU64(1), out.PutU64(5);  // young: 5
  out.PutU64(1), out.PutU64(5);  // old: 5
  StateReader in(out.bytes());
  FingerprintSet set;
  set.Load(in);
  EXPECT_THAT(in.status(), StatusIs(absl::StatusCode::kDataLoss, _));
}

TEST(FingerprintSetTest, ASmallerCapacityAfterARestartIsSafe) {
  FingerprintSet set;
  for (uint64_t hash = 1; hash <= 100; ++hash) set.Add(hash, 100);
  set = SetSavedAndLoaded(set);
  EXPECT_TRUE(set.Add(101, 10));
  for (uint64_t hash = 1; hash <= 101; ++hash) {
    EXPECT_TRUE(set.Contains(hash));
  }
}

FingerprintSet RestedAndWoken(const FingerprintSet& set, StateWriter& out) {
  out.BeginRest({});
  set.Save(out);
  StateReader in(out.bytes(), {});
  FingerprintSet woken;
  woken.Add(3, 1);
  woken.Load(in);
  EXPECT_TRUE(in.status().ok() && in.AtEnd());
  return woken;
}

TEST(FingerprintSetTest, WakesAsItRested) {
  std::mt19937_64 random(9);
  for (uint32_t members = 0; members < 60; ++members) {
    for (uint32_t capacity : {1u, 7u, 100u}) {
      FingerprintSet set;
      for (uint32_t i = 0; i < members; ++i) set.Add(random(), capacity);
      StateWriter out;
      FingerprintSet woken = RestedAndWoken(set, out);
      StateWriter before, after;
      set.Save(before);
      woken.Save(after);
      EXPECT_EQ(after.bytes(), before.bytes());
      for (int i = 0; i < 200; ++i) {
        const uint64_t hash = random();
        ASSERT_EQ(woken.Add(hash, capacity), set.Add(hash, capacity));
      }
    }
  }
}

TEST(FingerprintSetTest, AMemberThatStandsThereAlreadyIsShortAtRest) {
  FingerprintSet one, same, other;
  one.Add(77, 8), same.Add(77, 8), other.Add(78, 8);
  StateWriter out;
  out.BeginRest({});
  for (const FingerprintSet* set : {&one, &other, &same, &same}) {
    set->Save(out);
  }
  EXPECT_EQ(out.bytes().size(), 5u + 5u + 1u + 1u);
  StateReader in(out.bytes(), {});
  for (uint64_t hash : {77, 78, 77, 77}) {
    FingerprintSet woken;
    woken.Load(in);
    EXPECT_EQ(woken.size(), 1u);
    EXPECT_TRUE(woken.Contains(hash));
  }
  EXPECT_TRUE(in.status().ok() && in.AtEnd());
}

TEST(FingerprintSetTest, WhatWasSavedBeforeIsRead) {
  StateWriter saved;
  saved.PutU64(1);  // saturated
  saved.PutU64(2);  // young ones, by differences
  saved.PutU64(100);
  saved.PutU64(50);
  saved.PutU64(1);  // old ones
  saved.PutU64(7);
  FingerprintSet loaded;
  StateReader in(saved.bytes());
  loaded.Load(in);
  ASSERT_TRUE(in.status().ok() && in.AtEnd());
  EXPECT_EQ(loaded.size(), 3u);
  EXPECT_TRUE(loaded.saturated());
  for (uint64_t hash : {100, 150, 7}) EXPECT_TRUE(loaded.Contains(hash));
}

}  // namespace
}  // namespace oddverb
