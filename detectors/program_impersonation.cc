#include "detectors/program_impersonation.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/impersonation.h"
#include "detectors/next_steps.h"

namespace oddverb {
namespace {

constexpr ActSteps kSteps = {.low = 4, .medium = 6, .high = 8};

void Write(const AuditEvent& event, ActorAct& act) {
  const std::string target = Named(event.impersonated.name);
  act.title = "A program acts as somebody else, for the first time";
  act.summary = absl::StrCat(Named(event.user.name), " from ",
                             Named(event.source_ip), " acts as ", target,
                             ", answered ", event.response_code, ".");
  act.normal =
      "Consoles and GitOps controllers act for others from their first day on; "
      "all other programs act for themselves.";
  act.next = {
      absl::StrCat("kubectl get clusterroles -o yaml | grep -B5 impersonate   "
                   "# where the right comes from; take it from ",
                   ShellWord(event.user.name)),
      absl::StrCat(
          "kubectl auth can-i --list --as=", ShellWord(event.impersonated.name),
          "   # what could be done so"),
      "Find out where the program's token is used from."};
  act.benign_checks = {
      "No mere question about rights (kubectl auth can-i --as).",
      "A controller that was just told to act for its tenants."};
  act.attack = {"T1078", "T1550"};
}

}  // namespace

std::optional<ActorAct> JudgeProgramImpersonation(const ActScene& scene) {
  const AuditEvent& event = scene.event;
  if (scene.identity != IdentityClass::kServiceAccount ||
      IsQuestionOfRights(event)) {
    return std::nullopt;
  }
  // What is refused is counted by forbidden_burst.
  if (event.response_code == 401 || event.response_code == 403) {
    return std::nullopt;
  }
  const bool is_used_to =
      scene.habits.IsUsedTo(ActorHabits::Kind::kImpersonation);
  ActorAct act;
  act.rule = kProgramImpersonationRule;
  act.novelty = absl::StrCat(A(event.impersonated.name),
                             scene.IsNewlyOutside() ? " outside" : "");
  std::optional<double> novelty =
      scene.NoveltyOfAct(ActorHabits::Kind::kImpersonation, act.novelty);
  if (!novelty.has_value()) return std::nullopt;
  act.why.push_back(
      {"a program acts as somebody", Named(event.impersonated.name), 3});
  if (is_used_to) {
    act.why.push_back(
        {"it acts for others all along", Named(event.user.name), -2});
  }
  AddCircumstances(scene, *novelty, 4, act);
  Write(event, act);
  return Weighed(std::move(act), kSteps);
}

}  // namespace oddverb
