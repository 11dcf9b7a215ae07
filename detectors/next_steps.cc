#include "detectors/next_steps.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "model/finding.h"

namespace oddverb {
namespace {

constexpr size_t kMaxGroups = 5;

bool IsHarmless(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         std::string_view("._-:@/=,+").find(c) != std::string_view::npos;
}

std::string WithoutControls(std::string_view text) {
  std::string kept;
  for (char c : text) {
    if (!absl::ascii_iscntrl(static_cast<unsigned char>(c))) kept += c;
  }
  return kept;
}

std::string Quoted(std::string_view printable) {
  // zsh reads a word that begins with "=" as the path of a program.
  if (!printable.empty() && printable[0] != '=' &&
      std::all_of(printable.begin(), printable.end(), IsHarmless)) {
    return std::string(printable);
  }
  std::string quoted = "'";
  for (char c : printable) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string Printable(std::string_view text) {
  return WithoutControls(Bounded(text, Finding::kMaxTextBytes));
}

std::string_view WithoutPrefix(std::string_view text, std::string_view prefix) {
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return text;
}

// Rights come by groups too, which kubectl does not look up for a name. It adds
// those of a service account and system:authenticated by itself.
std::string MayDo(const AuditEvent& event, IdentityClass identity) {
  std::string step = absl::StrCat("kubectl auth can-i --list --as=",
                                  ShellWord(event.user.name));
  if (identity != IdentityClass::kServiceAccount) {
    size_t named = 0;
    for (std::string_view group : event.user.groups) {
      if (group.empty() || group == "system:authenticated") continue;
      if (++named > kMaxGroups) break;
      absl::StrAppend(&step, " --as-group=", ShellWord(group));
    }
  }
  return step + "   # what the thief could do";
}

void StepsAgainstServiceAccount(const AuditEvent& event,
                                std::vector<std::string>& steps) {
  std::string_view account =
      WithoutPrefix(event.user.name, "system:serviceaccount:");
  std::string ns = NameWord(account.substr(0, account.find(':')), "NAMESPACE");
  if (event.pod_name.empty()) {
    steps.push_back(absl::StrCat("kubectl -n ", ns,
                                 " get secrets,serviceaccounts   # an unbound "
                                 "token: delete its Secret or the account"));
    return;
  }
  // The reason is a step of its own: zsh takes "# ..." for more pods to delete.
  steps.push_back(absl::StrCat("kubectl -n ", ns, " delete pod ",
                               NameWord(event.pod_name, "POD")));
  steps.emplace_back(
      "Deleting the pod ends every token bound to it; its controller starts "
      "another one.");
}

void StepsAgainstUser(const AuditEvent& event,
                      std::vector<std::string>& steps) {
  steps.push_back(absl::StrCat(
      "kubectl get clusterrolebindings,rolebindings -A -o wide | grep -F -- ",
      ShellWord(event.user.name), "   # take its bindings away: ",
      event.credential_id.starts_with("X509SHA256=")
          ? "a client certificate cannot be revoked"
          : "that works for every kind of credential"));
}

}  // namespace

std::string ShellWord(std::string_view text) { return Quoted(Printable(text)); }

std::string NameWord(std::string_view name, std::string_view placeholder) {
  std::string printable = Printable(name);
  if (printable.empty() || printable[0] == '-') return std::string(placeholder);
  return Quoted(printable);
}

std::vector<std::string> StepsAgainstCredential(const AuditEvent& event,
                                                IdentityClass identity) {
  std::vector<std::string> steps;
  if (identity == IdentityClass::kAnonymous ||
      identity == IdentityClass::kUnauthenticated) {
    steps.push_back(absl::StrCat("Block ", ShellWord(event.source_ip),
                                 " in front of the API server."));
    return steps;
  }
  steps.push_back(MayDo(event, identity));
  switch (identity) {
    case IdentityClass::kServiceAccount:
      StepsAgainstServiceAccount(event, steps);
      break;
    case IdentityClass::kNode:
      steps.push_back(absl::StrCat(
          "kubectl drain ",
          NameWord(WithoutPrefix(event.user.name, "system:node:"), "NODE"),
          "   # then replace the node: its certificate cannot be revoked"));
      break;
    case IdentityClass::kBootstrap:
      steps.push_back(absl::StrCat(
          "kubectl -n kube-system delete secret ",
          NameWord(absl::StrCat(
                       "bootstrap-token-",
                       A(WithoutPrefix(event.user.name, "system:bootstrap:"))),
                   "SECRET")));
      break;
    case IdentityClass::kHuman:
    case IdentityClass::kControlPlane:
    case IdentityClass::kAnonymous:
    case IdentityClass::kUnauthenticated:
      StepsAgainstUser(event, steps);
      break;
  }
  return steps;
}

}  // namespace oddverb
