#include "detectors/stolen_credential.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "base/ip_address.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/next_steps.h"
#include "model/event_key.h"

namespace oddverb {
namespace {

// Levels of Contact::reported.
constexpr int kReportedLow = 1;
constexpr int kReportedFully = 2;

// The API server's own host: whoever calls from there needs no theft.
bool IsLoopback(std::string_view ip) {
  return ip.starts_with("127.") || ip == "::1";
}

bool IsPrivate(const std::string& ip) {
  std::optional<IpAddress> address = IpAddress::Parse(ip);
  return address.has_value() && address->is_private();
}

bool IsV6(const std::string& ip) { return ip.find(':') != std::string::npos; }

// A pod on a dual-stack network has one address of each family, and one
// program behind both.
bool IsOtherFamilyOfSamePod(const CredentialContacts& contacts, size_t index) {
  const Contact& contact = contacts.contact(index);
  for (size_t i = 0; i < contacts.contacts().size(); ++i) {
    if (i == index) continue;
    const Contact& other = contacts.contact(i);
    if (IsV6(other.ip) == IsV6(contact.ip)) return false;
    if (!other.SharesAgentWith(contact)) return false;
  }
  return true;
}

// The newcomer is the thief, unless it is the inside address of the two: then
// the log began while the thief was at work.
bool FirstIsSuspect(const Contact& first, const Contact& newcomer) {
  return !IsPrivate(first.ip) && IsPrivate(newcomer.ip);
}

bool SharesAgentWithAny(const CredentialContacts& contacts, size_t index) {
  for (size_t i = 0; i < contacts.contacts().size(); ++i) {
    if (i != index &&
        contacts.contact(i).SharesAgentWith(contacts.contact(index))) {
      return true;
    }
  }
  return false;
}

bool AnyReported(const CredentialContacts& contacts) {
  return std::any_of(contacts.contacts().begin(), contacts.contacts().end(),
                     [](const Contact& c) { return c.reported > 0; });
}

std::string AgentsText(const Contact& contact) {
  std::string text;
  for (const std::string& agent : contact.user_agents) {
    absl::StrAppend(&text, text.empty() ? "" : ", ",
                    agent.empty() ? "no user agent" : agent);
  }
  return text;
}

void AddReason(const char* feature, std::string value, double contribution,
               Finding& finding) {
  finding.why.push_back({feature, std::move(value), contribution});
  finding.score += contribution;
}

void AddReasonOutside(const Contact& suspect, const Contact& other,
                      Finding& finding) {
  if (IsPrivate(suspect.ip) || !IsPrivate(other.ip)) return;
  AddReason("from outside of private networks", suspect.ip, 1.5, finding);
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
    : context_(context), options_(options) {}

FieldSet StolenCredential::fields() const {
  return Fields({FieldId::kAuditId, FieldId::kStage, FieldId::kRequestUri,
                 FieldId::kVerb, FieldId::kUserName, FieldId::kUserUid,
                 FieldId::kUserGroups, FieldId::kUserExtra,
                 FieldId::kImpersonatedUser, FieldId::kSourceIps,
                 FieldId::kUserAgent, FieldId::kObjectRef,
                 FieldId::kResponseStatus});
}

StolenCredential::Table* StolenCredential::TableOf(EntityKind kind) {
  if (kind == EntityKind::kPod) return &pods_;
  if (kind == EntityKind::kCredential) return &credentials_;
  return nullptr;
}

void StolenCredential::Observe(const AuditEvent& event, const EntityIds& ids,
                               Emit& out) {
  // A request's first stage says nothing that its later ones do not.
  if (event.stage == Stage::kRequestReceived || event.source_ip.empty() ||
      ids.credential == kNoEntity || IsLoopback(event.source_ip)) {
    return;
  }
  if (ids.pod != kNoEntity) {
    ObserveBound(event, ids, out);
  } else {
    ObserveUnbound(event, ids, out);
  }
}

namespace {

CredentialContacts& ContactsOf(
    std::vector<std::unique_ptr<CredentialContacts>>& table, EntityId id) {
  if (table.size() <= id) table.resize(id + 1);
  if (table[id] == nullptr) table[id] = std::make_unique<CredentialContacts>();
  return *table[id];
}

Observation MakeObservation(ObservationKind kind, const AuditEvent& event,
                            uint64_t credential, const std::string& ip) {
  Observation observation;
  observation.kind = kind;
  observation.time = event.stage_time;
  observation.credential = credential;
  observation.source_ip = ip;
  return observation;
}

}  // namespace

void StolenCredential::ObserveBound(const AuditEvent& event,
                                    const EntityIds& ids, Emit& out) {
  CredentialContacts& contacts = ContactsOf(pods_, ids.pod);
  CredentialContacts::Use use = contacts.Add(event);
  Contact& newcomer = contacts.contact(use.contact);
  if (!use.is_new) {
    if (newcomer.reported > 0) Continue(event, ids.keys.pod, newcomer, out);
    return;
  }
  Observation contact = MakeObservation(ObservationKind::kCredentialAtAddress,
                                        event, ids.keys.pod, newcomer.ip);
  contact.pod_bound = true;
  out.Observe(std::move(contact));
  if (use.is_first || IsOtherFamilyOfSamePod(contacts, use.contact)) return;
  Contact& first = contacts.contact(0);
  bool swap = FirstIsSuspect(first, newcomer);
  Contact& suspect = swap ? first : newcomer;
  const Contact& other = swap ? newcomer : first;
  if (suspect.reported == kReportedFully) return;
  suspect.reported = kReportedFully;
  Observation moved = MakeObservation(ObservationKind::kPodTokenMoved, event,
                                      ids.keys.pod, suspect.ip);
  moved.pod_bound = true;
  moved.other_ip = other.ip;
  moved.draft = DraftMoved(event, ids, suspect, other);
  out.Observe(std::move(moved));
}

Finding StolenCredential::DraftMoved(const AuditEvent& event,
                                     const EntityIds& ids,
                                     const Contact& suspect,
                                     const Contact& other) const {
  Finding draft = Draft(event, ids, suspect, other);
  draft.rule = "token.outside_its_pod";
  draft.id = FindingId(context_.hash, context_.cluster, draft.rule,
                       absl::StrCat(draft.entity, "@", suspect.ip),
                       EventKey(context_.hash, context_.cluster, event));
  draft.severity = Severity::kHigh;
  AddReason("one pod's token at two addresses",
            absl::StrCat(other.ip, " and ", suspect.ip), 4, draft);
  if (!suspect.SharesAgentWith(other)) {
    AddReason("another client program", AgentsText(suspect), 1.5, draft);
  }
  AddReasonOutside(suspect, other, draft);
  draft.title = "Token of a pod used outside of its pod";
  draft.summary = absl::StrCat(
      draft.entity, ": the token of pod ", draft.who.pod, " is used from ",
      suspect.ip, " (", AgentsText(suspect), "), but the pod is at ", other.ip,
      ".");
  draft.normal = absl::StrCat(
      "A bound token is used by its own pod only, from one address: ",
      other.ip, " (", AgentsText(other), "), ", other.uses,
      " requests so far.");
  draft.benign_checks = {
      "Not the pod's other address of a dual-stack network: same family, or "
      "another client.",
      "A pod that was restarted on another address keeps its client and stops "
      "using the old one: compare both."};
  draft.attack = {"T1528", "T1552.007"};
  return draft;
}

void StolenCredential::ObserveUnbound(const AuditEvent& event,
                                      const EntityIds& ids, Emit& out) {
  CredentialContacts& contacts = ContactsOf(credentials_, ids.credential);
  CredentialContacts::Use use = contacts.Add(event);
  const Contact& current = contacts.contact(use.contact);
  if (use.is_new) {
    out.Observe(MakeObservation(ObservationKind::kCredentialAtAddress, event,
                                ids.keys.credential, current.ip));
  }
  if (current.reported > 0) {
    Continue(event, ids.keys.credential, current, out);
  }
  if (use.contact != use.previous) Alternate(event, ids, use, contacts, out);
}

void StolenCredential::Alternate(const AuditEvent& event, const EntityIds& ids,
                                 const CredentialContacts::Use& use,
                                 CredentialContacts& contacts, Emit& out) {
  Alternation seen;
  seen.changes =
      contacts.ChangesWithin(event.stage_time, options_.alternation_span);
  if (seen.changes < options_.min_alternations) return;
  size_t later = std::max(use.contact, use.previous);
  size_t earlier = std::min(use.contact, use.previous);
  if (FirstIsSuspect(contacts.contact(earlier), contacts.contact(later))) {
    std::swap(earlier, later);
  }
  Contact& suspect = contacts.contact(later);
  const Contact& other = contacts.contact(earlier);
  seen.own_client = SharesAgentWithAny(contacts, later);
  seen.crowded = contacts.crowded();
  int level = seen.own_client || seen.crowded ? kReportedLow : kReportedFully;
  if (level <= suspect.reported) return;
  // That a credential roams is worth one word, not one for each address.
  if (level == kReportedLow && AnyReported(contacts)) return;
  suspect.reported = level;
  Observation alternates =
      MakeObservation(ObservationKind::kCredentialAlternates, event,
                      ids.keys.credential, suspect.ip);
  alternates.other_ip = other.ip;
  alternates.draft = DraftAlternation(Draft(event, ids, suspect, other), seen,
                                      suspect, other);
  out.Observe(std::move(alternates));
}

// A person who moves takes the laptop along: the same clients appear at both
// ends. A thief brings another one.
Finding StolenCredential::DraftAlternation(const Finding& base,
                                           const Alternation& seen,
                                           const Contact& suspect,
                                           const Contact& other) const {
  Finding draft = base;
  draft.rule = "credential.two_networks";
  // One finding an address: a later and graver look at it is an update.
  draft.id = FindingId(context_.hash, context_.cluster, draft.rule,
                       absl::StrCat(draft.entity, "@", suspect.ip),
                       context_.hash.HashWide(suspect.first_use.audit_id));
  draft.severity =
      seen.own_client || seen.crowded ? Severity::kLow : Severity::kHigh;
  AddReason("went back and forth",
            absl::StrCat(seen.changes, " changes of address within ",
                         absl::FormatDuration(options_.alternation_span)),
            1.2 * (seen.changes - 1), draft);
  if (!seen.own_client) {
    AddReason("a client that it uses nowhere else", AgentsText(suspect), 1.5,
              draft);
  }
  AddReasonOutside(suspect, other, draft);
  draft.title = "One credential used in two networks at once";
  draft.summary = absl::StrCat(
      draft.entity, ": the same credential is used in turns from ", other.ip,
      " (", AgentsText(other), ") and from ", suspect.ip, " (",
      AgentsText(suspect), ").");
  draft.normal = absl::StrCat("Seen from ", other.ip, " with ",
                              AgentsText(other), ", ", other.uses,
                              " requests so far.");
  draft.benign_checks = {
      seen.own_client ? "The same client is used at both ends, as by a person "
                        "who roams: severity low."
                      : "No client of this address was seen at another one.",
      seen.crowded ? "More than four addresses use it: a shared credential; "
                     "severity low."
                   : "Not a credential that many addresses share."};
  draft.attack = {"T1078", "T1550"};
  return draft;
}

// More of the suspect's requests: all of the first ones as evidence, then at
// each doubling, so that a busy thief does not flood the correlator.
void StolenCredential::Continue(const AuditEvent& event, uint64_t credential,
                                const Contact& suspect, Emit& out) {
  constexpr uint64_t kAllUpTo = 16;
  auto uses = static_cast<uint64_t>(suspect.uses);
  if (uses > kAllUpTo && !std::has_single_bit(uses)) return;
  Observation more = MakeObservation(ObservationKind::kSuspectContinues, event,
                                     credential, suspect.ip);
  more.draft.emplace();
  more.draft->count = suspect.uses;
  more.draft->last_seen = event.stage_time;
  more.draft->AddEvidence(event);
  out.Observe(std::move(more));
}

Finding StolenCredential::Draft(const AuditEvent& event, const EntityIds& ids,
                                const Contact& suspect,
                                const Contact& other) const {
  Finding draft;
  draft.cluster = context_.cluster;
  draft.detector = "stolen_credential";
  draft.entity =
      Bounded(ActorName(event, ids.keys.identity), Finding::kMaxTextBytes);
  draft.entity_kind = std::string(IdentityClassName(ids.keys.identity));
  draft.SetSubject(event);
  draft.where.source_ip = suspect.ip;
  draft.where.user_agent = AgentsText(suspect);
  draft.first_seen = suspect.first_use.time;
  draft.last_seen = suspect.last_use;
  draft.count = suspect.uses;
  draft.next = StepsAgainstCredential(event, ids.keys.identity);
  draft.next.push_back(absl::StrCat(
      "Find what ", ShellWord(suspect.ip), " is, and who sits at ",
      ShellWord(other.ip), "."));
  draft.threshold = 4;
  draft.practice = {9};
  draft.evidence.push_back(suspect.first_use);
  if (event.source_ip == suspect.ip &&
      event.audit_id != suspect.first_use.audit_id) {
    draft.AddEvidence(event);
  }
  return draft;
}

void StolenCredential::Forget(EntityKind kind, EntityId id) {
  Table* table = TableOf(kind);
  if (table != nullptr && id < table->size()) (*table)[id].reset();
}

void StolenCredential::Save(EntityKind kind, EntityId id,
                            StateWriter& out) const {
  const Table* table = const_cast<StolenCredential*>(this)->TableOf(kind);
  if (table == nullptr || id >= table->size() || (*table)[id] == nullptr) {
    return;
  }
  (*table)[id]->Save(out);
}

absl::Status StolenCredential::Load(EntityKind kind, EntityId id,
                                    StateReader& in) {
  Table* table = TableOf(kind);
  if (table == nullptr) return absl::OkStatus();
  ContactsOf(*table, id).Load(in);
  return in.status();
}

absl::StatusOr<std::unique_ptr<Detector>> MakeStolenCredential(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_ASSIGN_OR_RETURN(StolenCredential::Options parsed,
                           StolenCredential::Options::FromYaml(options));
  return std::make_unique<StolenCredential>(context, parsed);
}

}  // namespace oddverb
