// Open findings of actors, each under a key of the detector's choice: what
// follows is added to one, it is told again when it has doubled, and it ends
// after a quiet time. Bounded for each actor and in all. The pipeline sets the
// times of what is reported. One thread.
#ifndef ODDVERB_DETECTORS_KEYED_CASES_H_
#define ODDVERB_DETECTORS_KEYED_CASES_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/detector.h"
#include "model/audit_event.h"
#include "model/finding.h"

namespace oddverb {

class KeyedCases {
 public:
  struct Limits {
    absl::Duration quiet;
    size_t per_actor = 0;
    size_t all = 0;  // some 4 KiB each
  };
  struct Case {
    uint64_t key = 0;
    int64_t reported_count = 1;
    Finding finding;
  };

  explicit KeyedCases(const Limits& limits) : limits_(limits) {}

  // nullptr: it is not open. Valid until a case is opened or ended.
  Case* Find(EntityId actor, uint64_t key);
  // The one that was opened first.
  Case* Oldest(EntityId actor);
  size_t CountOf(EntityId actor) const;
  // Whether a further case of the actor needs one of its others to end.
  bool IsFull(EntityId actor) const {
    return CountOf(actor) >= limits_.per_actor;
  }

  // Whether a further case ends another one early, of whichever actor.
  bool OpeningEndsOne(EntityId actor) const {
    return count_ >= limits_.all || IsFull(actor);
  }

  // Reports and keeps it. Where all are full, the one that has been quiet
  // longest ends. REQUIRES: not IsFull(actor).
  void Open(EntityId actor, uint64_t key, Finding finding, Emit& out);
  // Whether the event is the end of a watch, an exec or the like whose start is
  // among the evidence: one request, to be counted once. Beyond the evidence
  // that is kept it counts again.
  static bool IsEndOfCounted(const AuditEvent& event, const Case& open);
  // Adds the event's time and evidence.
  static void Count(const AuditEvent& event, Case& open);
  // Takes over reasons, score, severity and confidence of `weighed` if its
  // score is higher. Whether it became severer.
  static bool Raise(Finding weighed, Case& open);
  // Reports it once more if it has doubled, or if `is_news`.
  static void ReportGrowth(Case& open, bool is_news, Emit& out);

  // Ends those of the actor that were quiet until `now`.
  void EndQuiet(EntityId actor, absl::Time now, Emit& out);
  // Of the actor, the one that has been quiet longest.
  void EndLongestQuietOf(EntityId actor, Emit& out);
  // In an order that does not depend on ids, which a restart gives out anew.
  void AdvanceTo(absl::Time watermark, Emit& out);
  void Forget(EntityId actor);

  void Save(EntityId actor, StateWriter& out) const;
  // In the place of what the actor has. DataLoss for damage: it has none then.
  absl::Status Load(EntityId actor, StateReader& in);

 private:
  using Actors = std::map<EntityId, std::vector<Case>>;

  void EndLongestQuiet(Actors::iterator first, Actors::iterator last,
                       Emit& out);
  void NoteNextEnd();

  const Limits limits_;
  Actors actors_;  // that have a case; in the order of opening
  size_t count_ = 0;
  absl::Time next_end_ = absl::InfiniteFuture();  // no case ends before it
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_KEYED_CASES_H_
