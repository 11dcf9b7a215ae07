#include "detectors/rbac_grant.h"

#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/next_steps.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

// Subjects and rules looked at: a body of 1 MiB holds many.
constexpr int kMaxElements = 256;
constexpr std::string_view kClusterAdmin = "cluster-admin";
// Makes the built-in aggregated roles, wildcards included.
constexpr std::string_view kAggregator =
    "system:serviceaccount:kube-system:clusterrole-aggregation-controller";

// The most suspicious thing in an object.
struct Grant {
  Severity severity = Severity::kInfo;
  double weight = 0;
  std::string_view feature;
  std::string value;
};

void Prefer(Grant grant, Grant& best) {
  if (grant.weight > best.weight) best = std::move(grant);
}

std::string TextAt(RawJson object, std::string_view key) {
  std::string scratch;
  return std::string(
      StringOf(FindMember(object, key), scratch).value_or(std::string_view()));
}

bool HasText(RawJson list, std::string_view wanted) {
  std::string scratch;
  JsonElements elements(list);
  RawJson element;
  for (int i = 0; i < kMaxElements && elements.Next(element); ++i) {
    if (StringOf(element, scratch) == wanted) return true;
  }
  return false;
}

// Whoever can reach the API server, or has any credential at all.
bool IsEverybody(std::string_view name) {
  return name == "system:anonymous" || name == "system:unauthenticated" ||
         name == "system:authenticated" || name == "system:serviceaccounts";
}

Grant GrantTo(RawJson subject, const AuditEvent& event) {
  std::string kind = TextAt(subject, "kind");
  std::string name = TextAt(subject, "name");
  std::string text = Named(absl::StrCat(kind, " ", name));
  if (kind == "ServiceAccount") {
    std::string full = absl::StrCat(
        "system:serviceaccount:", TextAt(subject, "namespace"), ":", name);
    if (full == event.user.name) {
      return {Severity::kHigh, 6, "to itself", Named(full)};
    }
    if (name == "default") {
      return {Severity::kHigh, 5, "to every pod without an account of its own",
              Named(full)};
    }
    return {};
  }
  if (IsEverybody(name)) {
    return {Severity::kCritical, 8, "to everybody", text};
  }
  if (kind == "User" && name == event.user.name) {
    return {Severity::kHigh, 6, "to itself", text};
  }
  if (kind == "Group" && name != "system:authenticated" &&
      IsInGroup(event.user, name)) {
    return {Severity::kHigh, 6, "to a group of its own", text};
  }
  if (kind == "User") return {Severity::kMedium, 4, "to a person", text};
  return {};
}

// Whom anybody can be who reaches the API server.
bool IsNobody(std::string_view name) {
  return name == "system:anonymous" || name == "system:unauthenticated";
}

// What Kubernetes or kubeadm themselves give to everybody, and what other
// clouds need to check the tokens of service accounts.
bool IsPublicRole(std::string_view role) {
  return role == "system:discovery" || role == "system:basic-user" ||
         role == "system:public-info-viewer" ||
         role == "system:service-account-issuer-discovery" ||
         role == "kubeadm:bootstrap-signer-clusterinfo";
}

// A binding that gives less than the whole cluster.
struct Binding {
  std::string role;
  bool is_cluster = false;
  bool is_admin = false;  // of all that it reaches
};

Grant LesserGrantTo(RawJson subject, const Binding& binding,
                    const AuditEvent& event) {
  const std::string kind = TextAt(subject, "kind");
  const std::string name = TextAt(subject, "name");
  std::string text = Named(absl::StrCat(kind, " ", name, ", ", binding.role));
  if (IsNobody(name)) {
    if (IsPublicRole(binding.role)) return {};
    return {binding.is_admin ? Severity::kCritical : Severity::kHigh,
            binding.is_admin ? 8.0 : 6.0, "to whoever has no credential",
            std::move(text)};
  }
  const bool is_strong = binding.is_admin || binding.role == "edit";
  if (!is_strong) return {};
  if (IsEverybody(name)) {
    return {Severity::kHigh, 6, "to everybody", std::move(text)};
  }
  if (kind == "ServiceAccount") {
    const std::string ns = TextAt(subject, "namespace");
    if (name == "default") {
      const bool is_grave = ns == "kube-system" || binding.is_cluster;
      return {is_grave ? Severity::kHigh : Severity::kMedium,
              is_grave ? 5.0 : 4.0,
              "to every pod without an account of its own",
              Named(absl::StrCat(ns, "/", text))};
    }
    const std::string full =
        absl::StrCat("system:serviceaccount:", ns, ":", name);
    if (full != event.user.name) return {};
    return {Severity::kMedium, 4, "to itself", std::move(text)};
  }
  const bool is_own = (kind == "User" && name == event.user.name) ||
                      (kind == "Group" && name != "system:authenticated" &&
                       IsInGroup(event.user, name));
  if (!is_own) return {};
  return {Severity::kMedium, 4, "to itself", std::move(text)};
}

