#include "stats/rest_table.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

// Lets all rest that may, with their own number as bytes.
std::vector<EntityId> LetRest(RestTable& table) {
  std::vector<EntityId> resting;
  for (EntityId id = table.NextToRest(); id != kNoEntity;
       id = table.NextToRest()) {
    table.Rest(id, absl::StrCat(id));
    resting.push_back(id);
  }
  return resting;
}

TEST(RestTableTest, LetsTheLeastRecentlyUsedRest) {
  PackedBytes packed;
  RestTable table(3, &packed);
  for (EntityId id = 0; id < 4; ++id) table.Use(id);
  // All had a second chance.
  EXPECT_EQ(table.NextToRest(), kNoEntity);
  table.Use(0);
  EXPECT_THAT(LetRest(table), ::testing::ElementsAre(1));
  EXPECT_TRUE(table.IsResting(1));
  EXPECT_EQ(table.BytesOf(1), "1");
  EXPECT_EQ(table.resting(), 1u);
}

TEST(RestTableTest, LetsNobodyRestWhileThereIsRoom) {
  PackedBytes packed;
  RestTable table(10, &packed);
  for (EntityId id = 0; id < 10; ++id) table.Use(id);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(table.NextToRest(), kNoEntity);
}

TEST(RestTableTest, WhoWakesGivesTheBytesBack) {
  PackedBytes packed;
  RestTable table(0, &packed);
  table.Use(5);
  EXPECT_EQ(table.NextToRest(), 5u);
  table.Rest(5, "state");
  EXPECT_EQ(packed.strings(), 1u);
  table.Wake(5);
  EXPECT_EQ(packed.strings(), 0u);
  EXPECT_FALSE(table.IsResting(5));
  EXPECT_EQ(table.resting(), 0u);
}

TEST(RestTableTest, GuessesThePlaceOfWhoIsAwakeAlone) {
  PackedBytes packed;
  RestTable table(1, &packed);
  EXPECT_EQ(table.Guess(7), kNoEntity);
  const EntityId place = table.Use(7);
  EXPECT_EQ(table.Guess(7), place);
  const EntityId second = table.Use(9);
  EXPECT_EQ(table.Guess(9), second);
  EXPECT_EQ(table.Guess(8), kNoEntity);
  table.Rest(7, "state");
  EXPECT_EQ(table.Guess(7), kNoEntity);
  table.Rest(9, "");  // it left nothing
  EXPECT_EQ(table.Guess(9), kNoEntity);
  EXPECT_EQ(table.BytesOf(7), "state");
}

TEST(RestTableTest, GuessesWhoRestsForOneMore) {
  PackedBytes packed;
  RestTable table(50, &packed);
  std::mt19937_64 random(1);
  int rested = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto id = static_cast<EntityId>(random() % 200);
    if (table.IsResting(id)) table.Wake(id);
    const bool is_one_more = table.Guess(id) == kNoEntity;
    const EntityId guess = table.GuessNextPlace();
    EXPECT_EQ(table.GuessNextPlace(), guess);
    table.Use(id);
    const EntityId next = table.NextToRest();
    if (next == kNoEntity) continue;
    if (is_one_more) {
      EXPECT_EQ(guess, table.PlaceOf(next));
    }
    table.Rest(next, "state");
    rested += is_one_more ? 1 : 0;
  }
  EXPECT_GT(rested, 5000);
}

TEST(RestTableTest, NobodyIsGuessedToRestWhereNobodyWill) {
  PackedBytes packed;
  RestTable none(0, &packed), table(2, &packed);
  RestTable all_awake(RestTable::kAllAwake, &packed);
  EXPECT_EQ(none.GuessNextPlace(), kNoEntity);
  EXPECT_EQ(table.GuessNextPlace(), kNoEntity);
  table.Use(0);
  table.NextToRest();
  EXPECT_EQ(table.GuessNextPlace(), kNoEntity);
  all_awake.Use(0);
  EXPECT_EQ(all_awake.GuessNextPlace(), kNoEntity);
}

TEST(RestTableTest, NothingIsKeptOfWhoLeftNothing) {
  PackedBytes packed;
  RestTable table(0, &packed);
  table.Use(5);
  ASSERT_EQ(table.NextToRest(), 5u);
  table.Rest(5, "");
  EXPECT_TRUE(table.IsResting(5));
  EXPECT_EQ(table.BytesOf(5), "");
  EXPECT_EQ(packed.strings(), 0u);
}

// Some never may rest, as their findings are open.
TEST(RestTableTest, KeepsWhatEachLeftAndIsBoundedBesideThoseThatMayNot) {
  std::mt19937_64 random(3);
  PackedBytes packed;
  constexpr uint32_t kMaxAwake = 20, kIds = 500;
  RestTable table(kMaxAwake, &packed);
  std::map<EntityId, std::string> resting;
  std::vector<bool> known(kIds);
  for (int step = 0; step < 100'000; ++step) {
    auto id = static_cast<EntityId>(random() % kIds);
    ASSERT_EQ(table.IsResting(id), resting.contains(id));
    if (resting.contains(id)) {
      ASSERT_EQ(table.BytesOf(id), resting[id]);
      table.Wake(id);
      resting.erase(id);
    }
    table.Use(id);
    known[id] = true;
    for (int i = 0; i < 4; ++i) {
      EntityId next = table.NextToRest();
      if (next == kNoEntity) break;
      if (next % 100 == 0) continue;
      resting[next] = std::string(random() % 50, 'x');
      table.Rest(next, resting[next]);
    }
    ASSERT_EQ(table.resting(), resting.size());
  }
  const auto in_use = std::count(known.begin(), known.end(), true);
  EXPECT_LE(static_cast<size_t>(in_use) - resting.size(), kMaxAwake + 10);
}

TEST(RestTableTest, APlaceThatIsFreeIsTakenByTheNext) {
  PackedBytes packed;
  RestTable table(1, &packed);
  EXPECT_EQ(table.Use(70), 0u);
  EXPECT_EQ(table.Use(80), 1u);
  EXPECT_EQ(table.Use(80), 1u);
  EXPECT_EQ(table.EntityAt(1), 80u);
  ASSERT_THAT(LetRest(table), ::testing::ElementsAre(70));
  EXPECT_EQ(table.Use(90), 0u);
  EXPECT_EQ(table.EntityAt(0), 90u);
  table.Wake(70);
  EXPECT_EQ(table.Use(70), 2u);
  EXPECT_EQ(table.PlaceOf(70), 2u);
}

TEST(RestTableTest, WhereAllAreAwakeThePlaceIsTheId) {
  PackedBytes packed;
  RestTable table(RestTable::kAllAwake, &packed);
  EXPECT_EQ(table.Use(70), 70u);
  EXPECT_EQ(table.PlaceOf(70), 70u);
  EXPECT_EQ(table.EntityAt(70), 70u);
  EXPECT_FALSE(table.IsResting(70));
}

}  // namespace
}  // namespace oddverb
