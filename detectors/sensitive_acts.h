// Finds grave acts by identities that never did them before. Learned novelty
// raises and lowers; what is grave by itself is told in the first minute, too.
//
//   audit.evidence_removed     events, log agents, audit settings
//   cluster.settings_changed   DNS, aws-auth, webhooks, APIServices
//   impersonation.by_program   a service account acts as somebody
//   proxy.unusual_use          through the API server to nodes and services
//   secrets.unusual_read       secrets that it never read before
//   workload.privileged_first  workloads that reach their node
//
// and in the correlator (sensitive_acts_cross.h), from what several identities
// do: client_certificate.used, operation.rare, token.minting_reach.
//
// State by actor: 40 bytes, and some hundred for those who do such things. One
// thread.
#ifndef ODDVERB_DETECTORS_SENSITIVE_ACTS_H_
#define ODDVERB_DETECTORS_SENSITIVE_ACTS_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "detectors/act_scene.h"
#include "detectors/actor_cases.h"
#include "detectors/actor_habits.h"
#include "detectors/detector.h"
#include "detectors/evidence_removal.h"
#include "detectors/secret_baseline.h"
#include "stats/block_array.h"
#include "stats/fingerprint_set.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class SensitiveActs final : public Detector {
 public:
  SensitiveActs(const DetectorContext& context, LogAgents agents);

  FieldSet fields() const override;
  bool CanPrefetch() const override { return true; }
  void Prefetch(PrefetchStep step, const EntityIds& ids) const override;
  void Observe(const AuditEvent& event, const EntityIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind kind, EntityId id) override;
  bool CanRest(EntityKind kind, EntityId id) const override;
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override;
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override;

 private:
  // Of actors that did something of the kind.
  struct Record {
    EvidenceTrace trace;
    SecretBaseline secrets;
    FingerprintSet told;  // acts
  };
  struct State {
    ActorHabits habits;
    std::unique_ptr<Record> record;
  };

  Record& RecordOf(EntityId actor);
  void JudgeWrites(const ActScene& scene, const EntityIds& ids, Emit& out);
  void JudgeSecrets(const ActScene& scene, const EntityIds& ids, Emit& out);
  void Tell(std::optional<ActorAct> act, const ActScene& scene,
            const EntityIds& ids, Emit& out);
  void ObserveMinting(const ActScene& scene, const EntityIds& ids, Emit& out);
  void ObserveCertificate(const AuditEvent& event, const EntityIds& ids,
                          Emit& out) const;

  const DetectorContext context_;
  const LogAgents agents_;
  BlockArray<State> states_;  // by actor
  ActorCases cases_;
};

absl::StatusOr<std::unique_ptr<Detector>> MakeSensitiveActs(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SENSITIVE_ACTS_H_
