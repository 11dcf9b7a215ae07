#include "detectors/bootstrap_token.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/next_steps.h"
#include "detectors/tuple.h"
#include "model/identity.h"

namespace oddverb {
namespace {

using std::string_view;

bool IsRead(string_view verb) {
  return verb == "get" || verb == "list" || verb == "watch";
}

// What `kubeadm join` reads (kubernetes: cmd/kubeadm, the roles
// kubeadm:nodes-kubeadm-config, kubeadm:kubelet-config, kubeadm:get-nodes), and
// what the kubelet asks for with the token (kubelet TLS bootstrapping).
bool IsJoining(const AuditEvent& event, const Tuple& tuple) {
  constexpr std::array<string_view, 4> kConfigMaps = {
      "cluster-info", "kubeadm-config", "kubelet-config", "kube-proxy"};
  const ObjectReference& object = event.object;
  if (tuple.path_class != PathClass::kNone) {
    return tuple.path_class == PathClass::kHealth ||
           tuple.path_class == PathClass::kDiscovery;
  }
  if (object.resource == "certificatesigningrequests") {
    return object.subresource.empty() &&
           (event.verb == "create" || IsRead(event.verb));
  }
  if (object.resource.starts_with("selfsubject")) return true;
  if (object.resource == "nodes") {
    return event.verb == "get" && object.subresource.empty();
  }
  // kubelet-config-1.22 and the like, before 1.24.
  return object.resource == "configmaps" && IsRead(event.verb) &&
         std::any_of(
             kConfigMaps.begin(), kConfigMaps.end(),
             [&](string_view name) { return object.name.starts_with(name); });
}

}  // namespace

std::optional<ActorAct> JudgeBootstrap(const AuditEvent& event) {
  Tuple tuple = TupleOf(event);
  if (IsJoining(event, tuple)) return std::nullopt;
  ActorAct act;
  act.rule = kBootstrapRule;
  act.severity = Severity::kHigh;
  act.threshold = 3;
  std::string what = TupleText(tuple, event.verb);
  act.novelty = what;
  act.why = {{"a bootstrap token does what no joining node does", what, 3}};
  if (Succeeded(event)) {
    act.why.push_back({"the request was carried out",
                       absl::StrCat("code ", event.response_code), 1});
  }
  act.title = "A bootstrap token does more than join a node";
  act.summary =
      absl::StrCat(Named(event.user.name), " from ", Named(event.source_ip),
                   ": ", what, ", answered ", event.response_code, ".");
  act.normal =
      "A joining node reads cluster-info and kubeadm's settings, and asks for "
      "its certificate.";
  act.next = StepsAgainstCredential(event, IdentityClass::kBootstrap);
  act.next.push_back(
      "kubectl get csr   # which certificates were asked for with it");
  act.benign_checks = {
      "A tool of your own that prepares nodes with the same token."};
  act.attack = {"T1078", "T1552.005"};
  return act;
}

}  // namespace oddverb
