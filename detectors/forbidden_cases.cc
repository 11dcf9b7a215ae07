#include "detectors/forbidden_cases.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "base/uri.h"
#include "detectors/forbidden_weight.h"
#include "detectors/next_steps.h"
#include "detectors/user_agent.h"
#include "model/event_key.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr size_t kMaxValueBytes = 160;
// Of a failed authentication as programs repeat them (IsRetryOfProgram): forty
// to sixty in two minutes once a token has expired. A spray of tokens in this
// shape needs five times as many.
constexpr double kRetryOfProgram = 0.2;
// Of a name under a kind of request that was refused already.
constexpr double kFurtherName = 1;
// Forty guesses within some minutes are medium.
constexpr double kNotFound = 0.35;
// Of one access review. Consoles and GitOps controllers ask a hundred at their
// start; an access matrix takes hundreds.
constexpr double kAccessReview = 0.06;

bool IsWrite(const Tuple& tuple) {
  return tuple.verb_class == VerbClass::kWrite ||
         tuple.verb_class == VerbClass::kDelete ||
         tuple.verb_class == VerbClass::kExecute ||
         tuple.verb_class == VerbClass::kEscalate;
}

bool IsRbac(const Tuple& tuple) {
  return tuple.group == "rbac.authorization.k8s.io";
}

// What people and thieves type; programs in the cluster have names of their
// own. A claim of the client, so it only ever adds weight.
bool IsTypedByHand(AgentFamily family) {
  return family == AgentFamily::kNone || family == AgentFamily::kKubectl ||
         family == AgentFamily::kCurl || family == AgentFamily::kWget ||
         family == AgentFamily::kPython || family == AgentFamily::kScanner ||
         family == AgentFamily::kBrowser;
}

// The API server answers "users \"x\" is forbidden: ... cannot impersonate".
// Anyone may put these words into a name; that only makes it worse for him.
bool NamesPower(string_view message) {
  return message.find("system:masters") != string_view::npos ||
         message.find("system:kube-") != string_view::npos ||
         message.find("\"kubernetes-admin\"") != string_view::npos ||
         message.find("\"system:admin\"") != string_view::npos ||
         message.find(":kube-system:") != string_view::npos;
}

std::string ValueOf(const CaseRequest& request) {
  if (request.tuple.path_class == PathClass::kNone) {
    return TupleText(request.tuple, request.event.verb);
  }
  return Bounded(
      absl::StrCat(A(Bounded(request.event.verb, 16)), " ",
                   A(Bounded(SplitUri(request.event.request_uri).path, 120))),
      kMaxValueBytes);
}

}  // namespace

bool IsPublic(const AuditEvent& event, const Tuple& tuple) {
  switch (tuple.path_class) {
    case PathClass::kHealth:
    case PathClass::kDiscovery:
      return true;
    case PathClass::kKnown: {
      string_view path = SplitUri(event.request_uri).path;
      return path == "/.well-known/openid-configuration" ||
             path == "/openid/v1/jwks" || path == "/openid/v1/jwks/";
    }
    case PathClass::kOther:
      return false;
    case PathClass::kNone:
      break;
  }
  // What kubeadm join reads before it has a credential.
  return tuple.verb_class == VerbClass::kGet && tuple.group.empty() &&
         tuple.resource == "configmaps" && tuple.scope == "kube-public" &&
         event.object.name == "cluster-info";
}

void ForbiddenCases::OnAnonymousRefused(const CaseRequest& request, Emit& out) {
  const Tuple& tuple = request.tuple;
  if (tuple.path_class == PathClass::kHealth) return;
  uint64_t thing = request.hash;
  if (tuple.path_class != PathClass::kNone) {
    thing = context_.hash.Combine(
        thing, context_.hash.Hash(SplitUri(request.event.request_uri).path));
  }
  bool grave = Sensitivity(tuple) > 1 || IsWrite(tuple);
  See(CaseRule::kAnonymousEnumeration, request, thing, grave ? 1.5 : 1,
      "refused", out);
}

