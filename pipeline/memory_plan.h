// How one budget of memory becomes the sizes of everything that grows with what
// a log holds. Pure functions.
//
// Bytes are those that were measured (bench/memory_bench.cc) for what is usual;
// a class of entities has a share of its own, so that none takes the room of
// another: whoever invents addresses fills those, and of the actors a quarter
// (stats/entity_table.h).
#ifndef ODDVERB_PIPELINE_MEMORY_PLAN_H_
#define ODDVERB_PIPELINE_MEMORY_PLAN_H_

#include <cstdint>

#include "pipeline/entity_limits.h"

namespace oddverb {

struct MemoryPlan {
  // Below it, the tables alone would not fit.
  static constexpr uint64_t kLeastBudget = 256 << 20;
  // Of it, what identities need at least.
  static constexpr uint64_t kLeastForEntities = 96 << 20;
  // The program, its rules, buffers and threads.
  static constexpr uint64_t kProgram = 64 << 20;

  // What there is beside entities, and takes a share.
  struct Uses {
    bool request_bodies = false;  // a webhook
    bool held_events = false;     // EventOrder::kEventTime
    bool recent_events = false;   // duplicates are passed over
  };

  uint64_t in_flight = 0;       // bytes
  uint64_t request_bodies = 0;  // bytes
  uint64_t held_events = 0;     // bytes
  uint64_t recent_events = 0;   // events
  // Takes 30 bytes (pipeline/seen_events.h).
  static constexpr uint64_t kBytesPerRecentEvent = 30;

  // Shares of `budget`, at least one MiB each; where something is not used, 0.
  // What remains is for entities.
  static MemoryPlan Of(uint64_t budget, const Uses& uses);
  // All but the entities.
  uint64_t bytes() const;
};

// As many entities as `bytes` can hold, and of them a quarter of the bytes for
// those that are awake.
EntityBudget EntitiesIn(uint64_t bytes);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_MEMORY_PLAN_H_
