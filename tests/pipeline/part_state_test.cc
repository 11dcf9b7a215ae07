#include "pipeline/part_state.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "detectors/detector.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr EntityKind kCounted = EntityKind::kActor;

// Counts how often it was asked about each entity.
class CountingPart final : public Detector {
 public:
  FieldSet fields() const override { return {}; }
  void Observe(const AuditEvent&, const EntityIds&, Emit&) override {}
  void AdvanceTo(absl::Time, Emit&) override {}
  void Forget(EntityKind, EntityId id) override { counts_.erase(id); }
  bool CanRest(EntityKind, EntityId) const override { return true; }
  void Save(EntityKind, EntityId id, StateWriter& out) const override {
    auto found = counts_.find(id);
    if (found != counts_.end()) out.PutU64(found->second);
  }
  absl::Status Load(EntityKind, EntityId id, StateReader& in) override {
    counts_[id] = in.GetU64();
    return in.status();
  }

  uint64_t Count(EntityId id) {
    highest_ = std::max(highest_, id);
    return ++counts_[id];
  }
  EntityId highest() const { return highest_; }

 private:
  std::unordered_map<EntityId, uint64_t> counts_;
  EntityId highest_ = 0;
};

struct CountedState {
  explicit CountedState(
      const EntityLimits& limits, TrackChanges track = TrackChanges::kOff,
      std::shared_ptr<RestStore> store = std::make_shared<RestStore>()) {
    auto owned = std::make_unique<CountingPart>();
    part = owned.get();
    std::vector<NamedPart<Detector>> parts;
    parts.push_back({"counting", std::move(owned)});
    state = std::make_unique<PartState<Detector>>(
        std::move(parts), 1, SameForEachKind(limits), track, store);
  }
  uint64_t Count(uint64_t key) {
    const uint64_t count = part->Count(state->IdOf(kCounted, key));
    state->Settle();
    return count;
  }

  CountingPart* part = nullptr;
  std::unique_ptr<PartState<Detector>> state;
};

TEST(PartStateTest, PartsSeeNoMoreIdsThanEntitiesAreAwake) {
  CountedState counted({.max_entities = 20'000, .max_awake = 100});
  std::mt19937_64 random(5);
  std::unordered_map<uint64_t, uint64_t> expected;
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t key = 1 + random() % 10'000;
    ASSERT_EQ(counted.Count(key), ++expected[key]);
  }
  // All have a second chance, so that some more are awake for a while.
  EXPECT_LE(counted.part->highest(), 150u);
  EXPECT_GT(counted.state->resting(kCounted), 9'000u);
}

// As those of a worker's shards, with the same keys in all of them.
TEST(PartStateTest, TablesWithOneStoreKeepTheirEntitiesApartInFewerBytes) {
  constexpr size_t kTables = 8;
  auto store = std::make_shared<RestStore>();
  std::vector<CountedState> tables, apart;
  std::vector<std::shared_ptr<RestStore>> stores_apart;
  const EntityLimits limits{.max_entities = 1000, .max_awake = 4};
  for (size_t i = 0; i < kTables; ++i) {
    tables.emplace_back(limits, TrackChanges::kOff, store);
    stores_apart.push_back(std::make_shared<RestStore>());
    apart.emplace_back(limits, TrackChanges::kOff, stores_apart.back());
  }
  std::mt19937_64 random(6);
  std::unordered_map<uint64_t, uint64_t> expected[kTables];
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t key = 1 + random() % 50;
    const size_t table = random() % kTables;
    ASSERT_EQ(tables[table].Count(key), ++expected[table][key]);
    apart[table].Count(key);
  }
  uint64_t bytes_apart = 0;
  for (const auto& one : stores_apart) bytes_apart += one->packed.held_bytes();
  EXPECT_GT(store->packed.strings(), kTables * 40);
  EXPECT_LT(store->packed.held_bytes(), bytes_apart / 2);
}

TEST(PartStateTest, WhoIsForgottenAtRestStartsAnew) {
  CountedState counted({.max_entities = 8, .max_awake = 2});
  for (uint64_t key = 1; key <= 8; ++key) counted.Count(key);
  // All places of the table go to others.
  for (uint64_t key = 11; key <= 18; ++key) {
    EXPECT_EQ(counted.Count(key), 1u) << key;
  }
  EXPECT_EQ(counted.Count(1), 1u);
}

// What a part says of a place is about who is there.
TEST(PartStateTest, AMarkedPlaceIsThatOfTheEntityInIt) {
  CountedState counted({.max_entities = 64, .max_awake = 4}, TrackChanges::kOn);
  std::vector<StateRow> rows;
  for (uint64_t key = 1; key <= 40; ++key) {
    counted.Count(key);
    counted.state->TakeChanges("owner", rows);
    for (int i = 0; i < 4; ++i) counted.state->Settle();
  }
  ASSERT_GT(counted.state->resting(kCounted), 30u);
  // It wakes in a place that is not its id.
  const EntityId place = counted.state->Find(kCounted, 7);
  ASSERT_LT(place, 6u);
  rows.clear();
  counted.state->MarkChanged(kCounted, place);
  counted.state->TakeChanges("owner", rows);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].id, 6u);  // the seventh that came
  StateReader in(rows[0].bytes);
  EXPECT_EQ(in.GetFixed64(), 7u);
}

TEST(PartStateTest, SuspectsAreMarkedByTheirPlaces) {
  CountedState counted({.max_entities = 16, .max_awake = 2});
  for (uint64_t key = 1; key <= 12; ++key) {
    counted.Count(key);
    for (int i = 0; i < 4; ++i) counted.state->Settle();
  }
  counted.state->MarkSuspect(kCounted, counted.state->Find(kCounted, 5));
  // Twice as many others as the table has room for.
  for (uint64_t key = 101; key <= 132; ++key) counted.Count(key);
  EXPECT_EQ(counted.Count(5), 2u);
  EXPECT_EQ(counted.Count(6), 1u);
}

TEST(PartStateTest, WhatWasSavedIsLoadedIntoPlaces) {
  CountedState counted({.max_entities = 1'000, .max_awake = 10},
                       TrackChanges::kOn);
  for (uint64_t key = 1; key <= 200; ++key) {
    for (uint64_t i = 0; i < key % 5 + 1; ++i) counted.Count(key);
  }
  std::vector<StateRow> rows;
  counted.state->TakeChanges("owner", rows);
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::pair(a.kind, a.id) < std::pair(b.kind, b.id);
  });
  CountedState loaded({.max_entities = 1'000, .max_awake = 10});
  ASSERT_TRUE(loaded.state->Load(rows).ok());
  EXPECT_GT(loaded.state->resting(kCounted), 150u);
  for (uint64_t key = 1; key <= 200; ++key) {
    ASSERT_EQ(loaded.Count(key), key % 5 + 2) << key;
  }
}

TEST(PartStateTest, MoreEntitiesThanThereIsRoomForNowAreAnErrorWithACure) {
  CountedState counted({.max_entities = 20}, TrackChanges::kOn);
  for (uint64_t key = 1; key <= 11; ++key) counted.Count(key);
  std::vector<StateRow> rows;
  counted.state->TakeChanges("shard 3", rows);
  CountedState smaller({.max_entities = 10});
  const absl::Status status = smaller.state->Load(rows);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("than shard 3 has room for now (10)"),
                    HasSubstr("memory.budget")));
  CountedState as_large({.max_entities = 11});
  EXPECT_TRUE(as_large.state->Load(rows).ok());
}

}  // namespace
}  // namespace oddverb
