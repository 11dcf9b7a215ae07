#include "stats/entity_table.h"

#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/state_io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;

constexpr Standing kStandings[] = {Standing::kRegular, Standing::kGuest,
                                   Standing::kPerson};

// CLOCK as a textbook has it, over std::map.
class NaiveClock {
 public:
  explicit NaiveClock(uint32_t max_entities) : max_entities_(max_entities) {}

  EntityTable::Lookup FindOrAdd(uint64_t key) {
    if (auto it = ids_.find(key); it != ids_.end()) {
      frames_[it->second].used = true;
      return {.id = it->second};
    }
    if (frames_.size() < max_entities_) {
      EntityId id = static_cast<EntityId>(frames_.size());
      frames_.push_back({key, false});
      ids_[key] = id;
      return {.id = id, .is_new = true};
    }
    while (frames_[hand_].used) {
      frames_[hand_].used = false;
      hand_ = (hand_ + 1) % frames_.size();
    }
    EntityId id = static_cast<EntityId>(hand_);
    hand_ = (hand_ + 1) % frames_.size();
    ids_.erase(frames_[id].key);
    frames_[id] = {key, false};
    ids_[key] = id;
    ++evictions_;
    return {.id = id, .is_new = true, .is_reused = true};
  }

  EntityId Find(uint64_t key) const {
    auto it = ids_.find(key);
    return it == ids_.end() ? kNoEntity : it->second;
  }
  const std::map<uint64_t, EntityId>& ids() const { return ids_; }
  uint64_t evictions() const { return evictions_; }

 private:
  struct Frame {
    uint64_t key = 0;
    bool used = false;
  };
  uint32_t max_entities_;
  std::vector<Frame> frames_;
  std::map<uint64_t, EntityId> ids_;
  size_t hand_ = 0;
  uint64_t evictions_ = 0;
};

// Skewed, as identities are: few keys come often, many once. With 0 and ~0.
uint64_t RandomKey(std::mt19937_64& random, uint64_t universe) {
  uint64_t key = random() % (1 + random() % universe);
  return key % 3 == 0 ? ~key : key;
}

void ExpectSame(const EntityTable& table, const NaiveClock& model) {
  EXPECT_EQ(table.size(), model.ids().size());
  EXPECT_EQ(table.evictions(), model.evictions());
  for (const auto& [key, id] : model.ids()) {
    EXPECT_EQ(table.Find(key), id);
    EXPECT_EQ(table.KeyOf(id), key);
  }
}

EntityTable SavedAndLoaded(const EntityTable& table, uint32_t max_entities) {
  StateWriter out;
  table.SaveClock(out);
  EntityTable loaded(max_entities);
  for (EntityId id = 0; id < table.size(); ++id) {
    EXPECT_EQ(loaded.FindOrAdd(table.KeyOf(id)).id, id);
  }
  StateReader in(out.bytes());
  loaded.LoadClock(in);
  EXPECT_THAT(in.status(), IsOk());
  EXPECT_TRUE(in.AtEnd());
  return loaded;
}

class EntityTableOracleTest : public ::testing::TestWithParam<uint32_t> {};

TEST_P(EntityTableOracleTest, DoesWhatANaiveClockDoes) {
  const uint32_t max_entities = GetParam();
  std::mt19937_64 random(max_entities);
  EntityTable table(max_entities);
  NaiveClock model(max_entities);
  for (int i = 0; i < 50'000; ++i) {
    uint64_t key = RandomKey(random, 3 * max_entities);
    table.PrefetchSlot(key);
    ASSERT_EQ(table.Find(key), model.Find(key)) << i;
    if (table.Find(key) != kNoEntity) {
      ASSERT_NE(table.Guess(key), kNoEntity) << i;
      table.PrefetchEntity(table.Guess(key));
    }
    EntityTable::Lookup got = table.FindOrAdd(key);
    EntityTable::Lookup want = model.FindOrAdd(key);
    ASSERT_EQ(got.id, want.id) << i;
    ASSERT_EQ(got.is_new, want.is_new) << i;
    ASSERT_EQ(got.is_reused, want.is_reused) << i;
    ASSERT_EQ(table.KeyOf(got.id), key) << i;
    if (i % 5'000 == 0) ExpectSame(table, model);
  }
  ExpectSame(table, model);
  EXPECT_GT(table.evictions(), 0u);
}

TEST_P(EntityTableOracleTest, SaveAndLoadAtAnyPointChangeNothing) {
  const uint32_t max_entities = GetParam();
  std::mt19937_64 random(max_entities);
  EntityTable table(max_entities);
  NaiveClock model(max_entities);
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 1'000 == 0) table = SavedAndLoaded(table, max_entities);
    uint64_t key = RandomKey(random, 3 * max_entities);
    ASSERT_EQ(table.FindOrAdd(key).id, model.FindOrAdd(key).id) << i;
  }
  ExpectSame(table, model);
}

