#include "detectors/stolen_credential_finding.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"
#include "model/identity.h"

namespace oddverb {
namespace {

constexpr std::string_view kAnotherProgram = "another client program";
constexpr std::string_view kForeignClient =
    "a client that is not used at its home";
constexpr std::string_view kFromOutside = "from outside of private networks";

// Parts of a sentence for a phone.
constexpr size_t kMaxNameInText = 100;
constexpr size_t kMaxAgentInText = 64;

std::string AgentText(std::string_view agent, size_t max_bytes) {
  return agent.empty() ? "no user agent" : Bounded(agent, max_bytes);
}

std::string AllAgents(const Contact& contact) {
  std::string text;
  for (std::string_view agent : contact.user_agents()) {
    absl::StrAppend(&text, text.empty() ? "" : ", ",
                    AgentText(agent, Contact::kMaxAgentBytes));
  }
  return Bounded(text, Finding::kMaxTextBytes);
}

// "10.0.0.1 (kubectl/v1.30.0 and 2 more clients)".
std::string AddressText(const Contact& contact) {
  std::vector<std::string_view> agents = contact.user_agents();
  std::string text = absl::StrCat(A(contact.ip()), " (",
                                  AgentText(agents[0], kMaxAgentInText));
  if (agents.size() > 1) {
    absl::StrAppend(&text, " and ",
                    Counted(agents.size() - 1, "more client", "more clients"));
  }
  return text + ")";
}

std::string RequestsSoFar(const Contact& contact) {
  return absl::StrCat(
      Counted(static_cast<uint64_t>(contact.uses()), "request", "requests"),
      " so far.");
}

constexpr double kEachChange = 1.2;
constexpr double kForeignClientWeight = 1.5;
// As of a person who roams and takes the laptop along.
constexpr double kOwnClient = -2;
constexpr double kSensitiveWeight = 1;

// One finding for each credential and address, however it is looked at: hashed
// is the first use from there.
Hash128 IdOf(const DetectorContext& context, const Suspicion& suspicion,
             const Finding& draft) {
  const Contact& suspect = suspicion.suspected();
  Evidence first = suspect.first_use();
  // With the key of ids, which is the same everywhere.
  const EntityKeys keys = KeysOf(context.id_hash, suspicion.event);
  HashInput opening;
  opening.Add(keys.pod != 0 ? keys.pod : keys.credential)
      .Add(first.audit_id)
      .Add(static_cast<uint64_t>(absl::ToUnixMicros(first.time)));
  return FindingId(context.id_hash, context.cluster, draft.rule,
                   absl::StrCat(draft.entity, "@", A(suspect.ip())),
                   context.id_hash.HashWide(opening.bytes()));
}

void AddFirstEvidence(const Suspicion& suspicion, Finding& draft) {
  const Contact& suspect = suspicion.suspected();
  bool by_suspect = suspect.IsAt(suspicion.event.source_ip);
  if (suspect.uses() > 1 || !by_suspect) {
    Evidence first = suspect.first_use();
    AddDistinct(first.verb, draft.what.verbs);
    draft.evidence.push_back(std::move(first));
  }
  if (by_suspect) draft.AddEvidence(suspicion.event);
}

// What both rules have in common.
Finding Draft(const DetectorContext& context, const Suspicion& suspicion,
              std::string_view rule) {
  const AuditEvent& event = suspicion.event;
  const Contact& suspect = suspicion.suspected();
  const Contact& other = suspicion.compared();
  IdentityClass identity = suspicion.ids.keys.identity;
  Finding draft;
  draft.cluster = context.cluster;
  draft.rule = rule;
  draft.detector = "stolen_credential";
  draft.entity = Bounded(ActorName(event, identity), Finding::kMaxTextBytes);
  draft.entity_kind = IdentityClassName(identity);
  draft.SetSubject(event);
  if (!suspect.IsAt(event.source_ip)) {
    // What the honest owner asked for is no trait of the suspect.
    draft.who.impersonated.clear();
    draft.where.claimed_ips.clear();
  }
  draft.where.source_ip = suspect.ip();
  draft.where.user_agent = AllAgents(suspect);
  draft.id = IdOf(context, suspicion, draft);
  draft.first_seen = suspect.first_use().time;
  draft.last_seen = suspect.last_use();
  draft.count = suspect.uses();
  AddFirstEvidence(suspicion, draft);
  draft.next = StepsAgainstCredential(event, identity);
  draft.next.push_back(absl::StrCat("Find what ", ShellWord(suspect.ip()),
                                    " is, and who sits at ",
                                    ShellWord(other.ip()), "."));
  draft.practice = {9};
  return draft;
}

void AddReasonOutside(const Contact& suspect, const Contact& other,
                      Finding& draft) {
  if (suspect.is_private() || !other.is_private()) return;
  AddReason(kFromOutside, std::string(suspect.ip()), 1.5, draft);
}

void AddReasonsNewNetwork(const Contact& suspect, const Alternation& seen,
                          Finding& draft) {
  AddReason("a network that is new to this identity",
            absl::StrCat(A(suspect.ip()), ", after ",
                         Counted(seen.sessions, "session", "sessions"),
                         " from elsewhere"),
            seen.novelty, draft);
  if (seen.own_client) {
    AddReason("with a client that is used at its home", AllAgents(suspect),
              kOwnClient, draft);
  }
  if (seen.sensitive) {
    AddReason("secrets, code execution or rights", draft.evidence.back().uri,
              kSensitiveWeight, draft);
  }
}

void WriteMovedTexts(const Suspicion& suspicion, TokenMove move,
                     Finding& draft) {
  const Contact& suspect = suspicion.suspected();
  const Contact& other = suspicion.compared();
  std::string token =
      absl::StrCat(Bounded(draft.entity, kMaxNameInText), ": the token of pod ",
                   Bounded(draft.who.pod, kMaxNameInText));
  if (move == TokenMove::kAsAfterRestart) {
    draft.title = "Token of a pod used from a second address";
    draft.summary =
        absl::StrCat(token, " is now used from ", AddressText(suspect),
                     ", before from ", A(other.ip()),
                     ": a pod that was restarted, or a thief who does as it "
                     "does.");
  } else {
    draft.title = "Token of a pod used outside of its pod";
    draft.summary = absl::StrCat(token, " is used from ", AddressText(suspect),
                                 ", but the pod is at ", A(other.ip()), ".");
  }
  draft.normal = absl::StrCat(
      "A bound token is used by its own pod only, from one address: ",
      AddressText(other), ", ", RequestsSoFar(other));
  if (move == TokenMove::kOtherFamily) {
    draft.benign_checks = {
        "Not the pod's other address of a dual-stack network: that would be "
        "its own or its node's."};
    return;
  }
  draft.benign_checks = {
      "Not the pod's other address of a dual-stack network: same family, or "
      "another client.",
      move == TokenMove::kAsAfterRestart
          ? "Same client, inside, and the old address was not used since, as "
            "after a restart of the pod on another address (its node was "
            "rebooted): severity low."
          : "Not a pod that was restarted on another address: that keeps its "
            "client and stops using the old one."};
}

// A person who moves takes the laptop along: the same clients appear at both
// ends. A thief brings another one.
std::string ClientCheck(const Alternation& seen) {
  if (!seen.own_client) return "No client of this address is used at home.";
  if (seen.is_off_machine) {
    return "The same client is used at home too, but a node does not roam.";
  }
  return absl::StrCat(
      "The same client is used at home too, as by a person who roams: "
      "severity ",
      seen.novelty > 0 ? "medium at most." : "low.");
}

std::string OwnershipCheck(const AuditEvent& event) {
  if (!event.credential_id.empty()) {
    return "The log names the credential: it is one and the same.";
  }
  return "The log names the user only, not the credential (credential-id): "
         "several credentials of one user look like one here.";
}

}  // namespace

Observation ObservationOf(ObservationKind kind, const AuditEvent& event,
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

Finding DraftMoved(const DetectorContext& context, const Suspicion& suspicion,
                   TokenMove move) {
  const Contact& suspect = suspicion.suspected();
  const Contact& other = suspicion.compared();
  Finding draft = Draft(context, suspicion, kTokenRule);
  draft.threshold = 2;
  AddReason("one pod's token at two addresses",
            absl::StrCat(A(other.ip()), " and ", A(suspect.ip())), 4, draft);
  if (move == TokenMove::kAsAfterRestart) {
    draft.severity = Severity::kLow;
    AddReason("as after a restart of the pod",
              "same client, old address silent", -2, draft);
  } else if (move == TokenMove::kOtherFamily) {
    draft.severity = Severity::kLow;
  } else {
    draft.severity = Severity::kHigh;
    if (!suspect.SharesAgentWith(other)) {
      AddReason(kAnotherProgram, AllAgents(suspect), 1.5, draft);
    }
    AddReasonOutside(suspect, other, draft);
  }
  WriteMovedTexts(suspicion, move, draft);
  draft.attack = {"T1528", "T1552.007"};
  return draft;
}

double NewNetworkScore(const Alternation& seen) {
  if (seen.novelty <= 0) return 0;
  return seen.novelty + kEachChange * (seen.changes - 1) +
         (seen.own_client ? kOwnClient : kForeignClientWeight) +
         (seen.sensitive ? kSensitiveWeight : 0);
}

// Why it may be honest that several addresses use it.
std::string SharingCheck(const Alternation& seen) {
  if (seen.crowded) {
    return "More than four addresses use it: a shared credential; severity "
           "low.";
  }
  if (seen.is_pool) {
    return "Its own client is used at several addresses of this network: "
           "machines that share it; severity low.";
  }
  if (seen.has_desktop) {
    return "All addresses are outside and used for less than an hour, but the "
           "program of a desktop is used at one, as by a person and by no "
           "pipeline; severity medium at most.";
  }
  if (!seen.has_home) {
    return "Where it belongs is not known yet, all addresses being outside and "
           "used for less than an hour; severity low.";
  }
  return "Not a credential that many addresses share.";
}

Finding DraftAlternation(const DetectorContext& context,
                         const Suspicion& suspicion, const Alternation& seen) {
  const Contact& suspect = suspicion.suspected();
  const Contact& other = suspicion.compared();
  Finding draft = Draft(context, suspicion, kCredentialRule);
  draft.severity = seen.severity;
  draft.threshold =
      seen.novelty > 0 ? kNewNetworkScore : kEachChange * (seen.needed - 1);
  AddReason("went back and forth",
            absl::StrCat(seen.changes, " changes of address within ",
                         absl::FormatDuration(seen.span)),
            kEachChange * (seen.changes - 1), draft);
  if (!seen.own_client) {
    AddReason(kForeignClient, AllAgents(suspect), kForeignClientWeight, draft);
  }
  if (seen.is_off_machine) {
    AddReason("a node's credential in another network than its node",
              std::string(suspect.ip()), kForeignClientWeight, draft);
  }
  if (seen.novelty > 0) AddReasonsNewNetwork(suspect, seen, draft);
  AddReasonOutside(suspect, other, draft);
  draft.title = "One credential used from two addresses at once";
  draft.summary =
      absl::StrCat(Bounded(draft.entity, kMaxNameInText),
                   ": the same credential is used in turns from ",
                   AddressText(other), " and from ", AddressText(suspect), ".");
  draft.normal = absl::StrCat("Seen from ", AddressText(other), ", ",
                              RequestsSoFar(other));
  draft.benign_checks = {ClientCheck(seen), SharingCheck(seen),
                         OwnershipCheck(suspicion.event)};
  if (seen.novelty > 0 && seen.both_are_new) {
    draft.benign_checks.push_back(
        "Both networks are new to it: a person on the road with two ways out "
        "looks like this, too.");
  }
  draft.attack = {"T1078", "T1550"};
  return draft;
}

// A node's credential may be in doubt at an address at once, and then go back
// and forth.
bool IsSameCase(const Finding& a, const Finding& b) {
  return a.id == b.id || (a.entity_kind == kNodeKind && a.rule == b.rule &&
                          a.where.source_ip == b.where.source_ip);
}

bool HasReason(std::string_view feature, const Finding& finding) {
  return std::any_of(
      finding.why.begin(), finding.why.end(),
      [&](const FindingReason& why) { return why.feature == feature; });
}

bool IsStrange(const Finding& draft) {
  return std::any_of(draft.why.begin(), draft.why.end(),
                     [](const FindingReason& reason) {
                       return reason.feature == kAnotherProgram ||
                              reason.feature == kForeignClient ||
                              reason.feature == kFromOutside;
                     });
}

}  // namespace oddverb
