// operation.rare: an identity that is well known does, within half an hour,
// several things that it never did and that its peers do not do either, while
// something else says that it may be somebody else: another network, another
// program, or another finding about it in the same network.
//
// Each kind of request adds its novelty times its sensitivity, a fifth of it if
// three peers did the same before: accounts of one namespace, people of one
// group. State: sums of the newest 256 identities, and fingerprints of what
// peers did. One thread.
#ifndef ODDVERB_DETECTORS_RARE_OPERATIONS_H_
#define ODDVERB_DETECTORS_RARE_OPERATIONS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "base/state_io.h"
#include "detectors/detector.h"
#include "detectors/open_cases.h"
#include "model/finding.h"
#include "model/observation.h"
#include "stats/fingerprint_set.h"

namespace oddverb {

inline constexpr std::string_view kRareRule = "operation.rare";
// A reason of an Observation of kFirstSuccess.
inline constexpr std::string_view kNewNetworkReason =
    "from a network where it never was";

class RareOperations {
 public:
  static constexpr absl::Duration kWindow = absl::Minutes(30);
  static constexpr double kThreshold = 14;
  // Whoever does something new in one of seven spans of work does several new
  // things in such a one: they are no surprise each, but one together.
  static constexpr double kMinNovelty = 2;

  explicit RareOperations(const KeyedHash& hash) : hash_(hash) {}

  // Of any rule: what was refused, or reached for the metadata service.
  void NoteFinding(const Finding& finding);
  // A kFirstSuccess with novelty.
  void Note(const DetectorContext& context, const Observation& first,
            Emit& out);
  void AdvanceTo(absl::Time watermark, Emit& out);

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  static constexpr size_t kMaxActors = 256;
  static constexpr size_t kMaxOperations = 16;  // of one
  static constexpr size_t kMaxSuspects = 64;
  static constexpr uint32_t kMaxPeerActs = 1024;

  struct Operation {
    uint64_t kind = 0;
    absl::Time time;
    double weight = 0;
    std::string text;
    Evidence evidence;
  };
  struct Actor {
    uint64_t key = 0;
    std::vector<Operation> operations;  // the oldest first
    std::vector<FindingReason> others;  // second factors, of weight 0
  };
  // Whom another finding is about, and where.
  struct Suspect {
    uint64_t entity = 0;  // SuspectOf()
    std::string rule;
    absl::Time time;
  };

  // Whether three peers did it before. Notes that this one did.
  bool IsUsualAmongPeers(const Observation& first);
  uint64_t SuspectOf(const Finding& finding) const;
  Actor& ActorOf(uint64_t key);
  void AddOthers(const Observation& first, Actor& actor) const;
  void Judge(const DetectorContext& context, const Observation& first,
             const Actor& actor, Emit& out);

  KeyedHash hash_;
  std::vector<Actor> actors_;  // least recently used first
  std::vector<Suspect> suspects_;
  FingerprintSet peer_acts_;                   // (group, kind, actor)
  FingerprintSet by_one_, by_two_, by_three_;  // (group, kind)
  OpenCases open_{32, kWindow};
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_RARE_OPERATIONS_H_
