#include "detectors/kubelet_proxy.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/next_steps.h"
#include "model/identity.h"

namespace oddverb {
namespace {

using std::string_view;

// kubernetes: pkg/kubelet/server, the debugging handlers.
constexpr std::array<string_view, 6> kCommands = {
    "run", "exec", "attach", "portForward", "cri", "checkpoint"};

// The first word of what is asked of the kubelet.
string_view KubeletPath(string_view uri) {
  constexpr string_view kProxy = "/proxy/";
  size_t at = uri.find(kProxy);
  if (at == uri.npos) return {};
  string_view path = uri.substr(at + kProxy.size());
  while (path.starts_with('/')) path.remove_prefix(1);
  return path.substr(0, path.find_first_of("/?"));
}

}  // namespace

std::optional<ActorAct> JudgeKubeletProxy(const AuditEvent& event) {
  string_view command = KubeletPath(event.request_uri);
  if (std::find(kCommands.begin(), kCommands.end(), command) ==
      kCommands.end()) {
    return std::nullopt;
  }
  bool refused = event.response_code == 403 || event.response_code == 401;
  ActorAct act;
  act.rule = kKubeletCommandRule;
  act.severity = refused ? Severity::kMedium : Severity::kHigh;
  act.threshold = 3;
  act.novelty = absl::StrCat(A(event.object.name), " ", A(command));
  act.why = {{"a command through the kubelet's own API",
              Bounded(event.request_uri, 160), refused ? 3.0 : 5.0}};
  act.title = "Runs code through the kubelet's API";
  act.summary =
      absl::StrCat(Named(event.user.name), " from ", Named(event.source_ip),
                   " asked the kubelet of ", Named(event.object.name), " to ",
                   A(command), ", answered ", event.response_code, ".");
  act.normal =
      "Monitoring reads metrics and statistics by nodes/proxy; commands go by "
      "pods/exec, which admission sees.";
  act.next = {
      absl::StrCat("kubectl auth can-i get nodes/proxy --as ",
                   ShellWord(event.user.name),
                   "   # the right to nodes/proxy is the right to every pod"),
      "kubectl get clusterroles -o wide   # take nodes/proxy out of roles; "
      "nodes/metrics and nodes/stats are enough to read metrics"};
  act.benign_checks = {"None known."};
  act.attack = {"T1609", "T1613"};
  return act;
}

}  // namespace oddverb
