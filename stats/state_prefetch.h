// Hints to the cache for state by EntityId: where there are many entities, an
// event waits longer for their state than it is judged. What lies further in
// can only be asked for when the outer part has come, so it takes steps, with
// other work in between. Hints only: nothing is changed, nothing depends on
// them. Pure functions.
#ifndef ODDVERB_STATS_STATE_PREFETCH_H_
#define ODDVERB_STATS_STATE_PREFETCH_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/prefetch.h"
#include "stats/entity_table.h"

namespace oddverb {

enum class PrefetchStep : uint8_t {
  kElement,   // of the array by id
  kObject,    // that the element points to
  kContents,  // what the object points to
};

// For kContents the object, if there is one; else null, with the hint given.
template <class T>
const T* PrefetchOwned(PrefetchStep step,
                       const std::vector<std::unique_ptr<T>>& table,
                       EntityId id) {
  if (id >= table.size()) return nullptr;  // kNoEntity, too
  if (step == PrefetchStep::kElement) {
    PrefetchLine(&table[id]);
    return nullptr;
  }
  const T* object = table[id].get();
  if (step == PrefetchStep::kContents) return object;
  // Of larger ones what most events read comes first.
  constexpr size_t kMostBytes = 128;
  if (object != nullptr) PrefetchBytes(object, std::min(sizeof(T), kMostBytes));
  return nullptr;
}

}  // namespace oddverb

#endif  // ODDVERB_STATS_STATE_PREFETCH_H_
