#include "model/identity.h"

#include <optional>

namespace oddverb {
namespace {

constexpr std::string_view kAnonymousUser = "system:anonymous";

bool IsControlPlaneName(std::string_view name) {
  // kube-controller-manager, kube-scheduler, kube-proxy; the API server's
  // loopback client; identities that managed services run for their tenants.
  return name.starts_with("system:kube-") || name == "system:apiserver" ||
         name.starts_with("eks:") || name == "aksService" ||
         name.starts_with("system:gke-") || name.starts_with("system:gcp-");
}

std::optional<IdentityClass> ClassFromGroups(const UserIdentity& user) {
  for (std::string_view group : user.groups) {
    if (!group.starts_with("system:")) continue;
    if (group == "system:serviceaccounts") {
      return IdentityClass::kServiceAccount;
    }
    if (group == "system:nodes" && user.name.starts_with("system:node:")) {
      return IdentityClass::kNode;
    }
    if (group == "system:bootstrappers") return IdentityClass::kBootstrap;
    if (group == "system:unauthenticated") return IdentityClass::kAnonymous;
  }
  return std::nullopt;
}

}  // namespace

IdentityClass ClassifyIdentity(const AuditEvent& event) {
  if (event.user.name.empty()) return IdentityClass::kUnauthenticated;
  std::optional<IdentityClass> by_group = ClassFromGroups(event.user);
  if (by_group.has_value()) return *by_group;
  std::string_view name = event.user.name;
  if (name == kAnonymousUser) return IdentityClass::kAnonymous;
  // Envelopes of some clouds carry no groups.
  if (event.user.groups.empty()) {
    if (name.starts_with("system:serviceaccount:")) {
      return IdentityClass::kServiceAccount;
    }
    if (name.starts_with("system:node:")) return IdentityClass::kNode;
    if (name.starts_with("system:bootstrap:")) return IdentityClass::kBootstrap;
  }
  if (IsControlPlaneName(name)) return IdentityClass::kControlPlane;
  return IdentityClass::kHuman;
}

std::string_view IdentityClassName(IdentityClass identity) {
  switch (identity) {
    case IdentityClass::kHuman:
      return "user";
    case IdentityClass::kServiceAccount:
      return "serviceaccount";
    case IdentityClass::kNode:
      return "node";
    case IdentityClass::kControlPlane:
      return "controlplane";
    case IdentityClass::kBootstrap:
      return "bootstrap";
    case IdentityClass::kAnonymous:
      return "anonymous";
    case IdentityClass::kUnauthenticated:
      return "unauthenticated";
  }
  return "user";
}

EntityKeys KeysOf(const KeyedHash& hash, const AuditEvent& event) {
  EntityKeys keys;
  keys.identity = ClassifyIdentity(event);
  if (keys.identity == IdentityClass::kAnonymous ||
      keys.identity == IdentityClass::kUnauthenticated) {
    // One name for everybody: the address is the only thing that tells
    // callers apart.
    keys.actor = hash.Combine(static_cast<uint64_t>(keys.identity),
                              hash.Hash(event.source_ip));
    return keys;
  }
  keys.actor = hash.Hash(event.user.name);
  if (!event.credential_id.empty()) {
    keys.credential = hash.Hash(event.credential_id);
  } else {
    keys.credential = hash.Combine(keys.actor, hash.Hash(event.user.uid));
    if (!event.pod_uid.empty()) {
      keys.credential = hash.Combine(keys.credential, hash.Hash(event.pod_uid));
    }
  }
  if (!event.pod_uid.empty()) keys.pod = hash.Hash(event.pod_uid);
  return keys;
}

std::string ActorName(const AuditEvent& event, IdentityClass identity) {
  if (identity == IdentityClass::kAnonymous) {
    return std::string(kAnonymousUser) + "@" + std::string(event.source_ip);
  }
  if (identity == IdentityClass::kUnauthenticated) {
    return "unauthenticated@" + std::string(event.source_ip);
  }
  return std::string(event.user.name);
}

}  // namespace oddverb
