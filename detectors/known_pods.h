// What the log says of each pod beside its token: the name under which others
// speak of it, the addresses that its kubelet reports, when somebody wanted it
// to end and when it was gone. A token is used by its pod alone, so all of it
// tells where, and until when, that can be.
//
// State is by pod, among the correlator's credentials, whose table bounds it;
// a pod that is gone is forgotten after two days. One thread.
#ifndef ODDVERB_DETECTORS_KNOWN_PODS_H_
#define ODDVERB_DETECTORS_KNOWN_PODS_H_

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/detector.h"
#include "stats/entity_table.h"

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

  // `name` is Observation::pod_name; 0 = not known.
  void NoteUse(EntityId pod, uint64_t name, absl::Time time);
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
  bool Knows(EntityId pod) const { return pods_.contains(pod); }
  void Save(EntityId pod, StateWriter& out) const;  // REQUIRES: Knows(pod)
  void Load(EntityId pod, StateReader& in);         // failures: in.status()
  void SaveShared(StateWriter& out) const { out.PutTime(last_report_); }
  void LoadShared(StateReader& in) { last_report_ = in.GetTime(); }

 private:
  static constexpr int64_t kNever = INT64_MAX;
  struct Pod {
    uint64_t name = 0;
    int64_t since_micros = kNever;  // first use of its token
    int64_t asked_micros = kNever;
    int64_t gone_micros = kNever;
    std::vector<uint64_t> addresses;  // the oldest first
  };

  // Of a pod that used its token under its name.
  struct Named {
    uint64_t name = 0;
    int64_t since_micros = 0;
    EntityId id = kNoEntity;
    friend auto operator<=>(const Named&, const Named&) = default;
  };

  static Named KeyOf(EntityId id, const Pod& pod) {
    return {pod.name, pod.since_micros, id};
  }
  EntityId NamedBefore(uint64_t name, int64_t micros) const;
  const Pod* Find(EntityId pod) const;

  std::map<EntityId, Pod> pods_;
  std::set<Named> names_;
  std::set<std::pair<int64_t, EntityId>> gone_;
  absl::Time last_report_ = absl::InfinitePast();
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_KNOWN_PODS_H_
