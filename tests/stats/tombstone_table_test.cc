#include "stats/tombstone_table.h"

#include <cstdint>
#include <map>
#include <optional>
#include <random>

#include "base/state_io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

Remains OfScore(uint16_t score) {
  return {.digest = score * 7u,
          .first_second = 100u + score,
          .last_second = 200u + score,
          .score = score,
          .count = 3};
}

// A key of the first set of a table of `sets`.
uint64_t KeyInFirstSet(uint64_t n, uint64_t sets) {
  return (n << 32) / sets * sets * 4;
}

TEST(TombstoneTableTest, GivesEachItsOwnOnce) {
  TombstoneTable table(4096);
  std::mt19937_64 random(11);
  std::map<uint64_t, uint16_t> put;
  for (uint16_t i = 1; i <= 200; ++i) {
    const uint64_t key = random();
    put[key] = i;
    table.Put(key, OfScore(i));
  }
  EXPECT_EQ(table.size(), 200u);
  EXPECT_EQ(table.Take(12345), std::nullopt);
  for (auto [key, score] : put) {
    EXPECT_EQ(table.Take(key), OfScore(score));
    EXPECT_EQ(table.Take(key), std::nullopt);
  }
  EXPECT_EQ(table.size(), 0u);
}

TEST(TombstoneTableTest, WhoWasSuspectedLeastMakesRoom) {
  TombstoneTable table(TombstoneTable::kSetSize);
  for (uint64_t n = 1; n <= 8; ++n) {
    table.Put(KeyInFirstSet(n, 1), OfScore(n == 3 ? 500 : 1000));
  }
  table.Put(KeyInFirstSet(20, 1), OfScore(600));
  EXPECT_EQ(table.Take(KeyInFirstSet(3, 1)), std::nullopt);
  EXPECT_EQ(table.Take(KeyInFirstSet(20, 1)), OfScore(600));
  EXPECT_EQ(table.size(), 7u);
}

TEST(TombstoneTableTest, AFloodOfLesserSuspectsDrivesNobodyOut) {
  TombstoneTable table(64);
  const uint64_t patient = KeyInFirstSet(77, 8);
  table.Put(patient, OfScore(3000));
  for (uint64_t n = 1000; n < 100'000; ++n) {
    table.Put(KeyInFirstSet(n, 8), OfScore(static_cast<uint16_t>(n % 2999)));
  }
  EXPECT_LE(table.size(), 64u);
  EXPECT_EQ(table.Take(patient), OfScore(3000));
}

TEST(TombstoneTableTest, OfThoseSuspectedAlikeTheOldestMakesRoom) {
  TombstoneTable table(TombstoneTable::kSetSize);
  for (uint64_t n = 1; n <= 9; ++n) {
    table.Put(KeyInFirstSet(n, 1), OfScore(1000));
  }
  EXPECT_EQ(table.Take(KeyInFirstSet(1, 1)), std::nullopt);
  EXPECT_EQ(table.Take(KeyInFirstSet(2, 1)), OfScore(1000));
}

TEST(TombstoneTableTest, GoesOnAsTheOneThatWasSaved) {
  std::mt19937_64 random(12);
  TombstoneTable table(128);
  auto put = [](TombstoneTable& into, uint64_t key) {
    into.Put(key, OfScore(static_cast<uint16_t>(key % 5000)));
  };
  for (int i = 0; i < 1000; ++i) put(table, random());
  StateWriter out;
  table.Save(out);
  TombstoneTable loaded(128);
  StateReader in(out.bytes());
  loaded.Load(in);
  ASSERT_TRUE(in.status().ok());
  EXPECT_TRUE(in.AtEnd());
  for (int i = 0; i < 1000; ++i) {
    const uint64_t key = random();
    put(table, key);
    put(loaded, key);
  }
  StateWriter again, of_loaded;
  table.Save(again);
  loaded.Save(of_loaded);
  EXPECT_EQ(again.bytes(), of_loaded.bytes());
}

TEST(TombstoneTableTest, DamageIsRefusedAndAnotherSizeIsNot) {
  TombstoneTable table(64);
  for (uint64_t n = 1; n <= 9; ++n) table.Put(n << 33 | n, OfScore(9));
  StateWriter out;
  table.Save(out);
  TombstoneTable other(128);
  StateReader of_other(out.bytes());
  other.Load(of_other);
  EXPECT_TRUE(of_other.status().ok());
  EXPECT_EQ(other.size(), 0u);
  EXPECT_TRUE(of_other.AtEnd());  // what follows is another table's
  for (size_t cut = 0; cut < out.bytes().size(); ++cut) {
    TombstoneTable loaded(64);
    StateReader in(std::string_view(out.bytes()).substr(0, cut));
    loaded.Load(in);
    EXPECT_FALSE(in.status().ok()) << cut;
    EXPECT_EQ(loaded.size(), 0u);
  }
}

}  // namespace
}  // namespace oddverb
