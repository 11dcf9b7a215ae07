// What the log says of each pod beside its token: the name under which others
// speak of it, the addresses that its kubelet reports, when somebody wanted it
// to end and when it was gone. A token is used by its pod alone, so all of it
// tells where, and until when, that can be.
//
// State is by pod, among the correlator's credentials, whose table bounds it;
// a pod that is gone is forgotten after two days. Of most pods there is no more
// than a name and a time, which take some 24 bytes here. One thread.
#ifndef ODDVERB_DETECTORS_KNOWN_PODS_H_
#define ODDVERB_DETECTORS_KNOWN_PODS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/detector.h"
#include "stats/entity_table.h"
#include "stats/sparse_array.h"
#include "stats/state_prefetch.h"

namespace oddverb {

class KnownPods {
 public:
  // Twice the longest time for which kubelets keep a token before they renew it
  // (kubernetes: pkg/kubelet/token/token_manager.go, 24 hours).
  static constexpr absl::Duration kKept = absl::Hours(48);
  // Logs of several API servers differ by less, and a pod of the same name does
  // not use its token sooner.
  static constexpr absl::Duration kLag = absl::Seconds(60);
  // A dual-stack pod that moved once.
  static constexpr size_t kMaxAddresses = 4;

  // Hints the cache that NoteUse() comes soon, or the like.
  void Prefetch(PrefetchStep step, EntityId pod) const {
    if (step == PrefetchStep::kElement) names_->PrefetchBlock(pod);
    if (step == PrefetchStep::kObject) names_->PrefetchValue(pod);
  }
  // `name` is Observation::pod_name; 0 = not known.
  void NoteUse(EntityId pod, uint64_t name, absl::Time time);
  // False before the first NoteUse() with a name.
  bool WasUsed(EntityId pod) const {
    return names_->Has(pod) && NameAt(pod).since_micros != kNever;
  }
  // Of kPodDeleteAsked or kPodGone. kNoEntity: the log has the name alone; then
  // it is the pod that used this name last.
  void NoteEnd(ObservationKind kind, EntityId pod, uint64_t name,
               absl::Time time, Emit& out);
  void NoteAddress(EntityId pod, uint64_t address, absl::Time time);

  std::optional<absl::Time> AskedToEnd(EntityId pod) const;
  std::optional<absl::Time> Gone(EntityId pod) const;
  // Its kubelet reported addresses of it, this one among them.
  bool HasAddresses(EntityId pod) const;
  bool IsAddress(EntityId pod, uint64_t address) const;
  // Of any pod; InfinitePast() = none.
  absl::Time last_report() const { return last_report_; }

  // Forgets what has been gone long enough.
  void AdvanceTo(absl::Time watermark, Emit& out);
  void Forget(EntityId pod);
  bool Knows(EntityId pod) const;
  void Save(EntityId pod, StateWriter& out) const;  // REQUIRES: Knows(pod)
  void Load(EntityId pod, StateReader& in);         // failures: in.status()
  void SaveShared(StateWriter& out) const { out.PutTime(last_report_); }
  void LoadShared(StateReader& in) { last_report_ = in.GetTime(); }

 private:
  static constexpr int64_t kNever = INT64_MAX;
  struct Name {
    uint64_t name = 0;              // 0 = not known
    int64_t since_micros = kNever;  // first use of its token
  };
  // What few pods have.
  struct Pod {
    int64_t asked_micros = kNever;
    int64_t gone_micros = kNever;
    std::vector<uint64_t> addresses;  // the oldest first
  };
  using Names = SparseArray<Name>;
  // By name. REQUIRES: the name of a pod does not change while it is in the
  // set.
  struct HashOfName {
    using is_transparent = void;
    const Names* names;
    size_t operator()(EntityId id) const {
      return (*this)(names->Find(id)->name);
    }
    size_t operator()(uint64_t name) const {
      return absl::Hash<uint64_t>()(name);
    }
  };
  struct HasName {
    using is_transparent = void;
    const Names* names;
    bool operator()(EntityId a, EntityId b) const {
      return (*this)(a, names->Find(b)->name);
    }
    bool operator()(EntityId id, uint64_t name) const {
      return names->Find(id)->name == name;
    }
  };

  // Whether it used its name first, or is the first by id of two at once.
  bool IsOlder(EntityId a, EntityId b) const {
    return std::pair(NameAt(a).since_micros, a) <
           std::pair(NameAt(b).since_micros, b);
  }
  // The pod that had the name before it; kNoEntity = none.
  EntityId OlderOf(EntityId pod) const;
  void AddToNamed(EntityId pod);
  void RemoveFromNamed(EntityId pod);
  EntityId NamedBefore(uint64_t name, int64_t micros) const;
  bool IsGone(EntityId pod) const;
  const Pod* Find(EntityId pod) const;
  // Of who is known from now on.
  Name& NameOf(EntityId pod) { return names_->Insert(pod); }
  const Name& NameAt(EntityId pod) const {  // REQUIRES: Knows(pod)
    return *names_->Find(pod);
  }
  void SetName(EntityId pod, Name name);

  // By id, of who is known. Where it stays when the object is moved.
  std::unique_ptr<Names> names_ = std::make_unique<Names>();
  // Of each name the pod that used it last, and for each of those that had it
  // before the next older one, of which there are few.
  absl::flat_hash_set<EntityId, HashOfName, HasName> newest_{
      0, HashOfName{names_.get()}, HasName{names_.get()}};
  absl::flat_hash_map<EntityId, EntityId> older_;
  absl::flat_hash_map<EntityId, Pod> pods_;
  std::set<std::pair<int64_t, EntityId>> gone_;
  absl::Time last_report_ = absl::InfinitePast();
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_KNOWN_PODS_H_
