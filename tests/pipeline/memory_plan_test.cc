#include "pipeline/memory_plan.h"

#include "gtest/gtest.h"

namespace oddverb {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr MemoryPlan::Uses kEverything = {
    .request_bodies = true, .held_events = true, .recent_events = true};

TEST(MemoryPlanTest, LeavesEnoughForEntitiesOfTheLeastBudget) {
  const MemoryPlan plan = MemoryPlan::Of(MemoryPlan::kLeastBudget, kEverything);
  EXPECT_LE(plan.bytes() + MemoryPlan::kLeastForEntities,
            MemoryPlan::kLeastBudget);
}

TEST(MemoryPlanTest, GivesNothingToWhatIsNotUsed) {
  const MemoryPlan plan = MemoryPlan::Of(512 * kMiB, {});
  EXPECT_EQ(plan.request_bodies, 0u);
  EXPECT_EQ(plan.held_events, 0u);
  EXPECT_EQ(plan.recent_events, 0u);
  EXPECT_GT(plan.in_flight, 0u);
}

TEST(MemoryPlanTest, MoreMemoryIsMoreOfEachKindOfEntity) {
  const EntityBudget small = EntitiesIn(200 * kMiB);
  const EntityBudget large = EntitiesIn(800 * kMiB);
  for (EntityKind kind :
       {EntityKind::kActor, EntityKind::kCredential, EntityKind::kPod}) {
    const auto i = static_cast<size_t>(kind);
    EXPECT_NEAR(large.shards[i].max_entities,
                4.0 * small.shards[i].max_entities, 8);
    EXPECT_NEAR(large.shards[i].max_awake, 4.0 * small.shards[i].max_awake, 8);
    EXPECT_LT(small.shards[i].max_awake, small.shards[i].max_entities);
  }
  for (EntityKind kind : {EntityKind::kCredential, EntityKind::kAddress}) {
    const auto i = static_cast<size_t>(kind);
    EXPECT_NEAR(large.correlator[i].max_entities,
                4.0 * small.correlator[i].max_entities, 8);
  }
}

// Else a checkpoint with all of an earlier version's entities would not load:
// of 256 MiB for them that had so many.
TEST(MemoryPlanTest, NoKindHasLessRoomThanItHad) {
  const EntityBudget now = EntitiesIn(256 * kMiB);
  const auto shards = [&](EntityKind kind) {
    return now.shards[static_cast<size_t>(kind)].max_entities;
  };
  const auto correlator = [&](EntityKind kind) {
    return now.correlator[static_cast<size_t>(kind)].max_entities;
  };
  EXPECT_GE(shards(EntityKind::kActor), 318'766u);
  EXPECT_GE(shards(EntityKind::kCredential), 212'511u);
  EXPECT_GE(shards(EntityKind::kPod), 170'568u);
  EXPECT_GE(correlator(EntityKind::kCredential), 419'430u);
  EXPECT_GE(correlator(EntityKind::kAddress), 277'383u);
}

// Never more than an id can be.
TEST(MemoryPlanTest, ABudgetOfATerabyteIsBoundedByWhatIdsCanBe) {
  const EntityBudget budget = EntitiesIn(uint64_t{1} << 40);
  for (const EntityLimits& limits : budget.shards) {
    EXPECT_LE(limits.max_entities, 50'000'000u);
  }
}

}  // namespace
}  // namespace oddverb
