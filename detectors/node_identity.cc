#include "detectors/node_identity.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/ip_address.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/actor_act.h"
#include "detectors/event_finding.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"
#include "detectors/refusal.h"
#include "detectors/tuple.h"
#include "detectors/tuple_hasher.h"
#include "detectors/user_agent.h"

namespace oddverb {
namespace {

using std::string_view;

// 2: with the history; 3: with the newest certificate's address.
constexpr uint64_t kOldestVersion = 2, kStateVersion = 3;
// Clues of version 2.
constexpr size_t kOldClues = 7;
constexpr size_t kMaxAddressBytes = 64;
constexpr string_view kRule = "node.identity_misuse";
constexpr uint64_t kCaseKey = 1;
// A kubelet meets the node authorizer's race for the objects of one or two new
// pods; in the real logs of a busy small cluster at most two objects in five
// minutes.
constexpr absl::Duration kGuessSpan = absl::Minutes(5);
constexpr uint32_t kMinGuessed = 5;
constexpr uint32_t kMinNamespaces = 2;
constexpr uint32_t kMaxGuessed = 16;
// A program of a node that is new behind it came with nobody's installation.
constexpr absl::Duration kSettled = absl::Hours(24);
// A kubelet closes its connections when it gets a new certificate (kubernetes:
// pkg/kubelet/certificate/transport.go); what is under way ends soon.
constexpr absl::Duration kRotation = absl::Minutes(15);

// Programs that people hold, or that are made for looking around. kubeadm and
// what cloud providers run on a node are built on client-go, as the kubelet is.
bool IsNoNodesClient(AgentFamily family) {
  switch (family) {
    case AgentFamily::kNone:
    case AgentFamily::kKubectl:
    case AgentFamily::kCurl:
    case AgentFamily::kWget:
    case AgentFamily::kPython:
    case AgentFamily::kJava:
    case AgentFamily::kNode:
    case AgentFamily::kBrowser:
    case AgentFamily::kDashboard:
    case AgentFamily::kArgo:
    case AgentFamily::kFlux:
    case AgentFamily::kTerraform:
    case AgentFamily::kHelm:
    case AgentFamily::kScanner:
      return true;
    case AgentFamily::kKubelet:
    case AgentFamily::kController:
    case AgentFamily::kGoHttp:
    case AgentFamily::kProbe:
    case AgentFamily::kOther:
      return false;
  }
  return false;
}

// The node authorizer lets a kubelet read secrets by name alone, and it asks
// for no others (kubernetes: plugin/pkg/auth/authorizer/node).
bool IsSecretList(const AuditEvent& event) {
  return event.object.resource == "secrets" && event.object.name.empty() &&
         (event.verb == "list" || event.verb == "watch" ||
          event.verb == "deletecollection");
}

// What a kubelet does with its own client, and a thief with another one to have
// a credential that outlives this one.
bool AsksForCredential(const AuditEvent& event, const Tuple& tuple) {
  const ObjectReference& object = event.object;
  return tuple.verb_class == VerbClass::kWrite &&
         (object.resource == "certificatesigningrequests" ||
          (object.resource == "serviceaccounts" &&
           object.subresource == "token"));
}

// Tokens and certificate requests are a kubelet's own business.
bool IsForeign(const AuditEvent& event, const Tuple& tuple) {
  if (tuple.verb_class == VerbClass::kExecute) return true;
  const ObjectReference& object = event.object;
  if (object.api_group == "rbac.authorization.k8s.io") return true;
  if (object.resource == "secrets") {
    return tuple.verb_class == VerbClass::kWrite ||
           tuple.verb_class == VerbClass::kDelete;
  }
  return object.resource == "certificatesigningrequests" &&
         object.subresource == "approval";
}

}  // namespace

FieldSet NodeIdentity::fields() const {
  return Fields({FieldId::kAuditId, FieldId::kStage, FieldId::kRequestUri,
                 FieldId::kVerb, FieldId::kUserName, FieldId::kUserGroups,
                 FieldId::kUserExtra, FieldId::kSourceIps, FieldId::kUserAgent,
                 FieldId::kObjectRef, FieldId::kResponseStatus,
                 FieldId::kAnnotations, FieldId::kReceivedTimestamp,
                 FieldId::kStageTimestamp});
}

NodeIdentity::State& NodeIdentity::StateFor(EntityId actor) {
  if (actor >= states_.size()) states_.resize(size_t{actor} + 1);
  if (states_[actor] == nullptr) states_[actor] = std::make_unique<State>();
  return *states_[actor];
}

NodeIdentity::History& NodeIdentity::HistoryFor(const AuditEvent& event,
                                                EntityId actor) {
  if (actor >= histories_.size()) histories_.resize(size_t{actor} + 1);
  if (histories_[actor] == nullptr) {
    histories_[actor] = std::make_unique<History>();
    histories_[actor]->born = event.stage_time;
  }
  return *histories_[actor];
}

NodeIdentity::CertificateUse NodeIdentity::NoteCertificate(
    const AuditEvent& event, uint64_t certificate, History& history) {
  // A watch may have begun with the old one.
  const bool has_received = event.received != absl::InfinitePast();
  const absl::Time now = has_received ? event.received : event.stage_time;
  if (certificate == history.certificate) return CertificateUse::kExpected;
  if (certificate != history.older) {
    history.older = std::exchange(history.certificate, certificate);
    history.certificate_since = now;
    history.certificate_ip = Bounded(event.source_ip, kMaxAddressBytes);
    return CertificateUse::kExpected;
  }
  if (now - history.certificate_since <= kRotation) {
    return CertificateUse::kExpected;
  }
  const string_view newest = history.certificate_ip;
  const bool is_elsewhere = !newest.empty() && newest != event.source_ip &&
                            !MayBeDualStack(newest, event.source_ip);
  return is_elsewhere ? CertificateUse::kOldElsewhere : CertificateUse::kOld;
}

bool NodeIdentity::NoteGuess(const AuditEvent& event, State& state) const {
  const ObjectReference& object = event.object;
  if (event.stage_time - state.guesses_since > kGuessSpan ||
      event.stage_time < state.guesses_since) {
    state.guessed.Clear();
    state.namespaces.Clear();
    state.guesses_since = event.stage_time;
  }
  HashInput input;
  input.Add(object.resource).Add(object.ns).Add(object.name);
  state.guessed.Add(context_.hash.Hash(input.bytes()), kMaxGuessed);
  state.namespaces.Add(context_.hash.Hash(object.ns), kMaxGuessed);
  return state.guessed.size() >= kMinGuessed &&
         state.namespaces.size() >= kMinNamespaces;
}

bool NodeIdentity::NoteClues(const AuditEvent& event, const EntityIds& ids,
                             TupleHasher& hasher) {
  const EntityId actor = ids.actor;
  bool any = false;
  auto note = [&](Clue clue, std::string value) {
    StateFor(actor).clues.Note(clue, std::move(value), event.stage_time);
    any = true;
  };
  const bool is_tool = IsNoNodesClient(hasher.FamilyOf(event));
  if (is_tool) {
    note(kTool, event.user_agent.empty() ? "none" : Named(event.user_agent));
  }
  const Tuple tuple = hasher.Of(event).tuple;
  if (IsSecretList(event)) {
    note(kList, TupleText(tuple, event.verb));
  } else if (IsForeign(event, tuple) ||
             (is_tool && AsksForCredential(event, tuple))) {
    note(kForeign, TupleText(tuple, event.verb));
  }
  const bool is_refused = event.response_code == 403;
  if (is_refused && IsNodeAuthorizerRace(event, IdentityClass::kNode)) {
    State& state = StateFor(actor);
    if (NoteGuess(event, state)) {
      note(kGuess, Counted(state.guessed.size(), "object", "objects"));
    }
  } else if (is_refused &&
             ClassifyRefusal(event) == RefusalClass::kNodeRestriction) {
    note(kOtherNode, Bounded(ServerText(event), 100));
  }
  History& history = HistoryFor(event, actor);
  const KnownPlaces::Place place = hasher.PlaceOf(event);
  history.programs.See(place, event.stage_time);
  // A person's client is a clue of its own.
  if (any && !is_tool &&
      history.programs.IsNewProgram(place, event.stage_time, history.born,
                                    kSettled)) {
    note(kProgram, Named(event.user_agent));
  }
  if (event.credential_id.starts_with("X509SHA256=")) {
    const CertificateUse use =
        NoteCertificate(event, ids.keys.credential, history);
    if (use != CertificateUse::kExpected) {
      note(kOldCertificate, Named(event.credential_id));
    }
    if (use == CertificateUse::kOldElsewhere) {
      note(kTwoMachines, absl::StrCat(Named(history.certificate_ip), " and ",
                                      Named(event.source_ip)));
    }
  }
  return any;
}

void NodeIdentity::Observe(const AuditEvent& event, const EntityIds& ids,
                           Emit& out) {
  if (ids.keys.identity != IdentityClass::kNode || ids.actor == kNoEntity ||
      !IsComplete(event)) {
    return;
  }
  cases_.EndQuiet(ids.actor, event.stage_time, out);
  if (NoteClues(event, ids, HasherOf(context_.hash, out)))
    Judge(event, ids, out);
}

void NodeIdentity::Weigh(const State& state, absl::Time now, Finding& finding) {
  state.clues.AddReasons(now, finding);
  finding.severity =
      finding.score >= kCritical ? Severity::kCritical : Severity::kHigh;
  finding.confidence = std::min(0.99, 0.5 + finding.score / 20);
}

void NodeIdentity::Judge(const AuditEvent& event, const EntityIds& ids,
                         Emit& out) {
  const State& state = StateFor(ids.actor);
  Finding weighed;
  Weigh(state, event.stage_time, weighed);
  KeyedCases::Case* open = cases_.Find(ids.actor, kCaseKey);
  if (open == nullptr) {
    if (weighed.score < kThreshold) return;
    cases_.Open(ids.actor, kCaseKey, Write(event, ids, state), out);
    return;
  }
  KeyedCases::Count(event, *open);
  const bool is_severer = KeyedCases::Raise(std::move(weighed), *open);
  KeyedCases::ReportGrowth(*open, is_severer, out);
}

Finding NodeIdentity::Write(const AuditEvent& event, const EntityIds& ids,
                            const State& state) const {
  Finding finding =
      OpenFinding(context_, "node_identity", kRule, event, ids.keys.identity);
  Weigh(state, event.stage_time, finding);
  finding.threshold = kThreshold;
  finding.title = "A node's identity does what no kubelet does";
  finding.summary = absl::StrCat(
      Named(event.user.name), " from ", Named(event.source_ip), " (",
      event.user_agent.empty() ? "no User-Agent" : Named(event.user_agent),
      "): ", finding.why.back().feature, ": ", finding.why.back().value, ".");
  finding.normal =
      "A kubelet reads, by name, what its own pods mount, and writes its own "
      "node, pods and leases.";
  finding.next = StepsAgainstCredential(event, ids.keys.identity);
  finding.benign_checks = {
      "An administrator who works on the node with "
      "/etc/kubernetes/kubelet.conf."};
  finding.attack = {"T1078", "T1552.007"};
  finding.practice = {9};
  return finding;
}

void NodeIdentity::AdvanceTo(absl::Time watermark, Emit& out) {
  cases_.AdvanceTo(watermark, out);
}

void NodeIdentity::Forget(EntityKind kind, EntityId id) {
  if (kind != EntityKind::kActor) return;
  if (id < states_.size()) states_[id].reset();
  if (id < histories_.size()) histories_[id].reset();
  cases_.Forget(id);
}

bool NodeIdentity::CanRest(EntityKind kind, EntityId id) const {
  return kind != EntityKind::kActor || cases_.CountOf(id) == 0;
}

void NodeIdentity::Save(EntityKind kind, EntityId id, StateWriter& out) const {
  // Who has a clue or a case has a history.
  if (kind != EntityKind::kActor || id >= histories_.size()) return;
  const History* history = histories_[id].get();
  if (history == nullptr) return;
  out.PutVersion(kStateVersion);
  out.PutTime(history->born);
  history->programs.Save(out);
  out.PutFixed64(history->certificate);
  out.PutFixed64(history->older);
  out.PutTime(history->certificate_since);
  out.PutString(history->certificate_ip);
  const State* state = id < states_.size() ? states_[id].get() : nullptr;
  out.PutU64(state != nullptr ? 1 : 0);
  if (state == nullptr) return;
  state->clues.Save(out);
  out.PutTime(state->guesses_since);
  state->guessed.Save(out);
  state->namespaces.Save(out);
  cases_.Save(id, out);
}

absl::Status NodeIdentity::Load(EntityKind kind, EntityId id, StateReader& in) {
  if (kind != EntityKind::kActor || in.AtEnd()) return absl::OkStatus();
  const uint64_t version = in.GetVersion(kStateVersion);
  if (version < kOldestVersion || version > kStateVersion) in.Fail();
  auto history = std::make_unique<History>();
  history->born = in.GetTime();
  history->programs.Load(in);
  history->certificate = in.GetFixed64();
  history->older = in.GetFixed64();
  history->certificate_since = in.GetTime();
  if (version == kStateVersion) {
    history->certificate_ip = std::string(in.GetString());
  }
  std::unique_ptr<State> state;
  if (in.GetU64() != 0) {
    state = std::make_unique<State>();
    state->clues.Load(in,
                      version == kStateVersion ? size_t{kClues} : kOldClues);
    state->guesses_since = in.GetTime();
    state->guessed.Load(in);
    state->namespaces.Load(in);
  }
  ODDVERB_RETURN_IF_ERROR(in.status());
  Forget(kind, id);
  if (state != nullptr) {
    ODDVERB_RETURN_IF_ERROR(cases_.Load(id, in));
    StateFor(id) = std::move(*state);
  }
  if (id >= histories_.size()) histories_.resize(size_t{id} + 1);
  histories_[id] = std::move(history);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Detector>> MakeNodeIdentity(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_RETURN_IF_ERROR(options.CheckAllKeysUsed());
  return std::make_unique<NodeIdentity>(context);
}

}  // namespace oddverb
