#include "detectors/tuple.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/uri.h"
#include "model/finding.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr size_t kMaxPartBytes = 48;  // of one name in a text

constexpr std::array<string_view, 5> kExecuteSubresources = {
    "exec", "attach", "portforward", "ephemeralcontainers", "proxy"};
constexpr std::array<string_view, 3> kHealthPaths = {"/healthz", "/livez",
                                                     "/readyz"};
constexpr std::array<string_view, 5> kDiscoveryPaths = {"/", "/api", "/apis",
                                                        "/openapi", "/version"};
// What the API server itself serves outside of /api and /apis.
constexpr std::array<string_view, 8> kKnownPaths = {
    "/metrics", "/logs",         "/debug",      "/.well-known",
    "/openid",  "/swagger.json", "/swaggerapi", "/ui"};
// Built-in resources that have no namespace: to list them is not "in all
// namespaces".
constexpr std::array<string_view, 18> kClusterScoped = {
    "apiservices",
    "certificatesigningrequests",
    "clusterrolebindings",
    "clusterroles",
    "componentstatuses",
    "csidrivers",
    "csinodes",
    "customresourcedefinitions",
    "ingressclasses",
    "mutatingwebhookconfigurations",
    "namespaces",
    "nodes",
    "persistentvolumes",
    "priorityclasses",
    "runtimeclasses",
    "storageclasses",
    "validatingwebhookconfigurations",
    "volumeattachments"};

bool OneOf(std::span<const string_view> list, string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

VerbClass ClassOfVerb(string_view verb) {
  // In the order of their frequency in real logs.
  if (verb == "get" || verb == "head") return VerbClass::kGet;
  if (verb == "list" || verb == "watch") return VerbClass::kRead;
  if (verb == "update" || verb == "patch" || verb == "create" ||
      verb == "apply" || verb == "post" || verb == "put") {
    return VerbClass::kWrite;
  }
  if (verb == "delete" || verb == "deletecollection") {
    return VerbClass::kDelete;
  }
  if (verb == "impersonate" || verb == "bind" || verb == "escalate" ||
      verb == "approve" || verb == "sign") {
    return VerbClass::kEscalate;
  }
  return VerbClass::kOther;
}

// Only the first segment of a path, and only if it is one of ours: paths are
// free text, and a scanner's thousand paths are one kind of request.
Tuple PathTuple(const AuditEvent& event) {
  Tuple tuple;
  tuple.verb_class = ClassOfVerb(event.verb);
  tuple.scope = "*";
  string_view path = SplitUri(event.request_uri).path;
  string_view first = path.substr(0, path.find('/', 1));
  tuple.resource = first;
  if (OneOf(kHealthPaths, first)) {
    tuple.path_class = PathClass::kHealth;
  } else if (OneOf(kDiscoveryPaths, first)) {
    tuple.path_class = PathClass::kDiscovery;
  } else if (OneOf(kKnownPaths, first)) {
    tuple.path_class = PathClass::kKnown;
  } else {
    tuple.path_class = PathClass::kOther;
    tuple.resource = "other paths";
  }
  return tuple;
}

bool IsRbac(const Tuple& tuple) {
  return tuple.group == "rbac.authorization.k8s.io";
}

double CoreSensitivity(const Tuple& tuple) {
  string_view resource = tuple.resource;
  if (resource == "secrets") return 1.5;
  if (resource == "serviceaccounts" && tuple.subresource == "token") return 1.5;
  if (tuple.verb_class == VerbClass::kExecute) {
    // The proxy of a node is its kubelet: run, exec and logs of every pod.
    if (resource == "nodes") return 1.5;
    if (resource == "pods" && tuple.subresource != "proxy") return 1.5;
  }
  if (resource == "events") return 0.25;
  return 1.0;
}

double RbacSensitivity(const Tuple& tuple) {
  if (tuple.resource == "clusterrolebindings") return 1.5;
  if (tuple.resource == "rolebindings") return 1.3;
  if (tuple.resource == "roles" || tuple.resource == "clusterroles") {
    bool changes = tuple.verb_class == VerbClass::kWrite ||
                   tuple.verb_class == VerbClass::kDelete;
    return changes ? 1.3 : 1.2;
  }
  return 1.0;
}

void AppendPart(string_view part, std::string& text) {
  if (part.size() <= kMaxPartBytes) {
    text += part;
  } else {
    text += Bounded(part, kMaxPartBytes);
  }
}

void AppendResource(const Tuple& tuple, std::string& text) {
  AppendPart(tuple.resource, text);
  if (!tuple.subresource.empty()) {
    text += '/';
    AppendPart(tuple.subresource, text);
  }
  // Built-in groups go without saying ("apps", "*.k8s.io"): what a person
  // would type.
  if (tuple.group.find('.') != string_view::npos &&
      !tuple.group.ends_with(".k8s.io")) {
    text += '.';
    AppendPart(tuple.group, text);
  }
}

}  // namespace