INSTANTIATE_TEST_SUITE_P(Sizes, EntityTableOracleTest,
                         ::testing::Values(1, 2, 3, 10, 11, 100, 1'000,
                                           20'000));

TEST(EntityTableTest, GivesDenseIds) {
  EntityTable table(1'000);
  for (EntityId id = 0; id < 1'000; ++id) {
    EntityTable::Lookup lookup = table.FindOrAdd(uint64_t{id} << 32);
    EXPECT_EQ(lookup.id, id);
    EXPECT_TRUE(lookup.is_new);
    EXPECT_FALSE(lookup.is_reused);
  }
  EXPECT_EQ(table.size(), 1'000u);
}

TEST(EntityTableTest, ZeroIsAKeyLikeAnyOther) {
  EntityTable table(2);
  EXPECT_EQ(table.Find(0), kNoEntity);
  EXPECT_TRUE(table.FindOrAdd(0).is_new);
  EXPECT_FALSE(table.FindOrAdd(0).is_new);
  EXPECT_EQ(table.Find(0), 0u);
}

TEST(EntityTableTest, FindIsNoUse) {
  EntityTable table(2);
  table.FindOrAdd(1);
  table.FindOrAdd(2);
  table.Find(1);
  table.FindOrAdd(3);
  EXPECT_EQ(table.Find(1), kNoEntity);
}

TEST(EntityTableTest, AFloodOfNewKeysLeavesTheOnesThatKeepComing) {
  constexpr uint64_t kRegulars = 500;
  EntityTable table(1'000);
  uint64_t flood = 1'000'000;
  for (int round = 0; round < 100; ++round) {
    for (uint64_t key = 0; key < kRegulars; ++key) {
      EntityTable::Lookup lookup = table.FindOrAdd(key);
      if (round > 0) {
        ASSERT_FALSE(lookup.is_new) << round << " " << key;
      }
    }
    for (int i = 0; i < 400; ++i) table.FindOrAdd(flood++);
  }
  EXPECT_GT(table.evictions(), 30'000u);
}

TEST(EntityTableTest, AFloodOfGuestsDrivesOutNobodyElse) {
  constexpr uint64_t kRegulars = 750;
  EntityTable table(1'000);
  for (uint64_t key = 0; key < kRegulars; ++key) table.FindOrAdd(key);
  // Each twice, so that all have been used.
  for (uint64_t guest = 0; guest < 20'000; ++guest) {
    for (int i = 0; i < 2; ++i) {
      table.FindOrAdd(1'000'000 + guest, Standing::kGuest);
    }
    ASSERT_LE(table.size_of(Standing::kGuest), 250u);
  }
  for (uint64_t key = 0; key < kRegulars; ++key) {
    EXPECT_FALSE(table.FindOrAdd(key).is_new) << key;
  }
  EXPECT_EQ(table.evictions(), 20'000u - 250u);
}

TEST(EntityTableTest, AFloodOfPeopleLeavesTheOthersTheirShare) {
  EntityTable table(1'000);
  for (uint64_t key = 0; key < 900; ++key) table.FindOrAdd(key);
  for (uint64_t key = 0; key < 100; ++key) {
    table.FindOrAdd(10'000 + key, Standing::kGuest);
  }
  for (uint64_t key = 0; key < 20'000; ++key) {
    for (int i = 0; i < 2; ++i) {  // so that it has been used
      table.FindOrAdd(1'000'000 + key, Standing::kPerson);
    }
  }
  EXPECT_EQ(table.size_of(Standing::kRegular), 500u);
  EXPECT_EQ(table.size_of(Standing::kGuest), 100u);
  EXPECT_EQ(table.size_of(Standing::kPerson), 400u);
}

TEST(EntityTableTest, AFloodOfOthersLeavesPeopleTheirShare) {
  EntityTable table(1'000);
  for (uint64_t key = 0; key < 1'000; ++key) {
    table.FindOrAdd(key, Standing::kPerson);
  }
  for (uint64_t key = 0; key < 20'000; ++key) {
    for (int i = 0; i < 2; ++i) table.FindOrAdd(1'000'000 + key);
  }
  EXPECT_EQ(table.size_of(Standing::kPerson), 250u);
  EXPECT_EQ(table.size_of(Standing::kRegular), 750u);
}

TEST(EntityTableTest, WhoHasLessThanItsShareGetsRoomInAFullTable) {
  for (uint32_t max_entities : {1u, 2u, 3u, 4u, 5u, 8u, 100u}) {
    for (Standing holder : kStandings) {
      for (Standing newcomer : kStandings) {
        EntityTable table(max_entities);
        for (uint64_t key = 0; key < 2 * max_entities; ++key) {
          table.FindOrAdd(key, holder);
        }
        for (uint64_t key = 1'000; key < 1'000 + max_entities; ++key) {
          table.FindOrAdd(key, newcomer);
          ASSERT_NE(table.Find(key), kNoEntity);
        }
        ASSERT_LE(table.size(), max_entities);
        ASSERT_GE(table.size_of(newcomer), 1u);
      }
    }
  }
}

TEST(EntityTableTest, GuestsTakeNoMoreThanTheirShareOfAnEmptyTable) {
  EntityTable table(1'000);
  for (uint64_t key = 0; key < 5'000; ++key) {
    table.FindOrAdd(key, Standing::kGuest);
  }
  EXPECT_EQ(table.size(), 250u);
  for (uint64_t key = 10'000; key < 11'000; ++key) table.FindOrAdd(key);
  EXPECT_EQ(table.size(), 1'000u);
}

TEST(EntityTableTest, AGuestThatComesAsARegularIsNoGuestAnyMore) {
  EntityTable table(100);
  table.FindOrAdd(1, Standing::kGuest);
  EXPECT_EQ(table.size_of(Standing::kGuest), 1u);
  table.FindOrAdd(1);
  EXPECT_EQ(table.size_of(Standing::kGuest), 0u);
  table.FindOrAdd(1, Standing::kGuest);
  EXPECT_EQ(table.size_of(Standing::kGuest), 0u);
  for (uint64_t key = 100; key < 1'000; ++key) {
    table.FindOrAdd(key, Standing::kGuest);
  }
  EXPECT_NE(table.Find(1), kNoEntity);
}

TEST(EntityTableTest, ASuspectOutlastsSevenTurnsOfAFloodAndNotEver) {
  constexpr uint32_t kMax = 100;
  EntityTable table(kMax);
  for (uint64_t key = 0; key < kMax; ++key) table.FindOrAdd(key);
  table.MarkSuspect(table.Find(7));
  uint64_t other_lasted = 0, suspect_lasted = 0;
  for (uint64_t came = 1; suspect_lasted == 0 && came < 100 * kMax; ++came) {
    table.FindOrAdd(1'000 + came);
    if (other_lasted == 0 && table.Find(8) == kNoEntity) other_lasted = came;
    if (table.Find(7) == kNoEntity) suspect_lasted = came;
  }
  EXPECT_LE(other_lasted, kMax);
  EXPECT_GT(suspect_lasted, 7 * (kMax - 1));
  EXPECT_LE(suspect_lasted, 8 * kMax);
}

TEST(EntityTableTest, ATableOfSuspectsTakesNewcomers) {
  EntityTable table(40);
  for (uint64_t key = 0; key < 400; ++key) {
    table.MarkSuspect(table.FindOrAdd(key, kStandings[key % 3]).id);
    ASSERT_NE(table.Find(key), kNoEntity);
  }
  EXPECT_LE(table.size(), 40u);
}

TEST(EntityTableTest, WhoChangesItsStandingStaysSuspected) {
  EntityTable table(100);
  table.MarkSuspect(table.FindOrAdd(1, Standing::kPerson).id);
  table.FindOrAdd(1, Standing::kRegular);
  for (uint64_t key = 100; key < 350; ++key) table.FindOrAdd(key);
  EXPECT_NE(table.Find(1), kNoEntity);
  EXPECT_EQ(table.size_of(Standing::kPerson), 0u);
}

TEST(EntityTableTest, SaveAndLoadChangeNothingOfStandings) {
  constexpr uint32_t kMax = 101;
  std::mt19937_64 random(7);
  EntityTable table(kMax), reloaded(kMax);
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 500 == 0) reloaded = SavedAndLoaded(reloaded, kMax);
    uint64_t key = RandomKey(random, 3 * kMax);
    const Standing standing = kStandings[key % std::size(kStandings)];
    ASSERT_EQ(reloaded.FindOrAdd(key, standing).id,
              table.FindOrAdd(key, standing).id)
        << i;
    if (key % 7 == 0) {
      table.MarkSuspect(table.Find(key));
      reloaded.MarkSuspect(reloaded.Find(key));
    }
    for (Standing one : kStandings) {
      ASSERT_EQ(reloaded.size_of(one), table.size_of(one)) << i;
    }
  }
}

// Of before there were people, and of before there were suspects.
TEST(EntityTableTest, AClockWithFewerBitSetsIsRead) {
  for (std::string_view bits : {"\x05\x02", "\x05\x02\x04"}) {
    StateWriter out;
    out.PutU64(0);
    out.PutU64(0);
    out.PutU64(3);
    out.PutString(bits);
    EntityTable table(3);
    for (uint64_t key = 10; key < 13; ++key) table.FindOrAdd(key);
    StateReader in(out.bytes());
    table.LoadClock(in);
    EXPECT_THAT(in.status(), IsOk());
    EXPECT_EQ(table.size_of(Standing::kGuest), 1u);
    EXPECT_EQ(table.size_of(Standing::kPerson), bits.size() - 2);
  }
}

// What a checkpoint of before there were guests holds.
TEST(EntityTableTest, AClockWithoutGuestsIsRead) {
  StateWriter out;
  out.PutU64(2);
  out.PutU64(7);
  out.PutU64(3);
  out.PutString("\x05");
  EntityTable table(3);
  for (uint64_t key = 10; key < 13; ++key) table.FindOrAdd(key);
  StateReader in(out.bytes());
  table.LoadClock(in);
  EXPECT_THAT(in.status(), IsOk());
  EXPECT_EQ(table.evictions(), 7u);
  EXPECT_EQ(table.size_of(Standing::kGuest), 0u);
  EXPECT_EQ(table.FindOrAdd(20).id, 1u);  // the only one that was not used
}

TEST(EntityTableTest, DamagedClocksAreDataLossAndChangeNothing) {
  EntityTable table(50);
  for (uint64_t key = 0; key < 70; ++key) table.FindOrAdd(key % 60);
  StateWriter out;
  table.SaveClock(out);
  const std::string good = out.Release();
  for (size_t size = 0; size < good.size(); ++size) {
    StateReader in(std::string_view(good).substr(0, size));
    table.LoadClock(in);
    EXPECT_THAT(in.status(), StatusIs(absl::StatusCode::kDataLoss, _));
  }
  StateWriter unchanged;
  table.SaveClock(unchanged);
  EXPECT_EQ(unchanged.bytes(), good);

  std::mt19937_64 random(10);
  for (int i = 0; i < 5'000; ++i) {
    std::string bytes = good;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    StateReader in(bytes);
    table.LoadClock(in);
    table.FindOrAdd(random());
    ASSERT_LE(table.size(), 50u);
  }

  EntityTable smaller(10);
  for (uint64_t key = 0; key < 10; ++key) smaller.FindOrAdd(key);
  StateReader in(good);
  smaller.LoadClock(in);
  EXPECT_THAT(in.status(), StatusIs(absl::StatusCode::kDataLoss, _));
}

}  // namespace
}  // namespace oddverb
