// The open findings of each actor, at most one of each rule: what follows is
// added to it, and it is closed after half an hour without news. One thread.
#ifndef ODDVERB_DETECTORS_ACTOR_CASES_H_
#define ODDVERB_DETECTORS_ACTOR_CASES_H_

#include <map>
#include <vector>

#include "base/state_io.h"
#include "detectors/detector.h"
#include "model/finding.h"

namespace oddverb {

class ActorCases {
 public:
  // Rules that one actor can have open at once.
  static constexpr size_t kMaxOpen = 8;

  // Opens `finding`, or adds it to the open one of its rule; reports what is
  // new, graver, or twice as much.
  void Add(EntityId actor, Finding finding, Emit& out);
  // Closes what has been quiet, and marks its actor as changed.
  void AdvanceTo(absl::Time watermark, Emit& out);
  void Forget(EntityId actor);
  bool HasAny(EntityId actor) const;

  void Save(EntityId actor, StateWriter& out) const;
  void Load(EntityId actor, StateReader& in);

 private:
  std::map<EntityId, std::vector<Finding>> open_;  // actors that have any
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_ACTOR_CASES_H_
