#include "detectors/stolen_credential.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "detectors/event_finding.h"
#include "detectors/pod_events.h"
#include "detectors/token_events.h"
#include "detectors/tuple.h"

namespace oddverb {
namespace {

// Levels of Contact::reported.
constexpr uint8_t kReportedLow = 1;
constexpr uint8_t kReportedFully = 2;
// A kubelet stays on its node: to come back once is enough.
constexpr int kNodeAlternations = 2;
// Sensitivity() of secrets, code execution, cluster-wide rights.
constexpr double kSensitiveFrom = 1.5;

// The API server's own host: whoever calls from there needs no theft.
bool IsLoopback(std::string_view ip) {
  return ip.starts_with("127.") || ip == "::1";
}

// A pod on a dual-stack network has one address of each family, both of them
// inside or both outside, and one program behind both.
bool IsOtherFamilyOfPod(const CredentialContacts& contacts, size_t index) {
  const Contact& contact = contacts.contact(index);
  size_t home = contacts.home();
  for (size_t i = 0; i < contacts.size(); ++i) {
    bool is_further = i != index && i != home &&
                      contacts.contact(i).is_v6() == contact.is_v6();
    if (is_further) return false;
  }
  const Contact& pod = contacts.contact(home);
  return pod.is_v6() != contact.is_v6() &&
         pod.is_private() == contact.is_private() &&
         pod.SharesAgentWith(contact);
}

// How much can be said of a credential that alternates. Where the log does not
// name it (before Kubernetes 1.32 all but service accounts' tokens), a name may
// stand for many: people who share an administrator's certificate or, in
// Amazon's clusters, a role. A static token has a uid of its own.
Severity MostFor(const AuditEvent& event, IdentityClass identity) {
  if (!event.credential_id.empty() || identity == IdentityClass::kNode) {
    return Severity::kHigh;
  }
  bool is_role = event.user.uid.starts_with("aws-iam-authenticator:");
  return event.user.uid.empty() || is_role ? Severity::kLow : Severity::kMedium;
}

// Which of two addresses is in doubt: not home; else the one with a client that
// is strange to home; else the newer one.
size_t SuspectOf(const CredentialContacts& contacts, size_t a, size_t b) {
  size_t home = contacts.home();
  if (a == home || b == home) return a == home ? b : a;
  bool a_is_own = contacts.HasOwnClient(a);
  if (a_is_own != contacts.HasOwnClient(b)) return a_is_own ? b : a;
  return std::max(a, b);
}

Severity SeverityOf(const Alternation& seen, Severity most) {
  if (seen.crowded) return Severity::kLow;
  if (!seen.own_client) return most;
  return seen.novelty > 0 ? std::min(most, Severity::kMedium) : Severity::kLow;
}

CredentialContacts& ContactsOf(
    std::vector<std::unique_ptr<CredentialContacts>>& table, EntityId id) {
  if (table.size() <= id) table.resize(id + size_t{1});
  if (table[id] == nullptr) table[id] = std::make_unique<CredentialContacts>();
  return *table[id];
}

Observation MakeObservation(ObservationKind kind, const AuditEvent& event,
                            const EntityKeys& keys, const Contact& contact) {
  Observation observation;
  observation.kind = kind;
  observation.time = event.stage_time;
  observation.credential = keys.pod != 0 ? keys.pod : keys.credential;
  observation.pod_bound = keys.pod != 0;
  observation.actor = keys.actor;
  observation.source_ip = contact.ip();
  return observation;
}

// Whoever it is may have failed to authenticate there before
// (authn.fail_then_success).
Observation FirstContact(const DetectorContext& context,
                         const AuditEvent& event, const EntityIds& ids,
                         const Contact& contact) {
  Observation observation = MakeObservation(
      ObservationKind::kCredentialAtAddress, event, ids.keys, contact);
  if (ids.keys.pod != 0) {
    observation.pod_name = PodNameKey(
        context.hash, NamespaceOfAccount(event.user.name), event.pod_name);
  }
  observation.draft =
      OpenFinding(context, "stolen_credential", "", event, ids.keys.identity);
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
      MakeObservation(ObservationKind::kSuspectContinues, event, keys, suspect);
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

void StolenCredential::Observe(const AuditEvent& event, const EntityIds& ids,
                               Emit& out) {
  acts_.Observe(event, ids, NewPlace(event, ids), out);
  ObserveMinting(context_, event, ids, out);
  ObservePod(context_, event, ids.keys.identity, out);
  // A request's first stage says nothing that its later ones do not.
  if (event.stage == Stage::kRequestReceived || event.source_ip.empty() ||
      ids.credential == kNoEntity || IsLoopback(event.source_ip)) {
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
  if (used_tokens_.size() <= ids.credential) {
    used_tokens_.resize(ids.credential + size_t{1});
  }
  if (used_tokens_[ids.credential]) return;
  used_tokens_[ids.credential] = true;
  Observation used;
  used.kind = ObservationKind::kTokenFirstUsed;
  used.time = event.stage_time;
  used.credential = ids.keys.credential;
  used.pod_bound = ids.keys.pod != 0;
  used.actor = used.account = ids.keys.actor;
  used.source_ip = event.source_ip;
  used.draft = OpenFinding(context_, "stolen_credential", kNeverIssuedRule,
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
    if (use.is_first || IsOtherFamilyOfPod(contacts, use.contact)) return;
    // The newcomer is in doubt, unless it is the first inside address: then the
    // log began while a thief was at work.
    size_t suspect = use.contact == home ? 0 : use.contact;
    AccuseToken({event, ids, contacts, suspect, home}, contacts, out);
    return;
  }
  if (current.reported > 0)
    Continue(event, ids.keys, current, use.last_use, out);
  bool pod_is_back = use.contact == home && use.previous != use.contact;
  if (!pod_is_back) return;
  for (size_t i = 0; i < contacts.size(); ++i) {
    if (contacts.contact(i).reported == kReportedLow) {
      AccuseToken({event, ids, contacts, i, home}, contacts, out);
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
  bool pod_speaks = suspect.reported == kReportedLow;
  bool may_be_restarted = !pod_speaks && suspect.is_private() &&
                          pod.is_private() && pod.SharesAgentWith(suspect);
  uint8_t level = may_be_restarted ? kReportedLow : kReportedFully;
  if (level <= suspect.reported) return;
  suspect.reported = level;
  Observation moved =
      MakeObservation(ObservationKind::kPodTokenMoved, suspicion.event,
                      suspicion.ids.keys, suspect);
  moved.other_ip = pod.ip();
  moved.draft = DraftMoved(
      context_, suspicion,
      may_be_restarted ? TokenMove::kAsAfterRestart : TokenMove::kOutside);
  out.Observe(std::move(moved));
}

void StolenCredential::ObserveUnbound(const AuditEvent& event,
                                      const EntityIds& ids, Emit& out) {
  CredentialContacts& contacts = ContactsOf(credentials_, ids.credential);
  CredentialContacts::Use use = contacts.Add(event);
  if (use.is_repeat) return;
  NoteSite(event, ids.actor, use);
  const Contact& current = contacts.contact(use.contact);
  if (use.is_new) {
    out.Observe(FirstContact(context_, event, ids, current));
  }
  if (current.reported > 0)
    Continue(event, ids.keys, current, use.last_use, out);
  if (use.contact != use.previous) Alternate(event, ids, use, contacts, out);
}

void StolenCredential::Alternate(const AuditEvent& event, const EntityIds& ids,
                                 const CredentialContacts::Use& use,
                                 CredentialContacts& contacts,
                                 Emit& out) const {
  Alternation seen;
  seen.span = options_.alternation_span;
  seen.changes = contacts.ChangesWithin(event.stage_time, seen.span);
  seen.needed = ids.keys.identity == IdentityClass::kNode
                    ? std::min(kNodeAlternations, options_.min_alternations)
                    : options_.min_alternations;
  // To go somewhere is one change, and no alternation.
  if (seen.changes < 2) return;
  size_t index = SuspectOf(contacts, use.contact, use.previous);
  size_t other = index == use.contact ? use.previous : use.contact;
  // Who moves in the evening and again in the morning does not alternate.
  const bool is_return =
      !use.is_new && event.stage_time - use.last_use <= seen.span;
  const bool is_other_new =
      is_return && IsFromNewNetwork(event, ids, contacts, other, index);
  if (is_other_new) std::swap(index, other);
  seen.own_client = contacts.HasOwnClient(index);
  seen.crowded = contacts.IsCrowded(event.stage_time);
  if (is_other_new ||
      (is_return && IsFromNewNetwork(event, ids, contacts, index, other))) {
    const SiteHistory& sites = *sites_[ids.actor];
    seen.novelty =
        sites.Novelty(SiteOf(context_.hash, contacts.contact(index).ip()));
    seen.sessions = sites.sessions();
    seen.sensitive =
        index == use.contact && Sensitivity(TupleOf(event)) >= kSensitiveFrom;
    if (NewNetworkScore(seen) < kNewNetworkScore) seen.novelty = 0;
  }
  if (seen.changes < seen.needed && seen.novelty == 0) return;
  Contact& suspect = contacts.contact(index);
  seen.severity = SeverityOf(seen, MostFor(event, ids.keys.identity));
  bool is_low = seen.severity == Severity::kLow;
  uint8_t level = is_low ? kReportedLow : kReportedFully;
  if (level <= suspect.reported) return;
  // That a credential roams is worth one word, not one for each address.
  if (is_low && contacts.roaming_reported()) return;
  contacts.SetRoamingReported();
  suspect.reported = level;
  Observation alternates = MakeObservation(
      ObservationKind::kCredentialAlternates, event, ids.keys, suspect);
  alternates.other_ip = contacts.contact(other).ip();
  alternates.draft =
      DraftAlternation(context_, {event, ids, contacts, index, other}, seen);
  out.Observe(std::move(alternates));
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
}

absl::Status StolenCredential::Load(EntityKind kind, EntityId id,
                                    StateReader& in) {
  if (kind == EntityKind::kActor) return LoadActor(id, in);
  if (kind == EntityKind::kPod) ContactsOf(pods_, id).Load(in);
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