Grant GrantOfBinding(RawJson body, const AuditEvent& event,
                     const PowerfulRoles& roles) {
  RawJson role = FindMember(body, "roleRef");
  Binding binding;
  // A patch need not repeat the role, which cannot change.
  binding.role =
      role.present() ? TextAt(role, "name") : std::string(event.object.name);
  binding.is_cluster = event.object.resource == "clusterrolebindings";
  const bool is_all = binding.role == kClusterAdmin ||
                      roles.names.Contains(roles.hash.Hash(binding.role));
  binding.is_admin = is_all || binding.role == "admin";
  Grant best;
  JsonElements subjects(FindMember(body, "subjects"));
  RawJson subject;
  for (int i = 0; i < kMaxElements && subjects.Next(subject); ++i) {
    Prefer(is_all && binding.is_cluster
               ? GrantTo(subject, event)
               : LesserGrantTo(subject, binding, event),
           best);
  }
  return best;
}

Grant GrantOfRule(RawJson rule) {
  RawJson verbs = FindMember(rule, "verbs");
  RawJson resources = FindMember(rule, "resources");
  RawJson groups = FindMember(rule, "apiGroups");
  bool all_resources = HasText(resources, "*");
  if (HasText(verbs, "*") && all_resources && HasText(groups, "*")) {
    return {Severity::kMedium, 5, "every verb on every resource", "* * *"};
  }
  bool is_rbac =
      HasText(groups, "rbac.authorization.k8s.io") || HasText(groups, "*");
  for (std::string_view verb : {"escalate", "bind"}) {
    if (is_rbac && HasText(verbs, verb)) {
      return {Severity::kMedium, 4, "can give rights that it does not hold",
              std::string(verb)};
    }
  }
  if (HasText(verbs, "impersonate")) {
    return {Severity::kMedium, 4, "can act as others", "impersonate"};
  }
  return {};
}

Grant GrantOfRole(RawJson body) {
  Grant best;
  JsonElements rules(FindMember(body, "rules"));
  RawJson rule;
  for (int i = 0; i < kMaxElements && rules.Next(rule); ++i) {
    Prefer(GrantOfRule(rule), best);
  }
  return best;
}

void Write(const AuditEvent& event, bool is_binding, const Grant& grant,
           ActorAct& act) {
  std::string object = absl::StrCat(A(Named(event.object.resource)), "/",
                                    A(Named(event.object.name)));
  act.title = is_binding ? "Gives grave rights away"
                         : "Makes a role that can do everything";
  act.summary = absl::StrCat(Named(event.user.name), " wrote ", object, ": ",
                             A(grant.feature), " (", grant.value, ").");
  act.normal =
      "Powerful roles and bindings are made when software is installed, for "
      "its own service accounts.";
  act.next = {
      absl::StrCat("kubectl get ", NameWord(event.object.resource, "KIND"), " ",
                   NameWord(event.object.name, "NAME"), " -o yaml"),
      absl::StrCat("kubectl delete ", NameWord(event.object.resource, "KIND"),
                   " ", NameWord(event.object.name, "NAME"),
                   "   # unless its author can explain it"),
      absl::StrCat("See what ", ShellWord(event.user.name),
                   " and who was given the rights did since.")};
  act.benign_checks = {
      "Not the API server's own roles, not the role aggregation controller.",
      is_binding ? "Not to a named service account, as installers do."
                 : "Wildcards in some fields alone are not counted."};
  act.attack = {"T1098.006"};
}

}  // namespace

std::optional<ActorAct> JudgeGrant(const AuditEvent& event,
                                   IdentityClass identity,
                                   const PowerfulRoles& roles) {
  if (identity == IdentityClass::kControlPlane || !Succeeded(event) ||
      event.user.name == kAggregator) {
    return std::nullopt;
  }
  bool is_binding = event.object.resource == "clusterrolebindings" ||
                    event.object.resource == "rolebindings";
  bool is_role = event.object.resource == "clusterroles";
  if (!is_binding && !is_role) return std::nullopt;
  // The answer is the whole object, also after a patch.
  RawJson body = event.response_object.present() ? event.response_object
                                                 : event.request_object;
  Grant grant =
      is_binding ? GrantOfBinding(body, event, roles) : GrantOfRole(body);
  if (grant.weight <= 0) return std::nullopt;
  if (is_role) {
    const std::string name = event.object.name.empty()
                                 ? TextAt(FindMember(body, "metadata"), "name")
                                 : std::string(event.object.name);
    roles.names.Add(roles.hash.Hash(name), PowerfulRoles::kMaxRoles);
  }
  ActorAct act;
  act.rule = kGrantRule;
  act.threshold = 4;
  act.severity = grant.severity;
  // Installs the cluster's software, and holds every right already.
  bool is_installer = is_role && IsInGroup(event.user, "system:masters");
  if (is_installer) act.severity = Severity::kLow;
  act.novelty =
      absl::StrCat(A(event.object.name), " ", A(grant.feature), grant.value);
  act.why.push_back({std::string(grant.feature), grant.value, grant.weight});
  if (is_installer) {
    act.why.push_back({"gains nothing: is in system:masters itself",
                       Named(event.user.name), -3});
  }
  Write(event, is_binding, grant, act);
  return act;
}

}  // namespace oddverb
