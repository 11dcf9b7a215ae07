#include "detectors/impersonation.h"

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/next_steps.h"

namespace oddverb {
namespace {

constexpr std::string_view kMasters = "system:masters";

// What makes the target powerful; empty if nothing that is known everywhere.
std::string_view PowerOf(const UserIdentity& target) {
  if (IsInGroup(target, kMasters)) return "a member of system:masters";
  if (target.name.starts_with("system:serviceaccount:kube-system:")) {
    return "a service account of kube-system";
  }
  if (target.name.starts_with("system:node:")) return "a node";
  if (target.name.starts_with("system:kube-") ||
      target.name == "system:apiserver") {
    return "a part of the control plane";
  }
  return {};
}

void Write(const AuditEvent& event, std::string_view power, ActorAct& act) {
  std::string target = Named(event.impersonated.name);
  act.title = absl::StrCat("Impersonates ", A(power));
  act.summary = absl::StrCat(Named(event.user.name), " acts as ", target, ", ",
                             A(power), ", for the first time.");
  act.normal =
      "Administrators impersonate people to see what those may do; the "
      "cluster's own identities act for themselves.";
  act.next = {
      absl::StrCat(
          "kubectl auth can-i --list --as=", ShellWord(event.impersonated.name),
          "   # what could be done so"),
      absl::StrCat("kubectl get clusterrolebindings -o wide | grep -F -- ",
                   ShellWord(event.user.name),
                   "   # where the right to impersonate comes from"),
      absl::StrCat("Ask the owner of ", ShellWord(event.user.name),
                   " whether it was their work.")};
  act.benign_checks = {
      "No mere question about rights (kubectl auth can-i --as).",
      "Not a proxy that has stood in for many users for a day."};
  act.attack = {"T1078", "T1550"};
}

}  // namespace

bool IsQuestionOfRights(const AuditEvent& event) {
  return !event.object.present ||
         event.object.api_group == "authorization.k8s.io" ||
         event.object.api_group == "authentication.k8s.io";
}

std::optional<ActorAct> JudgeImpersonation(const AuditEvent& event,
                                           bool is_proxy) {
  std::string_view power = PowerOf(event.impersonated);
  if (power.empty() || IsQuestionOfRights(event)) return std::nullopt;
  ActorAct act;
  act.rule = kImpersonationRule;
  act.threshold = 4;
  bool succeeded = Succeeded(event);
  act.novelty =
      absl::StrCat(A(event.impersonated.name), succeeded ? " acts" : " tries");
  bool is_masters = IsInGroup(event.impersonated, kMasters);
  act.why.push_back({std::string(power), Named(event.impersonated.name),
                     is_masters ? 5.0 : 4.0});
  act.severity = is_masters ? Severity::kHigh : Severity::kMedium;
  if (succeeded) {
    act.why.push_back({"the request was carried out",
                       absl::StrCat("code ", event.response_code), 1.5});
    act.severity = Severity::kHigh;
  }
  if (is_proxy) {
    act.why.push_back(
        {"a proxy that stands in for many users", Named(event.user.name), -4});
    act.severity = Severity::kLow;
  } else if (IsInGroup(event.user, kMasters)) {
    act.why.push_back({"gains nothing: is in system:masters itself",
                       Named(event.user.name), -3});
    act.severity = Severity::kLow;
  }
  Write(event, power, act);
  return act;
}

}  // namespace oddverb