Tuple TupleOf(const AuditEvent& event) {
  if (!event.object.present) return PathTuple(event);
  Tuple tuple;
  const ObjectReference& object = event.object;
  tuple.group = object.api_group;
  tuple.resource = object.resource;
  tuple.subresource = object.subresource;
  tuple.scope = object.ns.empty() ? string_view("*") : object.ns;
  if (object.subresource.empty()) {
    tuple.verb_class = ClassOfVerb(event.verb);
  } else if (OneOf(kExecuteSubresources, object.subresource)) {
    tuple.verb_class = VerbClass::kExecute;
  } else if (object.subresource == "approval") {
    tuple.verb_class = VerbClass::kEscalate;
  } else {
    tuple.verb_class = ClassOfVerb(event.verb);
  }
  return tuple;
}

bool IsSelfReview(const Tuple& tuple) {
  return tuple.resource.starts_with("selfsubject") &&
         (tuple.group == "authorization.k8s.io" ||
          tuple.group == "authentication.k8s.io");
}

bool IsSecret(const Tuple& tuple) {
  return tuple.group.empty() && tuple.resource == "secrets";
}

void AddKind(const Tuple& tuple, HashInput& input) {
  input
      .Add(static_cast<uint64_t>(tuple.verb_class) << 8 |
           static_cast<uint64_t>(tuple.path_class))
      .Add(tuple.group)
      .Add(tuple.resource)
      .Add(tuple.subresource);
}

uint64_t HashTuple(const KeyedHash& hash, const Tuple& tuple,
                   HashInput& scratch) {
  scratch.Clear();
  AddKind(tuple, scratch);
  scratch.Add(tuple.scope);
  return hash.Hash(scratch.bytes());
}

double Sensitivity(const Tuple& tuple) {
  switch (tuple.path_class) {
    case PathClass::kHealth:
    case PathClass::kDiscovery:
      return tuple.verb_class == VerbClass::kEscalate ? 1.5 : 0.1;
    case PathClass::kKnown:
    case PathClass::kOther:
      return tuple.verb_class == VerbClass::kEscalate ? 1.5 : 0.5;
    case PathClass::kNone:
      break;
  }
  if (tuple.verb_class == VerbClass::kEscalate) return 1.5;
  if (tuple.group.empty()) return CoreSensitivity(tuple);
  if (IsRbac(tuple)) return RbacSensitivity(tuple);
  if (tuple.group == "certificates.k8s.io" &&
      tuple.resource == "certificatesigningrequests") {
    return 1.5;
  }
  if (tuple.group == "admissionregistration.k8s.io" &&
      tuple.resource.ends_with("webhookconfigurations")) {
    return 1.5;
  }
  // Leader election and event recording fail in many an honest controller.
  if (tuple.group == "coordination.k8s.io" && tuple.resource == "leases") {
    return 0.25;
  }
  if (tuple.group == "events.k8s.io") return 0.25;
  return 1.0;
}

std::string ResourceText(const Tuple& tuple) {
  std::string text;
  AppendResource(tuple, text);
  return text;
}

std::string TupleText(const Tuple& tuple, string_view verb) {
  std::string text;
  text.reserve(kMaxTupleTextBytes);  // at once: these are many in an attack
  AppendPart(verb.empty() ? "(no verb)" : verb, text);
  text += ' ';
  AppendResource(tuple, text);
  if (tuple.scope != "*") {
    text += " in ";
    AppendPart(tuple.scope, text);
  } else if (tuple.path_class == PathClass::kNone &&
             !OneOf(kClusterScoped, tuple.resource)) {
    bool many = verb == "list" || verb == "watch" || verb == "deletecollection";
    text += many ? " in all namespaces" : " at cluster scope";
  }
  if (text.size() <= kMaxTupleTextBytes) return text;
  return Bounded(text, kMaxTupleTextBytes);
}

}  // namespace oddverb
