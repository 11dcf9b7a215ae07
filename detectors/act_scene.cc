#include "detectors/act_scene.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_format.h"
#include "detectors/user_agent.h"

namespace oddverb {
namespace {

// Tools of people, and to write a script with. A header is the client's to
// choose: it only ever adds.
bool IsToolOfPeople(AgentFamily family) {
  return family == AgentFamily::kKubectl || family == AgentFamily::kCurl ||
         family == AgentFamily::kWget || family == AgentFamily::kPython ||
         family == AgentFamily::kBrowser || family == AgentFamily::kDashboard ||
         family == AgentFamily::kScanner || family == AgentFamily::kNone;
}

}  // namespace

std::optional<double> ActScene::NoveltyOfAct(ActorHabits::Kind kind,
                                             std::string_view what) const {
  std::optional<double> novelty = habits.FirstTime(kind, hash.Hash(what));
  if (!novelty.has_value() && IsNewlyOutside()) return 0;
  return novelty;
}

bool IsClusterController(std::string_view user) {
  constexpr std::string_view kPrefix = "system:serviceaccount:kube-system:";
  if (!user.starts_with(kPrefix)) return false;
  user.remove_prefix(kPrefix.size());
  return user.ends_with("-controller") || user == "generic-garbage-collector";
}

bool IsWrite(std::string_view verb) {
  return verb == "create" || verb == "update" || verb == "patch";
}

void AddCircumstances(const ActScene& scene, double novelty, double most,
                      ActorAct& act) {
  const AuditEvent& event = scene.event;
  if (novelty > 0) {
    act.why.push_back({"never done before by this identity",
                       absl::StrFormat("novelty %.1f", novelty),
                       std::min(novelty, most)});
  }
  if (scene.IsNewlyOutside()) {
    act.why.push_back({"from outside of private networks, as never before",
                       Named(event.source_ip), 2});
  }
  if (scene.identity == IdentityClass::kServiceAccount &&
      IsToolOfPeople(AgentFamilyOf(event.user_agent))) {
    act.why.push_back(
        {"a program's account with a person's tool",
         event.user_agent.empty() ? "no User-Agent" : Named(event.user_agent),
         2});
  }
}

std::optional<ActorAct> Weighed(ActorAct act, const ActSteps& steps) {
  double score = 0;
  for (const FindingReason& reason : act.why) score += reason.contribution;
  if (score < steps.low) return std::nullopt;
  act.detector = kSensitiveActs;
  act.threshold = steps.low;
  act.severity = score >= steps.high     ? Severity::kHigh
                 : score >= steps.medium ? Severity::kMedium
                                         : Severity::kLow;
  return act;
}

}  // namespace oddverb
