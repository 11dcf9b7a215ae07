// Finds a node's identity that does what no kubelet does: its certificate has
// left the node, or somebody works with it there.
//
//   node.identity_misuse  tools of people, requests that no kubelet makes,
//                         other nodes' objects
//
// Kubelets are all alike, so little is learned: of each node its programs and
// its newest certificate. An address that changes is credential.two_networks.
// One thread.
#ifndef ODDVERB_DETECTORS_NODE_IDENTITY_H_
#define ODDVERB_DETECTORS_NODE_IDENTITY_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "detectors/detector.h"
#include "detectors/keyed_cases.h"
#include "detectors/known_places.h"
#include "detectors/recent_clues.h"
#include "stats/fingerprint_set.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class NodeIdentity final : public Detector {
 public:
  static constexpr absl::Duration kWindow = absl::Minutes(30);
  static constexpr size_t kMaxCases = 256;
  // What one clue cannot reach, but a change of another node.
  static constexpr double kThreshold = 4;
  static constexpr double kCritical = 7;

  explicit NodeIdentity(const DetectorContext& context) : context_(context) {}

  FieldSet fields() const override;
  void Observe(const AuditEvent& event, const EntityIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind kind, EntityId id) override;
  bool CanRest(EntityKind kind, EntityId id) const override;
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override;
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override;

 private:
  enum Clue : uint8_t {
    kTool,            // a client that is no kubelet
    kForeign,         // a request that no kubelet makes
    kList,            // secrets without a name
    kGuess,           // many objects that do not belong to its pods
    kOtherNode,       // NodeRestriction: another node's objects, its own labels
    kProgram,         // one of these by a program that is new on the node
    kOldCertificate,  // still used, long after a newer one
    kTwoMachines,     // the two of them at two addresses
    kClues
  };
  static constexpr std::array<ClueKind, kClues> kClueKinds = {{
      {"a client that is no kubelet", 2},
      {"a request that no kubelet makes", 2},
      {"secrets without a name, where kubelets ask for one each", 3},
      {"objects that belong to none of its pods", 3},
      {"reached beyond its own node and was refused", 4},
      {"by a program that is new on this node", 2},
      {"two certificates in use, long after the newer one came", 3},
      {"the newer one at another address", 2},
  }};
  // Only nodes with a clue have one.
  struct State {
    RecentClues clues{kClueKinds, kWindow};
    absl::Time guesses_since = absl::InfinitePast();
    FingerprintSet guessed;     // objects
    FingerprintSet namespaces;  // of them
  };

  // Of any node.
  struct History {
    absl::Time born = absl::InfinitePast();
    KnownPlaces programs;
    uint64_t certificate = 0;  // the newest
    uint64_t older = 0;        // the one before
    absl::Time certificate_since = absl::InfinitePast();
    // Where the newest was used first; empty = not known.
    std::string certificate_ip;
  };
  enum class CertificateUse : uint8_t { kExpected, kOld, kOldElsewhere };

  State& StateFor(EntityId actor);
  History& HistoryFor(const AuditEvent& event, EntityId actor);
  // Whether it is the older one's, long after the newest came, and that
  // elsewhere.
  static CertificateUse NoteCertificate(const AuditEvent& event,
                                        uint64_t certificate, History& history);
  // Whether the event has a clue.
  bool NoteClues(const AuditEvent& event, const EntityIds& ids,
                 TupleHasher& hasher);
  bool NoteGuess(const AuditEvent& event, State& state) const;
  void Judge(const AuditEvent& event, const EntityIds& ids, Emit& out);
  Finding Write(const AuditEvent& event, const EntityIds& ids,
                const State& state) const;
  static void Weigh(const State& state, absl::Time now, Finding& finding);

  const DetectorContext context_;
  std::vector<std::unique_ptr<State>> states_;       // by actor
  std::vector<std::unique_ptr<History>> histories_;  // by actor
  KeyedCases cases_{{kWindow, 1, kMaxCases}};
};

absl::StatusOr<std::unique_ptr<Detector>> MakeNodeIdentity(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_NODE_IDENTITY_H_
