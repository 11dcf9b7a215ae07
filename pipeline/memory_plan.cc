#include "pipeline/memory_plan.h"

#include <algorithm>

namespace oddverb {
namespace {

constexpr uint64_t kMiB = 1 << 20;
// One in so many bytes is for those awake: more of them cost less time, more of
// the others are remembered longer.
constexpr uint64_t kAwakeShare = 4;

// Of one class of entities: its share of the bytes in hundredths, and what one
// takes, awake and at rest, with its place in the tables; 0 = it never rests.
struct ClassOfEntities {
  EntityKind kind;
  uint64_t share;
  uint64_t awake_bytes;
  uint64_t resting_bytes;
};

// A pod stands for its tokens, so there are credentials of people and of few
// programs. The correlator keeps a few numbers of a credential, which stay as
// they are.
constexpr ClassOfEntities kInShards[] = {
    {EntityKind::kActor, 45, 900, 240},
    {EntityKind::kCredential, 8, 300, 80},
    {EntityKind::kPod, 17, 450, 160},
};
constexpr ClassOfEntities kInCorrelator[] = {
    {EntityKind::kCredential, 10, 64, 0},
    {EntityKind::kAddress, 20, 500, 120},
};

void Divide(uint64_t bytes, const ClassOfEntities& part, LimitsByKind& out) {
  constexpr uint64_t kMost = 50'000'000;
  EntityLimits& limits = out[static_cast<size_t>(part.kind)];
  const uint64_t its_bytes = bytes * part.share / 100;
  if (part.resting_bytes == 0) {
    limits.max_entities = static_cast<uint32_t>(
        std::min<uint64_t>(its_bytes / part.awake_bytes, kMost));
    return;
  }
  const uint64_t for_awake = its_bytes / kAwakeShare;
  const uint64_t awake = for_awake / part.awake_bytes;
  const uint64_t resting = (its_bytes - for_awake) / part.resting_bytes;
  limits.max_entities =
      static_cast<uint32_t>(std::min<uint64_t>(awake + resting, kMost));
  limits.max_awake = static_cast<uint32_t>(std::min<uint64_t>(awake, kMost));
}

}  // namespace

MemoryPlan MemoryPlan::Of(uint64_t budget, const Uses& uses) {
  auto share = [budget](uint64_t hundredths, uint64_t most) {
    return std::clamp(budget * hundredths / 100, kMiB, most);
  };
  MemoryPlan plan;
  plan.in_flight = share(5, 64 * kMiB);
  if (uses.request_bodies) plan.request_bodies = share(10, 256 * kMiB);
  if (uses.held_events) plan.held_events = share(10, 1024 * kMiB);
  if (uses.recent_events) {
    plan.recent_events = share(10, 1024 * kMiB) / kBytesPerRecentEvent;
  }
  return plan;
}

uint64_t MemoryPlan::bytes() const {
  return kProgram + in_flight + request_bodies + held_events +
         recent_events * kBytesPerRecentEvent;
}

EntityBudget EntitiesIn(uint64_t bytes) {
  EntityBudget budget{SameForEachKind({.max_entities = 1024}),
                      SameForEachKind({.max_entities = 1024})};
  for (const ClassOfEntities& part : kInShards) {
    Divide(bytes, part, budget.shards);
  }
  for (const ClassOfEntities& part : kInCorrelator) {
    Divide(bytes, part, budget.correlator);
  }
  return budget;
}

}  // namespace oddverb
