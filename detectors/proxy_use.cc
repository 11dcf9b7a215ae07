#include "detectors/proxy_use.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "base/uri.h"
#include "detectors/next_steps.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr ActSteps kSteps = {.low = 3, .medium = 5, .high = 7};

// What monitoring reads (kubernetes: pkg/kubelet/server; the usual paths of
// services).
constexpr auto kMonitoring = std::to_array<string_view>(
    {"health", "healthz", "livez", "metrics", "ready", "readyz", "stats"});
// The kubelet runs commands under these: node.kubelet_command.
constexpr auto kCommands = std::to_array<string_view>(
    {"attach", "checkpoint", "cri", "exec", "portForward", "run"});

template <size_t N>
bool OneOf(const std::array<string_view, N>& list, string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

string_view FirstWord(string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  return path.substr(0, path.find('/'));
}

// "metrics/../pods" is no metrics.
bool IsPlain(string_view path) {
  return path.find("..") == path.npos && path.find('%') == path.npos;
}

void Write(const AuditEvent& event, const std::string& target, ActorAct& act) {
  const bool is_node = event.object.resource == "nodes";
  act.title = is_node ? "Looks into a node through the API server's proxy"
                      : "Reaches a service through the API server's proxy";
  act.summary =
      absl::StrCat(Named(event.user.name), " from ", Named(event.source_ip),
                   " asked ", target, " for /", A(Named(ProxiedPath(event))),
                   ", answered ", event.response_code, ".");
  act.normal =
      "Monitoring reads metrics, statistics and health by the proxy; people "
      "use port-forward, and kubectl logs.";
  act.next = {
      absl::StrCat("kubectl auth can-i get ",
                   NameWord(event.object.resource, "KIND"), "/proxy --as ",
                   ShellWord(event.user.name)),
      absl::StrCat("Ask the owner of ", ShellWord(event.user.name),
                   " what it was for."),
      is_node ? "Take nodes/proxy out of roles: it is the right to every pod "
                "of the node."
              : "NetworkPolicies do not hold here: the API server is the "
                "client."};
  act.benign_checks = {"Not for metrics, statistics or health.",
                       "A dashboard that is opened by `kubectl proxy`."};
  act.attack = {"T1090", "T1613"};
}

}  // namespace

string_view ProxiedPath(const AuditEvent& event) {
  // A namespace may be named "proxy", too.
  const string_view path = SplitUri(event.request_uri).path;
  const std::string before = absl::StrCat("/", A(event.object.resource), "/",
                                          A(event.object.name), "/proxy");
  const size_t at = path.find(before);
  if (at == path.npos) return path;
  string_view rest = path.substr(at + before.size());
  while (rest.starts_with('/')) rest.remove_prefix(1);
  return rest;
}

std::optional<ActorAct> JudgeProxy(const ActScene& scene) {
  const AuditEvent& event = scene.event;
  // What is refused is counted by forbidden_burst.
  const int code = event.response_code;
  if (code == 0 || code == 401 || code == 403) return std::nullopt;
  const string_view path = ProxiedPath(event);
  const string_view word = FirstWord(path);
  const bool is_node = event.object.resource == "nodes";
  if (OneOf(kMonitoring, word) && IsPlain(path)) return std::nullopt;
  if (is_node && OneOf(kCommands, word)) return std::nullopt;
  const std::string target =
      is_node ? absl::StrCat("node ", A(Named(event.object.name)))
              : absl::StrCat(A(Named(event.object.resource)), " ",
                             A(Named(event.object.ns)), "/",
                             A(Named(event.object.name)));
  ActorAct act;
  act.rule = kProxyRule;
  // Nodes are all alike.
  act.novelty = absl::StrCat(is_node ? "node" : target, " ",
                             A(is_node ? Named(word) : ""),
                             scene.IsNewlyOutside() ? " outside" : "");
  std::optional<double> novelty =
      scene.NoveltyOfAct(ActorHabits::Kind::kProxy, act.novelty);
  if (!novelty.has_value()) return std::nullopt;
  act.why.push_back({is_node ? "asks a kubelet for more than metrics"
                             : "goes through the API server's proxy",
                     Bounded(event.request_uri, 160), is_node ? 2.0 : 1.0});
  if (is_node && scene.identity == IdentityClass::kServiceAccount) {
    act.why.push_back({"by a program, which is there for metrics",
                       Named(event.user.name), 1});
  }
  AddCircumstances(scene, *novelty, 3, act);
  Write(event, target, act);
  return Weighed(std::move(act), kSteps);
}

}  // namespace oddverb
