#include "detectors/next_steps.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "model/finding.h"

namespace oddverb {
namespace {

bool IsHarmless(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         std::string_view("._-:@/=,+").find(c) != std::string_view::npos;
}

// "system:serviceaccount:NS:NAME" -> NS; empty for any other name.
std::string_view ServiceAccountNamespace(std::string_view user) {
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  if (!user.starts_with(kPrefix)) return {};
  user.remove_prefix(kPrefix.size());
  return user.substr(0, user.find(':'));
}

std::vector<std::string> StepsAgainstServiceAccount(const AuditEvent& event) {
  std::string ns =
      ShellWord(ServiceAccountNamespace(event.user.name));
  if (event.pod_name.empty()) {
    return {absl::StrCat("kubectl -n ", ns,
                         " get secrets,serviceaccounts   # an unbound token: "
                         "delete its Secret or the account")};
  }
  return {absl::StrCat("kubectl -n ", ns, " delete pod ",
                       ShellWord(event.pod_name),
                       "   # ends every token bound to it")};
}

}  // namespace

std::string ShellWord(std::string_view text) {
  std::string bounded = Bounded(text, Finding::kMaxTextBytes);
  if (!bounded.empty() &&
      std::all_of(bounded.begin(), bounded.end(), IsHarmless)) {
    return bounded;
  }
  std::string quoted = "'";
  for (char c : bounded) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) continue;
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::vector<std::string> StepsAgainstCredential(const AuditEvent& event,
                                                IdentityClass identity) {
  std::vector<std::string> steps;
  std::string user = ShellWord(event.user.name);
  if (identity != IdentityClass::kAnonymous &&
      identity != IdentityClass::kUnauthenticated) {
    steps.push_back(absl::StrCat("kubectl auth can-i --list --as=", user,
                                 "   # what the thief could do"));
  }
  switch (identity) {
    case IdentityClass::kServiceAccount:
      for (std::string& step : StepsAgainstServiceAccount(event)) {
        steps.push_back(std::move(step));
      }
      break;
    case IdentityClass::kNode:
      steps.push_back(absl::StrCat(
          "kubectl drain ", ShellWord(event.user.name.substr(
                                std::min<size_t>(event.user.name.size(),
                                                 12))),
          "   # then replace the node: its certificate cannot be revoked"));
      break;
    case IdentityClass::kAnonymous:
    case IdentityClass::kUnauthenticated:
      steps.push_back(absl::StrCat("Block ", ShellWord(event.source_ip),
                                   " in front of the API server."));
      break;
    case IdentityClass::kHuman:
    case IdentityClass::kControlPlane:
    case IdentityClass::kBootstrap:
      steps.push_back(absl::StrCat(
          "kubectl get clusterrolebindings,rolebindings -A -o wide | grep -F "
          "-- ",
          user,
          "   # take its bindings away: client certificates cannot be "
          "revoked"));
      break;
  }
  return steps;
}

}  // namespace oddverb
