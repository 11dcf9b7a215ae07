// The correlator's part of forbidden_burst: what one actor alone does not show,
// kept by source address.
//   authn.fail_then_success  failed authentications in a surge, then an
//                            identity that was never seen at this address
//   forbidden.distributed    several identities at one address, each refused
//                            what it never did before, none often enough
//
// State by address, bounded: fingerprints of the identities, 16 refused actors,
// four open findings. One thread.
#ifndef ODDVERB_DETECTORS_FORBIDDEN_CROSS_H_
#define ODDVERB_DETECTORS_FORBIDDEN_CROSS_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/boxed_optional.h"
#include "base/packed_text.h"
#include "detectors/detector.h"
#include "model/packed_evidence.h"
#include "stats/decayed_score.h"
#include "stats/fingerprint_set.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class ForbiddenCross final : public CrossDetector {
 public:
  // `threshold`: ForbiddenBurst::Options::threshold_fast.
  ForbiddenCross(const DetectorContext& context, double threshold)
      : context_(context), threshold_(threshold) {}

  void Observe(const Observation& observation, const ObservationIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind kind, EntityId id) override;
  bool CanRest(EntityKind kind, EntityId id) const override;
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override;
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override;

 private:
  // An actor that was refused at this address.
  struct RefusedActor {
    static constexpr size_t kMaxActors = 16;
    struct Texts {
      std::string name;  // bounded
      std::string what;  // the first request that was refused
    };
    uint64_t key = 0;
    DecayedScore score;
    uint32_t refusals = 0;
    PackedText packed;  // its texts

    Texts texts() const;
  };
  // Only addresses with failures or refusals have one.
  struct Trouble {
    // Of authentication: evidence, count, first, last. Few addresses have it.
    BoxedOptional<Finding> failures;
    absl::Time first_refused = absl::InfinitePast();
    std::vector<RefusedActor> actors;
    std::vector<PackedEvidence> evidence;  // of the latest refusals
    double reported_score = 0;             // of the open forbidden.distributed
    std::vector<Finding> open;
  };
  struct Address {
    // Beyond it the address is a gateway.
    static constexpr uint32_t kMaxIdentities = 32;
    FingerprintSet identities;
    std::unique_ptr<Trouble> trouble;
  };
  // The share of an actor in the score of its address.
  struct Share {
    const RefusedActor* actor = nullptr;
    double weight = 0;
  };

  Address& AddressOf(EntityId id);
  Trouble& TroubleOf(EntityId id);
  void NoteFailures(const Observation& observation, EntityId id);
  void NoteIdentity(const Observation& observation, EntityId id, Emit& out);
  void NoteRefusal(const Observation& observation, EntityId id, Emit& out);
  std::vector<Share> SharesOf(const Trouble& trouble, absl::Time now) const;
  void JudgeRefusals(const Observation& observation, EntityId id, Emit& out);
  void Open(Finding finding, EntityId id, Emit& out);
  void SaveTrouble(const Trouble& trouble, StateWriter& out) const;
  void LoadTrouble(Trouble& trouble, StateReader& in) const;

  DetectorContext context_;
  double threshold_;
  std::vector<Address> addresses_;  // by address id
  std::set<EntityId> with_open_;    // addresses with an open finding
};

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeForbiddenCross(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FORBIDDEN_CROSS_H_