void ForbiddenCases::OnAnonymousAllowed(const CaseRequest& request, Emit& out) {
  bool grave = Sensitivity(request.tuple) > 1 || IsWrite(request.tuple);
  See(CaseRule::kAnonymousSuccess, request, request.hash, grave ? 11 : 8,
      grave ? "allowed: credentials, code or a change" : "allowed", out);
}

void ForbiddenCases::OnSelfReview(const CaseRequest& request, Emit& out) {
  bool rules = request.tuple.resource.ends_with("rulesreviews");
  bool tool = IsTypedByHand(AgentFamilyOf(request.event.user_agent));
  double weight = kAccessReview;
  if (IsProgram(request.ids.keys.identity) && tool) {
    weight = rules ? 5 : 1;
  } else if (rules) {
    weight = 0.5;
  }
  See(CaseRule::kPermissionProbing, request, 0, weight * request.novelty,
      rules ? "asked for all its rights" : "asked for a right", out);
}

void ForbiddenCases::OnRefused(const CaseRequest& request, RefusalClass refusal,
                               Emit& out) {
  const AuditEvent& event = request.event;
  uint64_t named = context_.hash.Combine(request.hash,
                                         context_.hash.Hash(event.object.name));
  if (refusal == RefusalClass::kEscalation) {
    ForbiddenCase& of = CaseOf(CaseRule::kEscalationDenied, request.ids.actor);
    bool known = of.known.Contains(request.hash);
    See(CaseRule::kEscalationDenied, request, named, known ? kFurtherName : 4,
        "would grant rights that it does not hold", out);
    CaseOf(CaseRule::kEscalationDenied, request.ids.actor)
        .known.Add(request.hash, 128);
    return;
  }
  if (refusal == RefusalClass::kImpersonation) {
    // The message names whom.
    uint64_t whom =
        context_.hash.Combine(1, context_.hash.Hash(event.response_message));
    See(CaseRule::kEscalationDenied, request, whom,
        NamesPower(event.response_message) ? 8 : 4, "may not act as another",
        out);
    return;
  }
  if (refusal != RefusalClass::kAuthorization) return;
  if (IsRbac(request.tuple) && IsWrite(request.tuple)) {
    uint64_t kind = context_.hash.Combine(2, request.hash);
    See(CaseRule::kEscalationDenied, request, kind, 2,
        "may not change roles or bindings", out);
  }
  // A right to some secrets by name is no excuse for guessing others.
  bool excused = request.lost && Sensitivity(request.tuple) < 1.5;
  if (!excused && !IsNodeAuthorizerRace(event, request.ids.keys.identity)) {
    OnNamed(request, 0.5, "refused", out);
  }
}

bool ForbiddenCases::MayBeGuessed(const CaseRequest& request) {
  // Programs of the control plane clean up after what is gone.
  IdentityClass identity = request.ids.keys.identity;
  return IsSecret(request.tuple) && identity != IdentityClass::kControlPlane &&
         identity != IdentityClass::kNode;
}

void ForbiddenCases::OnNotFound(const CaseRequest& request, Emit& out) {
  OnNamed(request, kNotFound, "not found", out);
}

// kubectl apply looks for each object and makes it: no guess. To buy silence
// with it, a thief must make a secret for each name.
void ForbiddenCases::OnCreated(const CaseRequest& request) {
  EntityId id = request.ids.actor;
  if (!IsSecret(request.tuple)) return;
  if (id >= actors_.size() || actors_[id] == nullptr) return;
  for (ForbiddenCase& found : actors_[id]->cases) {
    if (found.rule != CaseRule::kObjectGuessing) continue;
    found.score.Add(request.time, InfoOf(found.rule).half_life, -kNotFound);
  }
}

void ForbiddenCases::OnNamed(const CaseRequest& request, double weight,
                             string_view feature, Emit& out) {
  if (request.tuple.verb_class != VerbClass::kGet ||
      request.event.object.name.empty()) {
    return;
  }
  uint64_t name = context_.hash.Combine(
      request.hash, context_.hash.Hash(request.event.object.name));
  See(CaseRule::kObjectGuessing, request, name, weight * request.novelty,
      feature, out);
}

