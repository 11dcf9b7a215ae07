// The rules of stolen_credential that a single actor's requests decide: who
// makes credentials and rights, and who takes what is not for them.
//
//   impersonation.new          acts as one of the cluster's own identities
//   token.minting_chain        mints a token of a powerful account
//   client_certificate.minted  a certificate of a privileged subject, or
//                              approved by whoever asked for it
//   secrets.harvest            reads many secrets one by one
//   rbac.self_grant            gives cluster-wide rights away, or to itself
//   bootstrap_token.misuse     does more with it than join a node
//   credential.read_in_exec    reads a credential that lies in a container
//   node.kubelet_command       runs code through the kubelet's own API
//   token.legacy_misuse        a token from a secret, from outside, or revived
//
// Needs no learning; remembers for each actor what was told, and for those
// only that did such a thing. One thread.
#ifndef ODDVERB_DETECTORS_PRIVILEGED_ACTS_H_
#define ODDVERB_DETECTORS_PRIVILEGED_ACTS_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "detectors/actor_act.h"
#include "detectors/actor_cases.h"
#include "detectors/detector.h"
#include "detectors/secrets_harvest.h"
#include "stats/fingerprint_set.h"

namespace oddverb {

class PrivilegedActs {
 public:
  explicit PrivilegedActs(const DetectorContext& context) : context_(context) {}

  // Any event; most are left at once. `new_place` is SiteHistory::Novelty() of
  // where it comes from, 0 = it is no new place.
  void Observe(const AuditEvent& event, const EntityIds& ids, double new_place,
               Emit& out);
  void AdvanceTo(absl::Time watermark, Emit& out);

  // By actor.
  bool Knows(EntityId actor) const {
    return actor < histories_.size() && histories_[actor] != nullptr;
  }
  void Forget(EntityId actor);
  bool CanRest(EntityId actor) const;
  void Save(EntityId actor, StateWriter& out) const;
  absl::Status Load(EntityId actor, StateReader& in);
  void SaveShared(StateWriter& out) const { out.PutTime(since_); }
  void LoadShared(StateReader& in) { since_ = in.GetTime(); }

 private:
  struct History {
    FingerprintSet told;          // novelties of acts
    FingerprintSet requests;      // certificate requests of its own
    FingerprintSet impersonated;  // everybody
    FingerprintSet roles;         // PowerfulRoles
    absl::Time first_impersonation = absl::InfiniteFuture();
    SecretReads secrets;
    absl::Time legacy_used = absl::InfinitePast();  // a token from a secret
  };

  History& HistoryOf(EntityId actor);
  std::optional<ActorAct> Judge(const AuditEvent& event, const EntityIds& ids,
                                double new_place);
  std::optional<ActorAct> JudgeLegacy(const AuditEvent& event, EntityId actor,
                                      double new_place);
  std::optional<ActorAct> JudgeAs(const AuditEvent& event, EntityId actor);
  std::optional<ActorAct> JudgeRequest(const AuditEvent& event,
                                       const EntityIds& ids);
  std::optional<ActorAct> JudgeRead(const AuditEvent& event,
                                    const EntityIds& ids);
  bool IsNews(const ActorAct& act, EntityId actor);

  DetectorContext context_;
  // From then on every use of a token from a secret is known.
  absl::Time since_ = absl::InfiniteFuture();
  std::vector<std::unique_ptr<History>> histories_;  // by actor
  ActorCases cases_;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_PRIVILEGED_ACTS_H_
