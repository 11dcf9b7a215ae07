// How many entities of each kind state is kept for, and for how many of them as
// it is worked with. Plain values.
#ifndef ODDVERB_PIPELINE_ENTITY_LIMITS_H_
#define ODDVERB_PIPELINE_ENTITY_LIMITS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "model/identity.h"
#include "stats/rest_table.h"

namespace oddverb {

struct EntityLimits {
  // Beyond, the least recently used is forgotten.
  uint32_t max_entities = 0;
  // Beyond, the least recently used rests.
  uint32_t max_awake = RestTable::kAllAwake;

  friend bool operator==(const EntityLimits&, const EntityLimits&) = default;
};

// By EntityKind.
using LimitsByKind =
    std::array<EntityLimits, static_cast<size_t>(EntityKind::kCount)>;

// All sums: a logical shard has its even share of the first.
struct EntityBudget {
  LimitsByKind shards;
  LimitsByKind correlator;
};

inline LimitsByKind SameForEachKind(const EntityLimits& limits) {
  LimitsByKind all;
  all.fill(limits);
  return all;
}

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_ENTITY_LIMITS_H_