// An operator can grant a right to somebody only.
void ForbiddenCases::OnRepeat(const CaseRequest& request, Emit& out) {
  if (request.ids.keys.identity == IdentityClass::kAnonymous) return;
  See(CaseRule::kStorm, request, 0, 1, "refused again", out);
}

void ForbiddenCases::OnLost(const CaseRequest& request, Emit& out) {
  if (request.ids.keys.identity == IdentityClass::kAnonymous) return;
  See(CaseRule::kRegression, request, request.hash, 1, "worked before", out);
}

void ForbiddenCases::OnFailedAuthentication(const CaseRequest& request,
                                            Emit& out) {
  ForbiddenCase& found = CaseOf(CaseRule::kAuthnFailures, request.ids.actor);
  Actor& actor = *actors_[request.ids.actor];
  if (actor.failures == nullptr) actor.failures = NewFailures();
  bool by_itself = IsRetryOfProgram(request.event, request.tuple);
  actor.failures->Add(request.time, by_itself ? kRetryOfProgram : 1);
  absl::Time last = found.last_seen;
  bool was_open = found.open;
  // The score is that of the rate; the case keeps the evidence, and no value.
  found.Add({request.event, request.time, request.ids.keys.identity, 0, 1,
             "failed", std::string()});
  WriteSurge(request, *actor.failures, found);
  Judge(request, found, out);
  if (!found.open || request.event.source_ip.empty()) return;
  // Once a minute is enough for the correlator.
  absl::Duration minute = absl::Minutes(1);
  if (was_open && absl::Floor(last - absl::UnixEpoch(), minute) ==
                      absl::Floor(request.time - absl::UnixEpoch(), minute)) {
    return;
  }
  Observation told;
  told.kind = ObservationKind::kAuthenticationFails;
  told.time = request.time;
  told.source_ip = Bounded(request.event.source_ip, 64);
  told.draft = found.WholeDraft();
  out.Observe(std::move(told));
}

void ForbiddenCases::WriteSurge(const CaseRequest& request,
                                const FailureRate& rate,
                                ForbiddenCase& found) const {
  double surprise = std::round(rate.Surprise() * 100) / 100;
  AgentFamily family = AgentFamilyOf(request.event.user_agent);
  double tool = 0;
  if (family == AgentFamily::kScanner) {
    tool = 3;
  } else if (IsTypedByHand(family) && family != AgentFamily::kKubectl) {
    tool = 2;
  }
  double n = rate.in_window();
  double volume =
      n < 10 ? 0 : std::round(2 * std::log2(std::min(n, 1e6) / 10) * 100) / 100;
  double sum = surprise + tool + volume;
  // Ten failures in the window, or it is no surge whatever else is true.
  if (n < 10 || surprise < 8) sum = 0;
  if (!found.open) found.peak = 0;
  if (sum <= found.peak) return;
  found.peak = sum;
  std::vector<FindingReason>& why = found.draft->why;
  why = {{"failed authentications",
          absl::StrCat(rate.in_window(),
                       " within two minutes, far above its mean"),
          surprise}};
  if (volume > 0) {
    why.push_back({"volume", "2 for each doubling beyond ten", volume});
  }
  if (tool > 0) {
    why.push_back(
        {"client program", std::string(AgentFamilyName(family)), tool});
  }
}

void ForbiddenCases::See(CaseRule rule, const CaseRequest& request,
                         uint64_t thing, double weight, string_view feature,
                         Emit& out) {
  ForbiddenCase& found = CaseOf(rule, request.ids.actor);
  bool known = thing != 0 && found.known.Contains(thing);
  found.Add({request.event, request.time, request.ids.keys.identity, thing,
             weight, feature, known ? std::string() : ValueOf(request)});
  Judge(request, found, out);
}

double ForbiddenCases::Step(CaseRule rule, Severity severity) const {
  const CaseRuleInfo& info = InfoOf(rule);
  double step = info.ladder[static_cast<size_t>(severity)];
  return info.follows_profile ? step * scale_ : step;
}

