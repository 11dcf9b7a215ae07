#include "bench/detection/peer_conditions.h"

#include <algorithm>
#include <charconv>

namespace oddverb::peers {
namespace {

using std::string_view;

bool IsComplete(const AuditEvent& event) {
  return event.stage == Stage::kResponseComplete;
}

bool IsAnonymous(const AuditEvent& event) {
  return event.user.name.empty() || event.user.name == "system:anonymous" ||
         event.user.name == "system:unauthenticated";
}

// What Elastic's new-terms rules leave out, as `not *kubernetes/$Format`.
bool HasAgent(const AuditEvent& event) {
  return !event.user_agent.empty() &&
         !event.user_agent.ends_with("kubernetes/$Format");
}

bool IsForbidden(const AuditEvent& event) {
  return event.decision == Decision::kForbid;
}

// Python's ipaddress.is_global, for IPv4.
bool IsGlobal(string_view address) {
  int parts[4] = {};
  const char* at = address.data();
  const char* end = at + address.size();
  for (int i = 0; i < 4; ++i) {
    auto [next, error] = std::from_chars(at, end, parts[i]);
    if (error != std::errc() || parts[i] < 0 || parts[i] > 255) return false;
    if (i < 3 && (next == end || *next != '.')) return false;
    at = next + 1;
  }
  int a = parts[0], b = parts[1], c = parts[2];
  bool reserved = a == 0 || a == 10 || a == 127 || a >= 224 ||
                  (a == 100 && b >= 64 && b < 128) || (a == 169 && b == 254) ||
                  (a == 172 && b >= 16 && b < 32) || (a == 192 && b == 168) ||
                  (a == 192 && b == 0 && c == 2) ||
                  (a == 198 && b == 51 && c == 100) ||
                  (a == 203 && b == 0 && c == 113);
  return !reserved;
}

bool IsPantherSystem(string_view user) {
  return user.starts_with("system:serviceaccount:kube-system:") ||
         user.starts_with("eks:") || user.starts_with("gke-") ||
         user.starts_with("azure-") || user.starts_with("masterclient") ||
         (user.starts_with("system:") &&
          user.find("serviceaccount") == string_view::npos);
}

bool IsSystemNamespace(string_view ns) {
  return ns == "kube-system" || ns == "gke-system" || ns == "kube-node-lease" ||
         ns == "kube-public";
}

bool IsSecret(const AuditEvent& event) {
  return event.object.resource == "secrets";
}

bool IsFalcoHealth(string_view uri) {
  string_view path = uri.substr(0, uri.find('?'));
  return path == "/healthz" || path == "/livez" || path == "/readyz";
}

void Append(string_view text, std::string& out) {
  out += text;
  out += '\n';
}

}  // namespace

bool ElasticDeniedServiceAccount(const AuditEvent& event) {
  string_view agent = event.user_agent;
  for (string_view known : {"csi-secrets-store", "OpenAPI-Generator",
                            "Prometheus", "dashboard", "cilium-agent"}) {
    if (agent.starts_with(known)) return false;
  }
  return event.user.name.starts_with("system:serviceaccount:") &&
         IsForbidden(event) && HasAgent(event) && agent != "karpenter";
}

bool ElasticForbiddenAgent(const AuditEvent& event) {
  return IsComplete(event) && IsForbidden(event) && HasAgent(event);
}

bool ElasticForbiddenCreation(const AuditEvent& event) {
  return IsComplete(event) && IsForbidden(event) && event.verb == "create";
}

bool ElasticSelfReview(const AuditEvent& event) {
  auto is_program = [](string_view user) {
    return user.starts_with("system:serviceaccount:") ||
           user.starts_with("system:node:");
  };
  return event.decision == Decision::kAllow && event.verb == "create" &&
         (event.object.resource == "selfsubjectaccessreviews" ||
          event.object.resource == "selfsubjectrulesreviews") &&
         (is_program(event.user.name) || is_program(event.impersonated.name)) &&
         HasAgent(event);
}

bool ElasticAnonymousAllowed(const AuditEvent& event) {
  string_view uri = event.request_uri;
  return event.decision == Decision::kAllow && IsAnonymous(event) &&
         HasAgent(event) && !uri.starts_with("/healthz") &&
         !uri.starts_with("/livez") && !uri.starts_with("/readyz") &&
         uri != "/version" && uri != "/.well-known/oauth-authorization-server";
}

bool ElasticEndpoints(const AuditEvent& event) {
  string_view verb = event.verb;
  return IsComplete(event) &&
         (verb == "get" || verb == "list" || verb == "watch" ||
          verb == "create" || verb == "update" || verb == "patch");
}

bool ElasticAnonymousEndpoints(const AuditEvent& event) {
  return IsAnonymous(event) && (event.level == Level::kRequest ||
                                event.level == Level::kRequestResponse);
}

bool PantherForbiddenPublic(const AuditEvent& event) {
  return event.response_code == 403 && !event.source_ips.empty() &&
         IsGlobal(event.source_ips[0]);
}

bool PantherSecretDenied(const AuditEvent& event) {
  return event.verb == "get" && IsSecret(event) && event.response_code >= 400 &&
         !IsSystemNamespace(event.object.ns) &&
         !IsPantherSystem(event.user.name);
}

bool PantherSecretEnumeration(const AuditEvent& event) {
  return (event.verb == "list" || event.verb == "get" ||
          event.verb == "watch") &&
         IsSecret(event) && !IsPantherSystem(event.user.name);
}

bool SplunkScanning(const AuditEvent& event) {
  return event.response_code == 403 &&
         std::find(event.user.groups.begin(), event.user.groups.end(),
                   "system:unauthenticated") != event.user.groups.end();
}

bool SigmaUnauthorized(const AuditEvent& event) {
  return event.response_code == 401 || event.response_code == 403;
}

bool SigmaRulesReview(const AuditEvent& event) {
  return event.verb == "create" &&
         event.object.api_group == "authorization.k8s.io" &&
         event.object.resource == "selfsubjectrulesreviews";
}

bool SigmaSecretsList(const AuditEvent& event) {
  return event.verb == "list" && IsSecret(event);
}

bool FalcoSecretGetFailed(const AuditEvent& event) {
  return IsComplete(event) && IsSecret(event) && event.verb == "get" &&
         (event.response_code < 200 || event.response_code > 299);
}

bool FalcoAnonymousAllowed(const AuditEvent& event) {
  return IsComplete(event) && event.user.name == "system:anonymous" &&
         event.decision == Decision::kAllow &&
         !IsFalcoHealth(event.request_uri);
}

void FirstAddress(const AuditEvent& event, std::string& out) {
  Append(event.source_ips.empty() ? string_view() : event.source_ips[0], out);
}

void UserAndNamespace(const AuditEvent& event, std::string& out) {
  Append(event.user.name, out);
  Append(event.object.ns, out);
}

void UserAndAgent(const AuditEvent& event, std::string& out) {
  Append(event.user.name, out);
  Append(event.user_agent, out);
}

void ObjectName(const AuditEvent& event, std::string& out) {
  Append(event.object.name, out);
}

}  // namespace oddverb::peers
