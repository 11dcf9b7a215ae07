#include "detectors/metadata_finding.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/next_steps.h"

namespace oddverb {
namespace {

constexpr size_t kMaxNameBytes = 80;
constexpr size_t kMaxCommandBytes = 120;
constexpr double kUndecodedConfidence = 0.3;

bool IsNamed(const ObjectReference& object) {
  return !object.resource.empty() && !object.name.empty();
}

std::string OwnerText(const MetadataSurface& surface) {
  std::string name = Bounded(surface.owner_name, kMaxNameBytes);
  if (surface.owner_ns.empty()) {
    return absl::StrCat(A(surface.owner_kind), " ", name);
  }
  return absl::StrCat(A(surface.owner_kind), " ",
                      Bounded(surface.owner_ns, kMaxNameBytes), "/", name);
}

std::string Outcome(int code) {
  if (code == 0 || (code >= 100 && code < 300)) return "";
  return absl::StrCat(" (answer ", code, ")");
}

// An answer of 400 and more: nothing was run.
std::string_view RanIn(int code) {
  return code >= 400 ? " tried to run in " : " ran in ";
}

std::string Title(const MetadataSurface& surface,
                  const MetadataReading& reading) {
  bool is_host = reading.target != nullptr;
  std::string_view what = "Proxy request";
  std::string_view does = is_host ? " reaches for the cloud metadata service ("
                                  : " asks for paths of a cloud metadata "
                                    "service (";
  switch (surface.id) {
    case SurfaceId::kExec:
      what = "Exec";
      break;
    case SurfaceId::kProxy:
      break;
    case SurfaceId::kWorkload:
      what = "Workload";
      break;
    case SurfaceId::kRouting:
      what = "Route";
      does = " leads to the cloud metadata service (";
      break;
    case SurfaceId::kWebhook:
      what = "API server";
      does = " is sent to the cloud metadata service (";
      break;
    case SurfaceId::kNetworkPolicy:
      what = "Network policy";
      does = " lets through to the cloud metadata service (";
      break;
    case SurfaceId::kConfig:
      what = "Configuration";
      does = " names the cloud metadata service (";
      break;
    case SurfaceId::kEvent:
      what = "An object's Event";
      does = " names the cloud metadata service (";
      break;
  }
  return absl::StrCat(A(what), A(does), A(reading.cloud()), ")");
}

// "pods": the plurals of all kinds that have a surface.
std::string Plural(std::string_view kind) {
  if (kind.ends_with("s")) return std::string(kind);
  if (kind.ends_with("y")) {
    return absl::StrCat(A(kind.substr(0, kind.size() - 1)), "ies");
  }
  return absl::StrCat(A(kind), "s");
}

std::string Summary(const AuditEvent& event, const MetadataSurface& surface,
                    const MetadataReading& reading, std::string_view who) {
  // The innermost text that was read: what would really run.
  std::string_view text;
  for (const DecodedLayer& layer : reading.decoded) {
    if (layer.layer != "spelling") text = layer.text;
  }
  bool is_command = surface.text_kind == CommandTextKind::kCommand;
  std::string summary = Bounded(who, kMaxNameBytes);
  if (surface.id == SurfaceId::kEvent) {
    absl::StrAppend(&summary, " reported of ", OwnerText(surface), ": ");
  } else if (IsBody(surface.id)) {
    absl::StrAppend(&summary,
                    event.response_code >= 400 ? " tried to write " : " wrote ",
                    OwnerText(surface), ", ", A(surface.place), ": ");
  } else if (surface.id == SurfaceId::kExec) {
    absl::StrAppend(&summary, A(RanIn(event.response_code)), OwnerText(surface),
                    ": ");
  } else if (is_command) {
    absl::StrAppend(&summary, A(RanIn(event.response_code)), OwnerText(surface),
                    ", through the kubelet of node ",
                    Bounded(event.object.name, kMaxNameBytes), ": ");
  } else {
    absl::StrAppend(&summary, " sent a request through the proxy of ",
                    OwnerText(surface), ": ");
  }
  absl::StrAppend(&summary, Bounded(text, kMaxCommandBytes));
  bool is_disguised =
      reading.target != nullptr && reading.spelling != HostSpelling::kCanonical;
  if (is_disguised) {
    absl::StrAppend(&summary, ", which means ", reading.target->host);
  }
  return summary + Outcome(event.response_code);
}

std::vector<std::string> NextSteps(const MetadataSurface& surface,
                                   std::string_view user) {
  std::vector<std::string> next;
  std::string ns = NameWord(surface.owner_ns, "NAMESPACE");
  std::string name = NameWord(surface.owner_name, "NAME");
  std::string flag =
      surface.owner_ns.empty() ? std::string() : absl::StrCat(" -n ", ns);
  if (surface.id == SurfaceId::kEvent) {
    next.push_back(
        absl::StrCat("kubectl get events", flag,
                     " --field-selector involvedObject.name=", name));
    next.push_back(absl::StrCat("kubectl get ", A(surface.owner_kind), " ",
                                name, flag, " -o yaml"));
    next.emplace_back(
        "Find out who wrote its probes and hooks: "
        "metadata.workload, or the audit log of its owner");
    return next;
  }
  if (IsBody(surface.id)) {
    next.push_back(absl::StrCat("kubectl get ", A(surface.owner_kind), " ",
                                name, flag, " -o yaml"));
    next.push_back(absl::StrCat("kubectl auth can-i create ",
                                Plural(surface.owner_kind), flag, " --as ",
                                NameWord(user, "USER")));
    next.emplace_back(
        "Remove it, and look in the cloud's own audit log for the use of the "
        "node's or the pod's role from elsewhere");
    return next;
  }
  next.push_back(absl::StrCat("kubectl get ", A(surface.owner_kind), " ", name,
                              flag, " -o wide"));
  bool is_exec = surface.id == SurfaceId::kExec;
  std::string resource = absl::StrCat(A(surface.owner_kind), "s/proxy");
  next.push_back(absl::StrCat("kubectl auth can-i ",
                              is_exec ? "create " : "get ",
                              is_exec ? "pods/exec" : resource, flag, " --as ",
                              NameWord(user, "USER")));
  if (surface.owner_kind == "pod") {
    next.push_back(absl::StrCat("kubectl get networkpolicy", flag,
                                "  # deny egress to 169.254.169.254/32 and "
                                "fd00:ec2::254/128"));
  }
  next.emplace_back(
      "Revoke the sessions of the node's or the pod's cloud role, and look in "
      "the cloud's own audit log for their use from elsewhere");
  return next;
}

}  // namespace

std::string_view MetadataRule(SurfaceId surface) {
  switch (surface) {
    case SurfaceId::kExec:
      return "metadata.exec";
    case SurfaceId::kProxy:
      return "metadata.proxy";
    case SurfaceId::kWorkload:
      return "metadata.workload";
    case SurfaceId::kRouting:
      return "metadata.routing";
    case SurfaceId::kWebhook:
      return "metadata.webhook";
    case SurfaceId::kNetworkPolicy:
      return "metadata.network_policy";
    case SurfaceId::kConfig:
      return "metadata.config";
    case SurfaceId::kEvent:
      return "metadata.event";
  }
  return "metadata.exec";
}

void DescribeMetadataFinding(const AuditEvent& event,
                             const MetadataSurface& surface,
                             const MetadataReading& reading,
                             const MetadataScore& score, Finding& out) {
  out.score = score.score;
  out.threshold = IsBody(surface.id) ? kMetadataLow : kMetadataThreshold;
  out.severity = score.severity;
  out.confidence = score.confidence;
  out.why = score.why;
  out.decoded = reading.decoded;
  out.title = Title(surface, reading);
  out.summary = Summary(event, surface, reading, out.entity);
  out.normal = IsBody(surface.id)
                   ? "Few agents of the cloud need instance metadata, each "
                     "with its own workload; nothing else leads there"
                   : "Agents that need instance metadata ask for it from "
                     "their own pod; people and controllers do not ask "
                     "through the API server";
  out.next = NextSteps(surface, event.user.name);
  out.benign_checks = {
      "only exact metadata addresses and names count, not all of "
      "169.254.0.0/16",
      "values of NO_PROXY, networks, DNS queries, grep and firewall rules are "
      "not taken for access"};
  out.attack = {"T1552.005"};
  bool runs_command = surface.text_kind == CommandTextKind::kCommand;
  if (runs_command && !IsBody(surface.id)) out.attack.emplace_back("T1609");
  if (surface.id == SurfaceId::kWorkload) out.attack.emplace_back("T1610");
  out.practice = {5};
}

void DescribePolicyChange(const AuditEvent& event, Finding& out) {
  const ObjectReference& object = event.object;
  const std::string ns = NameWord(object.ns, "NAMESPACE");
  const std::string name = NameWord(object.name, "NAME");
  const bool is_deletion = event.verb.starts_with("delete");
  const bool is_of_all = event.verb == "deletecollection";
  out.summary =
      absl::StrCat(Bounded(out.entity, kMaxNameBytes),
                   is_deletion ? " deleted " : " changed ",
                   is_of_all ? "the networkpolicies of " : "networkpolicy ",
                   Bounded(object.ns, kMaxNameBytes));
  if (!is_of_all) {
    absl::StrAppend(&out.summary, "/", Bounded(object.name, kMaxNameBytes));
  }
  out.title =
      "A network policy no longer keeps pods from the cloud metadata "
      "service";
  out.normal =
      "Who gives a guard up puts another in its place first; deployment tools "
      "write a policy anew without taking its exceptions out";
  out.next = {
      is_deletion
          ? absl::StrCat("kubectl get networkpolicy -n ", ns, " -o yaml")
          : absl::StrCat("kubectl get networkpolicy ", name, " -n ", ns,
                         " -o yaml"),
      absl::StrCat("kubectl auth can-i ", is_deletion ? "delete " : "update ",
                   "networkpolicies -n ", ns, " --as ",
                   NameWord(event.user.name, "USER")),
      "Put it back, and see what the pods that it was for have asked for "
      "since, "
      "in the cloud's own audit log"};
  out.benign_checks = {
      "Is another policy for the same pods still in force? Which pods a policy "
      "selects is not compared.",
      "Was the whole application taken down, or moved to another policy?"};
  if (event.verb == "patch") {
    out.benign_checks.emplace_back(
        "A patch shows only what it changes: look at the policy as it is now.");
  }
  out.attack = {"T1562.007", "T1552.005"};
  out.practice = {5};
}

void DescribeUndecoded(const AuditEvent& event, Finding& out) {
  const ObjectReference& object = event.object;
  std::string what = absl::StrCat(Bounded(event.verb, kMaxNameBytes), " ",
                                  Bounded(object.resource, kMaxNameBytes));
  if (!object.subresource.empty()) {
    absl::StrAppend(&what, "/", Bounded(object.subresource, kMaxNameBytes));
  }
  absl::StrAppend(&what, " ");
  if (!object.ns.empty()) {
    absl::StrAppend(&what, Bounded(object.ns, kMaxNameBytes), "/");
  }
  absl::StrAppend(&what, Bounded(object.name, kMaxNameBytes));
  out.severity = Severity::kLow;
  out.confidence = kUndecodedConfidence;
  out.score = out.threshold = kUndecodedRest;
  out.why = {{.feature = "more encoding than was undone",
              .value = what,
              .contribution = kUndecodedRest}};
  out.title = "A request hides more than could be decoded";
  out.summary = absl::StrCat(
      Bounded(out.entity, kMaxNameBytes), ": ", what,
      " has more layers or pieces of encoding, or more text, than is undone "
      "for one event; what was read names no cloud metadata service");
  out.normal =
      "Commands and objects are read to their end; hardly any honest one is "
      "encoded so often or so long";
  if (IsNamed(object)) {
    std::string flag =
        object.ns.empty()
            ? std::string()
            : absl::StrCat(" -n ", NameWord(object.ns, "NAMESPACE"));
    out.next.push_back(
        absl::StrCat("kubectl get ", NameWord(object.resource, "RESOURCE"), " ",
                     NameWord(object.name, "NAME"), flag, " -o yaml"));
  }
  out.next.push_back(absl::StrCat(
      "grep -F -- ", ShellWord(event.audit_id),
      " /var/log/kubernetes/audit/*.log   # the request as it was sent; decode "
      "it by hand"));
  out.benign_checks = {
      "Does this identity send programs as commands (a deployment tool)?",
      "told once for an identity in half an hour"};
  out.attack = {"T1027", "T1552.005"};
  out.practice = {5};
}

}  // namespace oddverb