Severity ForbiddenCases::SeverityOf(const ForbiddenCase& found) const {
  Severity severity = Severity::kInfo;
  for (Severity s : {Severity::kLow, Severity::kMedium, Severity::kHigh,
                     Severity::kCritical}) {
    if (found.peak >= Step(found.rule, s)) severity = s;
  }
  return severity;
}

void ForbiddenCases::Judge(const CaseRequest& request, ForbiddenCase& found,
                           Emit& out) {
  FindingState state = FindingState::kUpdate;
  if (!found.open) {
    double lowest = INFINITY;
    for (size_t s = 0; s < 5; ++s) {
      lowest = std::min(lowest, Step(found.rule, static_cast<Severity>(s)));
    }
    if (found.peak < lowest) return found.PackIfSmall();
    found.draft->threshold = lowest;
    found.draft->severity = SeverityOf(found);
    if (open_count_ >= kMaxOpen) EndLongestQuiet(out);
    Open(request, found);
    ++open_count_;
    state = FindingState::kOpen;
  } else {
    Finding& draft = *found.draft;
    Severity severity = std::max(draft.severity, SeverityOf(found));
    bool report =
        severity > draft.severity || found.peak >= 2 * found.reported_score;
    draft.severity = severity;
    if (!report) return;
  }
  found.open = true;
  found.reported_score = found.peak;
  deadlines_.insert({found.deadline(), request.ids.actor, found.rule});
  out.Report(found.Write(state, std::max(out.stream_time, request.time)));
}

void ForbiddenCases::Open(const CaseRequest& request,
                          ForbiddenCase& found) const {
  const AuditEvent& event = request.event;
  IdentityClass identity = request.ids.keys.identity;
  Finding& draft = *found.draft;
  draft.cluster = context_.cluster;
  draft.rule = InfoOf(found.rule).rule;
  draft.detector = "forbidden_burst";
  std::string entity = ActorName(event, identity);
  draft.id = FindingId(context_.id_hash, context_.cluster, draft.rule, entity,
                       EventKey(context_.id_hash, context_.cluster, event));
  draft.entity = Bounded(entity, Finding::kMaxTextBytes);
  draft.entity_kind = IdentityClassName(identity);
  draft.SetSubject(event);
  draft.next = StepsAgainstCredential(event, identity);
  if (identity == IdentityClass::kAnonymous) {
    draft.next.emplace_back(
        "kubectl get clusterrolebindings,rolebindings -A -o wide | grep -E "
        "'system:(anonymous|unauthenticated)'   # what everybody may do");
  }
}

ForbiddenCase& ForbiddenCases::CaseOf(CaseRule rule, EntityId id) {
  if (id >= actors_.size()) actors_.resize(id + size_t{1});
  if (actors_[id] == nullptr) actors_[id] = std::make_unique<Actor>();
  std::vector<ForbiddenCase>& cases = actors_[id]->cases;
  auto found =
      std::find_if(cases.begin(), cases.end(),
                   [&](const ForbiddenCase& c) { return c.rule == rule; });
  if (found != cases.end()) return *found;
  cases.emplace_back().rule = rule;
  return cases.back();
}

void ForbiddenCases::AdvanceTo(absl::Time watermark, Emit& out) {
  while (!deadlines_.empty() &&
         std::get<absl::Time>(*deadlines_.begin()) <= watermark) {
    auto [time, id, rule] = *deadlines_.begin();
    deadlines_.erase(deadlines_.begin());
    ForbiddenCase& found = CaseOf(rule, id);
    if (!found.open) continue;
    // The set holds when it was reported; it may have gone on since. Taken up
    // in the order of the true deadlines, those that a restart finds too.
    if (found.deadline() > time) {
      deadlines_.insert({found.deadline(), id, rule});
      continue;
    }
    Finish(found);
    out.MarkChanged(EntityKind::kActor, id);
  }
  for (Finding& finding : ended_) {
    finding.time = std::max(finding.time, out.stream_time);
    out.Report(std::move(finding));
  }
  ended_.clear();
}

}  // namespace oddverb
