// Finds credentials that are used where they cannot be, from what the audit
// log itself proves; no learning is needed (cold forms of docs/detection.md).
//
//   token.outside_its_pod    a token bound to one pod (user.extra pod-uid) is
//                            used from a second address; low as long as the pod
//                            may just have been restarted there, as its node
//                            has that address for its pods (pod_ranges.h)
//   credential.two_networks  any other credential goes back and forth between
//                            addresses; low if its own clients are used there.
//                            With a history one return is enough, if the
//                            network is new enough (site_history.h). A node's
//                            at once, where no node is (node_networks.h)
//
//   token.deleted_pod        a pod's token is used after its pod is gone
//
//   token.minted_elsewhere, token.never_issued  (token_provenance.h)
//
// The rules of privileged_acts.h look at what is asked for.
//
// StolenCredential watches each credential in its shard and drafts findings;
// StolenCredentialCross knows which addresses other credentials use, decides,
// and owns the open findings. One thread each.
#ifndef ODDVERB_DETECTORS_STOLEN_CREDENTIAL_H_
#define ODDVERB_DETECTORS_STOLEN_CREDENTIAL_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "detectors/cluster_map.h"
#include "detectors/credential_contacts.h"
#include "detectors/detector.h"
#include "detectors/known_pods.h"
#include "detectors/node_networks.h"
#include "detectors/pod_ranges.h"
#include "detectors/pod_tokens.h"
#include "detectors/privileged_acts.h"
#include "detectors/read_tokens.h"
#include "detectors/site_history.h"
#include "detectors/stolen_credential_finding.h"
#include "detectors/token_provenance.h"
#include "stats/fingerprint_set.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class StolenCredential final : public Detector {
 public:
  struct Options {
    // Of a credential that goes back and forth. On real logs of a busy small
    // cluster: thefts reach 3 changes within seconds of a few requests; of
    // honest people only those who roam, and they take their clients along.
    absl::Duration alternation_span = absl::Minutes(20);
    int min_alternations = 3;  // 2 to RecentTimes::kCapacity
    static absl::StatusOr<Options> FromYaml(const YamlNode& node);
  };

  StolenCredential(const DetectorContext& context, const Options& options);

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
  void SaveShared(StateWriter& out) const override { acts_.SaveShared(out); }
  absl::Status LoadShared(StateReader& in) override {
    acts_.LoadShared(in);
    return in.status();
  }

 private:
  using Table = std::vector<std::unique_ptr<CredentialContacts>>;

  const Table* TableOf(EntityKind kind) const;
  void ObserveToken(const AuditEvent& event, const EntityIds& ids, Emit& out);
  // False from the second time on.
  bool NoteToken(const EntityIds& ids);
  void TellUse(const AuditEvent& event, const EntityIds& ids, Emit& out) const;
  void ObserveBound(const AuditEvent& event, const EntityIds& ids, Emit& out);
  void JudgePlace(const AuditEvent& event, const EntityIds& ids,
                  const CredentialContacts::Use& use,
                  CredentialContacts& contacts, Emit& out) const;
  void AccuseToken(const Suspicion& suspicion, CredentialContacts& contacts,
                   Emit& out) const;
  // The token moved in this way.
  void TellMove(const Suspicion& suspicion, TokenMove move, Emit& out) const;
  void ObserveUnbound(const AuditEvent& event, const EntityIds& ids, Emit& out);
  void NoteSite(const AuditEvent& event, EntityId actor,
                const CredentialContacts::Use& use);
  // Novelty of the network that a token from a secret comes from; 0 = not new,
  // or another credential.
  double NewPlace(const AuditEvent& event, const EntityIds& ids) const;
  bool IsFromNewNetwork(const AuditEvent& event, const EntityIds& ids,
                        const CredentialContacts& contacts, size_t suspect,
                        size_t other) const;
  bool AreBothNew(const AuditEvent& event, const EntityIds& ids,
                  const Contact& suspect, const Contact& other,
                  bool is_own_client) const;
  bool IsInPool(const CredentialContacts& contacts, size_t suspect) const;
  bool HasHome(EntityId actor, const CredentialContacts& contacts,
               size_t suspect) const;
  void FindDesktop(const CredentialContacts& contacts, size_t& suspect,
                   size_t& other, Alternation& seen) const;
  void SaveActor(EntityId actor, StateWriter& out) const;
  absl::Status LoadActor(EntityId actor, StateReader& in);
  void AddNovelty(const AuditEvent& event, EntityId actor,
                  std::string_view suspect, bool is_in_use,
                  Alternation& seen) const;
  void Alternate(const AuditEvent& event, const EntityIds& ids,
                 const CredentialContacts::Use& use,
                 CredentialContacts& contacts, Emit& out) const;

  DetectorContext context_;
  Options options_;
  Table pods_;         // by EntityIds::pod
  Table credentials_;  // by EntityIds::credential, unbound ones only
  // By EntityIds::credential: a service account's token that was used, without
  // a pod.
  std::vector<bool> used_tokens_;
  std::vector<PodTokens> pod_tokens_;  // by EntityIds::pod
  // By EntityIds::actor, of who comes with unbound credentials; null = none
  // yet.
  std::vector<std::unique_ptr<SiteHistory>> sites_;
  std::vector<bool> came_;  // once at least
  PrivilegedActs acts_;
};

