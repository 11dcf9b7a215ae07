#include "detectors/stolen_credential.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/ip_address.h"
#include "base/status_macros.h"
#include "detectors/event_finding.h"
#include "detectors/pod_events.h"
#include "detectors/token_events.h"
#include "detectors/tuple.h"

namespace oddverb {
namespace {

// The API server's own host: whoever calls from there needs no theft.
bool IsLoopback(std::string_view ip) {
  return ip.starts_with("127.") || ip == "::1";
}

CredentialContacts& ContactsOf(
    std::vector<std::unique_ptr<CredentialContacts>>& table, EntityId id) {
  if (table.size() <= id) table.resize(id + size_t{1});
  if (table[id] == nullptr) table[id] = std::make_unique<CredentialContacts>();
  return *table[id];
}

// Whose kubelet it is, or that the token of a pod names; 0 = none.
uint64_t NodeOf(const KeyedHash& hash, const AuditEvent& event,
                const EntityKeys& keys) {
  std::string_view name = event.node_name;
  if (keys.pod == 0) {
    if (keys.identity != IdentityClass::kNode) return 0;
    name = event.user.name;
    if (!name.starts_with(kNodePrefix)) return 0;
    name.remove_prefix(kNodePrefix.size());
  }
  return name.empty() ? 0 : hash.Hash(name);
}

// Whoever it is may have failed to authenticate there before
// (authn.fail_then_success).
Observation FirstContact(const DetectorContext& context,
                         const AuditEvent& event, const EntityIds& ids,
                         const Contact& contact) {
  Observation observation = ObservationOf(ObservationKind::kCredentialAtAddress,
                                          event, ids.keys, contact);
  if (ids.keys.pod != 0) {
    observation.pod_name = PodNameKey(
        context.hash, NamespaceOfAccount(event.user.name), event.pod_name);
  }
  observation.subject = NodeOf(context.hash, event, ids.keys);
  observation.draft = DraftOpenFinding(context, "stolen_credential", "", event,
                                       ids.keys.identity);
  return observation;
}

// The correlator is told of all of a suspect's first requests, then at each
// growth by an eighth, so that a busy thief does not flood it; and of the first
// request in each ten minutes, so that it does not think a slow one is gone.
bool IsWorthTelling(uint64_t uses, absl::Time last_use, absl::Time now) {
  constexpr uint64_t kAllUpTo = 16;
  constexpr absl::Duration kSpan = absl::Minutes(10);
  if (uses <= kAllUpTo || uses % (std::bit_floor(uses) / 8) == 0) return true;
  return absl::Floor(now - absl::UnixEpoch(), kSpan) !=
         absl::Floor(last_use - absl::UnixEpoch(), kSpan);
}

void Continue(const AuditEvent& event, const EntityKeys& keys,
              const Contact& suspect, absl::Time last_use, Emit& out) {
  if (!IsWorthTelling(static_cast<uint64_t>(suspect.uses()), last_use,
                      event.stage_time)) {
    return;
  }
  Observation more =
      ObservationOf(ObservationKind::kSuspectContinues, event, keys, suspect);
  more.draft.emplace();
  more.draft->count = suspect.uses();
  more.draft->last_seen = event.stage_time;
  more.draft->AddEvidence(event);
  out.Observe(std::move(more));
}

}  // namespace

absl::StatusOr<StolenCredential::Options> StolenCredential::Options::FromYaml(
    const YamlNode& node) {
  Options options;
  ODDVERB_ASSIGN_OR_RETURN(
      options.alternation_span,
      node.Get("alternation_span").AsDuration(options.alternation_span));
  ODDVERB_ASSIGN_OR_RETURN(
      int64_t alternations,
      node.Get("min_alternations").AsInt(options.min_alternations));
  if (alternations < 2 || alternations > RecentTimes::kCapacity) {
    return node.Get("min_alternations")
        .Error(absl::StrCat("expected 2 to ", RecentTimes::kCapacity));
  }
  options.min_alternations = static_cast<int>(alternations);
  ODDVERB_RETURN_IF_ERROR(node.CheckAllKeysUsed());
  return options;
}

StolenCredential::StolenCredential(const DetectorContext& context,
                                   const Options& options)
    : context_(context), options_(options), acts_(context) {}

FieldSet StolenCredential::fields() const {
  return Fields({FieldId::kAuditId, FieldId::kStage, FieldId::kRequestUri,
                 FieldId::kVerb, FieldId::kUserName, FieldId::kUserUid,
                 FieldId::kUserGroups, FieldId::kUserExtra,
                 FieldId::kImpersonatedUser, FieldId::kSourceIps,
                 FieldId::kUserAgent, FieldId::kObjectRef,
                 FieldId::kResponseStatus, FieldId::kReceivedTimestamp,
                 FieldId::kStageTimestamp, FieldId::kRequestObject,
                 FieldId::kResponseObject, FieldId::kAnnotations});
}

const StolenCredential::Table* StolenCredential::TableOf(
    EntityKind kind) const {
  if (kind == EntityKind::kPod) return &pods_;
  if (kind == EntityKind::kCredential) return &credentials_;
  return nullptr;
}

void StolenCredential::Prefetch(PrefetchStep step, const EntityIds& ids) const {
  const bool is_bound = ids.pod != kNoEntity;
  const CredentialContacts* contacts =
      is_bound ? PrefetchOwned(step, pods_, ids.pod)
               : PrefetchOwned(step, credentials_, ids.credential);
  if (contacts != nullptr) contacts->Prefetch();
  if (!is_bound) {
    PrefetchOwned(step, sites_, ids.actor);
  } else if (step == PrefetchStep::kElement && ids.pod < pod_tokens_.size()) {
    PrefetchLine(&pod_tokens_[ids.pod]);
  }
}

void StolenCredential::Observe(const AuditEvent& event, const EntityIds& ids,
                               Emit& out) {
  acts_.Observe(event, ids, NewPlace(event, ids), out);
  ObserveMinting(context_, event, ids, out);
  ObservePod(context_, event, ids.keys.identity, out);
  // A request's first stage says nothing that its later ones do not.
  if (event.stage == Stage::kRequestReceived || event.source_ip.empty() ||
      ids.keys.credential == 0 || IsLoopback(event.source_ip)) {
    return;
  }
  ObserveToken(event, ids, out);
  if (ids.pod != kNoEntity) {
    ObserveBound(event, ids, out);
  } else {
    ObserveUnbound(event, ids, out);
  }
}

void StolenCredential::ObserveToken(const AuditEvent& event,
                                    const EntityIds& ids, Emit& out) {
  if (ids.keys.identity != IdentityClass::kServiceAccount ||
      !event.credential_id.starts_with("JTI=")) {
    return;
  }
  if (NoteToken(ids)) TellUse(event, ids, out);
}

bool StolenCredential::NoteToken(const EntityIds& ids) {
  if (ids.pod != kNoEntity) {
    if (pod_tokens_.size() <= ids.pod) pod_tokens_.resize(ids.pod + size_t{1});
    return pod_tokens_[ids.pod].Note(ids.keys.credential);
  }
  if (used_tokens_.size() <= ids.credential) {
    used_tokens_.resize(ids.credential + size_t{1});
  }
  const bool is_first = !used_tokens_[ids.credential];
  used_tokens_[ids.credential] = true;
  return is_first;
}

void StolenCredential::TellUse(const AuditEvent& event, const EntityIds& ids,
                               Emit& out) const {
  Observation used;
  used.kind = ObservationKind::kTokenFirstUsed;
  used.time = event.stage_time;
  used.credential = ids.keys.credential;
  used.pod_bound = ids.keys.pod != 0;
  used.actor = used.account = ids.keys.actor;
  used.source_ip = event.source_ip;
  used.draft = DraftOpenFinding(context_, "stolen_credential", kNeverIssuedRule,
                                event, ids.keys.identity);
  out.Observe(std::move(used));
}

void StolenCredential::ObserveBound(const AuditEvent& event,
                                    const EntityIds& ids, Emit& out) {
  CredentialContacts& contacts = ContactsOf(pods_, ids.pod);
  const absl::Time before = contacts.latest();
  CredentialContacts::Use use = contacts.Add(event);
  if (use.is_repeat) return;
  JudgePlace(event, ids, use, contacts, out);
  ObservePodToken(context_, event, ids, before, out);
}

void StolenCredential::JudgePlace(const AuditEvent& event, const EntityIds& ids,
                                  const CredentialContacts::Use& use,
                                  CredentialContacts& contacts,
                                  Emit& out) const {
  const Contact& current = contacts.contact(use.contact);
  size_t home = contacts.home();
  if (use.is_new) {
    out.Observe(FirstContact(context_, event, ids, current));
    if (use.is_first) return;
    if (contacts.IsOtherFamily(use.contact)) {
      TellMove({event, ids, contacts, use.contact, home},
               TokenMove::kOtherFamily, out);
      return;
    }
    // The newcomer is in doubt, unless it is the first inside address: then the
    // log began while a thief was at work.
    size_t suspect = use.contact == home ? 0 : use.contact;
    AccuseToken({event, ids, contacts, suspect, home}, contacts, out);
    return;
  }
  if (current.reported > 0)
    Continue(event, ids.keys, current, use.last_use, out);
  if (use.contact == use.previous) return;
  for (size_t i = 0; i < contacts.size(); ++i) {
    const bool is_in_doubt =
        i != use.contact &&
        contacts.contact(i).reported == Contact::kReportedLow &&
        contacts.IsBack(use.contact, i);
    if (is_in_doubt && !contacts.MovedBackFrom(i, use, event.stage_time)) {
      AccuseToken({event, ids, contacts, i, use.contact}, contacts, out);
    }
  }
}

void StolenCredential::AccuseToken(const Suspicion& suspicion,
                                   CredentialContacts& contacts,
                                   Emit& out) const {
  Contact& suspect = contacts.contact(suspicion.suspect);
  const Contact& pod = suspicion.compared();
  // A pod whose node was rebooted keeps its uid and its program, and gets
  // another address; the old one is never heard of again.
  bool pod_speaks = suspect.reported == Contact::kReportedLow;
  bool may_be_restarted = !pod_speaks && suspect.is_private() &&
                          pod.is_private() && pod.SharesAgentWith(suspect);
  uint8_t level =
      may_be_restarted ? Contact::kReportedLow : Contact::kReportedFully;
  if (level <= suspect.reported) return;
  suspect.reported = level;
  TellMove(suspicion,
           may_be_restarted ? TokenMove::kAsAfterRestart : TokenMove::kOutside,
           out);
}

void StolenCredential::TellMove(const Suspicion& suspicion, TokenMove move,
                                Emit& out) const {
  Observation moved =
      ObservationOf(ObservationKind::kPodTokenMoved, suspicion.event,
                    suspicion.ids.keys, suspicion.suspected());
  moved.other_ip = suspicion.compared().ip();
  moved.may_be_dual_stack = move == TokenMove::kOtherFamily;
  moved.draft = DraftMoved(context_, suspicion, move);
  out.Observe(std::move(moved));
}

void StolenCredential::ObserveUnbound(const AuditEvent& event,
                                      const EntityIds& ids, Emit& out) {
  CredentialContacts& contacts = ContactsOf(credentials_, ids.credential);
  const absl::Time before = contacts.latest();
  CredentialContacts::Use use = contacts.Add(event);
  if (use.is_repeat) return;
  const absl::Time long_used = contacts.first() + TokenProvenance::kLongUse;
  const bool is_long_now =
      !use.is_first && before < long_used && contacts.latest() >= long_used;
  if (is_long_now && event.credential_id.starts_with("JTI=") &&
      ids.keys.identity == IdentityClass::kServiceAccount) {
    TellUse(event, ids, out);
  }
  NoteSite(event, ids.actor, use);
  const Contact& current = contacts.contact(use.contact);
  if (use.is_new) {
    out.Observe(FirstContact(context_, event, ids, current));
  }
  if (current.reported > 0)
    Continue(event, ids.keys, current, use.last_use, out);
  if (use.contact != use.previous) Alternate(event, ids, use, contacts, out);
}

void StolenCredential::AdvanceTo(absl::Time watermark, Emit& out) {
  acts_.AdvanceTo(watermark, out);
}

bool StolenCredential::CanRest(EntityKind kind, EntityId id) const {
  return kind != EntityKind::kActor || acts_.CanRest(id);
}

void StolenCredential::Forget(EntityKind kind, EntityId id) {
  if (kind == EntityKind::kActor) acts_.Forget(id);
  if (kind == EntityKind::kActor && id < sites_.size()) {
    sites_[id].reset();
    came_[id] = false;
  }
  if (kind == EntityKind::kPod && id < pods_.size()) pods_[id].reset();
  if (kind == EntityKind::kPod && id < pod_tokens_.size()) {
    pod_tokens_[id] = {};
  }
  if (kind == EntityKind::kCredential && id < credentials_.size()) {
    credentials_[id].reset();
  }
  if (kind == EntityKind::kCredential && id < used_tokens_.size()) {
    used_tokens_[id] = false;
  }
}

void StolenCredential::Save(EntityKind kind, EntityId id,
                            StateWriter& out) const {
  if (kind == EntityKind::kActor) SaveActor(id, out);
  const Table* table = TableOf(kind);
  bool has_state = table != nullptr && id < table->size() &&
                   (*table)[id] != nullptr && (*table)[id]->size() > 0;
  if (kind == EntityKind::kCredential) {
    const bool is_used = id < used_tokens_.size() && used_tokens_[id];
    if (!is_used && !has_state) return;
    out.PutU64((is_used ? 1U : 0U) | (has_state ? 2U : 0U));
  }
  if (has_state) (*table)[id]->Save(out);
  if (kind != EntityKind::kPod || !has_state) return;
  (id < pod_tokens_.size() ? pod_tokens_[id] : PodTokens()).Save(out);
}

absl::Status StolenCredential::Load(EntityKind kind, EntityId id,
                                    StateReader& in) {
  if (kind == EntityKind::kActor) return LoadActor(id, in);
  if (kind == EntityKind::kPod) {
    if (pod_tokens_.size() <= id) pod_tokens_.resize(id + size_t{1});
    pod_tokens_[id] = {};
    ContactsOf(pods_, id).Load(in);
    // Before there were these, the state ended here.
    if (in.rests() || !in.AtEnd()) pod_tokens_[id].Load(in);
  }
  if (kind == EntityKind::kCredential) {
    const uint64_t flags = in.GetU64();
    if (flags > 3) in.Fail();
    if (used_tokens_.size() <= id) used_tokens_.resize(id + size_t{1});
    used_tokens_[id] = (flags & 1) != 0;
    if ((flags & 2) != 0) ContactsOf(credentials_, id).Load(in);
  }
  return in.status();
}

absl::StatusOr<std::unique_ptr<Detector>> MakeStolenCredential(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_ASSIGN_OR_RETURN(StolenCredential::Options parsed,
                           StolenCredential::Options::FromYaml(options));
  return std::make_unique<StolenCredential>(context, parsed);
}

}  // namespace oddverb