class StolenCredentialCross final : public CrossDetector {
 public:
  explicit StolenCredentialCross(const DetectorContext& context)
      : context_(context), reads_(context.hash) {}

  bool CanPrefetch() const override { return true; }
  void Prefetch(PrefetchStep step, const ObservationIds& ids) const override;
  void Observe(const Observation& observation, const ObservationIds& ids,
               Emit& out) override;
  void ObserveFinding(const Finding& finding, const ObservationIds&,
                      Emit&) override {
    reads_.Note(finding);
  }
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind kind, EntityId id) override;
  bool CanRest(EntityKind kind, EntityId id) const override;
  void Rest(EntityKind kind, EntityId id, StateWriter& out) override;
  absl::Status Wake(EntityKind kind, EntityId id, StateReader& in) override;
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override;
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override;
  void SaveShared(StateWriter& out) const override {
    reads_.Save(out);
    provenance_.SaveShared(out);
    pods_.SaveShared(out);
    ranges_.Save(out);
    networks_.Save(out);
  }
  absl::Status LoadShared(StateReader& in) override {
    reads_.Load(in);
    provenance_.LoadShared(in);
    pods_.LoadShared(in);
    // Before there were these, the state ended here.
    if (!in.AtEnd()) {
      ranges_.Load(in);
      networks_.Load(in);
    }
    return in.status();
  }
  const ClusterMapSizes* cluster_map() const override { return &map_.sizes(); }

 private:
  // Which credentials came from an address.
  struct AddressUse {
    static constexpr uint32_t kMaxRemembered = 8;
    FingerprintSet credentials;
    FingerprintSet suspected;  // those that a finding accused here

    bool empty() const {
      return credentials.size() == 0 && suspected.size() == 0;
    }
  };
  // Findings of one credential that are open at once. A thief behind ever new
  // addresses is then told of by the newest of them.
  static constexpr size_t kMaxOpen = 8;
  struct OpenCase {
    Finding finding;
    std::string other_ip;
    bool source_is_gateway = false;
    bool other_is_gateway = false;
    // As after a restart; until the pod's kubelet has had time to report it.
    bool awaits_report = false;
    // One of the two may be the address of the pod's node, which is not known
    // yet; until it shows itself, or has had time to.
    bool awaits_node = false;
    // The token came from its own node before, and now from another one's.
    bool is_on_another_node = false;
  };
  // Credentials seen at an address beside one of them, up to
  // AddressUse::kMaxRemembered.
  struct Others {
    uint32_t honest = 0;
    uint32_t suspected = 0;
  };

  AddressUse& UseOf(EntityId address);
  Others OthersAt(EntityId address, uint64_t credential) const;
  void NoteContact(const Observation& observation, const ObservationIds& ids,
                   Emit& out);
  // The node that the pod's token names.
  bool IsOwnNode(const Finding& finding, EntityId address,
                 absl::Time now) const;
  // Of so many nodes pods may be seen where a thief is behind another one.
  static uint32_t MostNodesAt(const Finding& finding);
  // The pod was seen at its own node's address before, and now is at one of a
  // pod's: as where nodes translate addresses for some connections.
  bool LeavesItsNode(const Observation& observation, const ObservationIds& ids,
                     const Finding& finding) const;
  // Not those few that are a thief, or whose node is not known yet.
  bool HasDirectPods() const {
    return map_.sizes().direct_pods >=
           std::max<uint64_t>(3, map_.sizes().pods() / 20);
  }
  void WeighToken(const Observation& observation, const ObservationIds& ids,
                  Others others, Finding& finding) const;
  void LinkToRead(Finding& finding) const;
  Finding Weigh(const Observation& observation, const ObservationIds& ids);
  void Judge(const Observation& observation, const ObservationIds& ids,
             Emit& out);
  // Reports it, unless too many of the credential are open.
  void Open(OpenCase opened, EntityId credential, Emit& out);
  // What is graver, or waits again, takes the place of what is open.
  void JudgeAnew(OpenCase judged, OpenCase& open, EntityId credential,
                 Emit& out);
  void Extend(const Observation& observation, EntityId credential, Emit& out);

  // stolen_credential_nodes.cc: where nodes' credentials belong.
  void NoteKubelet(const Observation& observation, const ObservationIds& ids,
                   Emit& out);
  void TellForeignNode(const Observation& observation,
                       const ObservationIds& ids, Emit& out);
  bool IsDualStackNode(const Observation& observation,
                       const ObservationIds& ids) const;

  // stolen_credential_first_use.cc: tokens of pods that were never seen before.
  // The pod was never seen before, and its token is used at the address of
  // another node than it names.
  bool IsFirstOnAnotherNode(const Observation& observation,
                            const ObservationIds& ids) const;
  void TellFirstOnAnotherNode(const Observation& observation,
                              const ObservationIds& ids, Emit& out);
  // Of a thief who came first: his finding, if the pod shows itself elsewhere.
  OpenCase* OpenBeforeItsPod(const Observation& observation,
                             const ObservationIds& ids);
  void RaiseAsPodShows(const Observation& observation,
                       const ObservationIds& ids, OpenCase& open, Emit& out);

  // stolen_credential_pods.cc: what is known of the pod beside its token.
  void NoteGateway(const std::string& ip, EntityId address, Emit& out);
  void NotePod(const Observation& observation, const ObservationIds& ids);
  bool IsReported(const Observation& observation,
                  const ObservationIds& ids) const;
  bool AwaitsReport(const Observation& observation, const ObservationIds& ids,
                    const Finding& finding) const;
  void WeighPod(const Observation& observation, const ObservationIds& ids,
                Finding& finding) const;
  void NotePodUse(const Observation& observation, const ObservationIds& ids,
                  Emit& out);
  void NotePodAddress(const Observation& observation, EntityId pod, Emit& out);
  void JudgeUnreported(EntityId pod, Emit& out);
  bool IsAmongPodsOfAnotherNode(const Observation& observation) const;
  bool IsOnAnotherNode(const Observation& observation,
                       const ObservationIds& ids) const;
  bool LeavesForAnotherNode(const Observation& observation,
                            const ObservationIds& ids) const;
  bool IsDualStackPod(const Observation& observation,
                      const ObservationIds& ids) const;
  void TakeBackNewcomer(const Finding& finding, const ObservationIds& ids);
  // Whether the finding's token may have come through its own node, of which
  // nothing is known yet.
  bool MayBeOwnNode(const Finding& finding, absl::Time now) const;
  void NoteNode(const std::string& ip, uint64_t node, Emit& out);
  void JudgeUnseenNode(EntityId pod, absl::Time watermark, Emit& out);
  void NoteFailures(const Observation& observation, Emit& out);

  // The first pod of a node at an address.
  struct Newcomer {
    EntityId address = kNoEntity;
    EntityId pod = kNoEntity;
    uint64_t node = 0;
  };

  DetectorContext context_;
  ClusterMap map_;
  // In the contact that was noted last, until it is judged, which is next.
  Newcomer newcomer_;
  ReadTokens reads_;
  TokenProvenance provenance_;
  KnownPods pods_;
  PodRanges ranges_;
  NodeNetworks networks_;
  std::vector<AddressUse> addresses_;  // by address id
  // By credential id: its open findings, one for each suspect address.
  std::map<EntityId, std::vector<OpenCase>> open_;
};

absl::StatusOr<std::unique_ptr<Detector>> MakeStolenCredential(
    const DetectorContext& context, const YamlNode& options);
absl::StatusOr<std::unique_ptr<CrossDetector>> MakeStolenCredentialCross(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_STOLEN_CREDENTIAL_H_
