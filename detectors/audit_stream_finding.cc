#include "detectors/audit_stream_finding.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"

namespace oddverb {
namespace {

constexpr size_t kMaxNameBytes = 80;

template <size_t N>
bool IsOneOf(std::string_view text, const std::array<std::string_view, N>& in) {
  return std::find(in.begin(), in.end(), text) != in.end();
}

bool IsWrite(std::string_view verb) {
  constexpr std::array<std::string_view, 4> kWrites = {"create", "update",
                                                       "patch", "apply"};
  return IsOneOf(verb, kWrites);
}

// "create rolebindings web/admin".
std::string RequestText(const AuditEvent& event) {
  const ObjectReference& object = event.object;
  std::string text = Bounded(event.verb, kMaxNameBytes);
  if (!object.present) {
    return absl::StrCat(text, " ", Bounded(event.request_uri, kMaxNameBytes));
  }
  absl::StrAppend(&text, " ", Bounded(object.resource, kMaxNameBytes));
  if (!object.subresource.empty()) {
    absl::StrAppend(&text, "/", Bounded(object.subresource, kMaxNameBytes));
  }
  text += " ";
  if (!object.ns.empty()) {
    absl::StrAppend(&text, Bounded(object.ns, kMaxNameBytes), "/");
  }
  return text + Bounded(object.name, kMaxNameBytes);
}

// The object as it is now, which the cut event does not show.
std::string LookAtObject(const AuditEvent& event) {
  const ObjectReference& object = event.object;
  std::string resource(object.resource);
  if (!object.api_group.empty()) {
    absl::StrAppend(&resource, ".", A(object.api_group));
  }
  std::string step =
      absl::StrCat("kubectl get ", NameWord(resource, "RESOURCE"), " ",
                   NameWord(object.name, "NAME"));
  if (!object.ns.empty()) {
    absl::StrAppend(&step, " -n ", NameWord(object.ns, "NAMESPACE"));
  }
  return step + " -o yaml   # what the log does not show";
}

}  // namespace

Severity TruncatedSeverity(const AuditEvent& event, IdentityClass identity) {
  const std::string_view resource = event.object.resource;
  const std::string_view sub = event.object.subresource;
  // None of these is ever large by itself.
  constexpr std::array<std::string_view, 3> kIntoPods = {"exec", "attach",
                                                         "ephemeralcontainers"};
  constexpr std::array<std::string_view, 3> kRights = {
      "rolebindings", "clusterrolebindings", "certificatesigningrequests"};
  if (resource == "pods" && IsOneOf(sub, kIntoPods)) return Severity::kMedium;
  if (!IsWrite(event.verb)) return Severity::kInfo;
  if (IsOneOf(resource, kRights) && sub.empty()) return Severity::kMedium;
  // These are now and then, but it is what they hold that matters.
  constexpr std::array<std::string_view, 12> kBodies = {
      "pods",
      "deployments",
      "daemonsets",
      "statefulsets",
      "replicasets",
      "replicationcontrollers",
      "jobs",
      "cronjobs",
      "roles",
      "clusterroles",
      "mutatingwebhookconfigurations",
      "validatingwebhookconfigurations"};
  const bool is_system = identity == IdentityClass::kControlPlane ||
                         identity == IdentityClass::kNode;
  const bool has_spec = sub.empty() && IsOneOf(resource, kBodies);
  return has_spec && !is_system ? Severity::kLow : Severity::kInfo;
}

void DescribeTruncated(const AuditEvent& event, IdentityClass identity,
                       Finding& out) {
  const Severity severity = TruncatedSeverity(event, identity);
  const bool is_first = out.title.empty();
  if (is_first || severity > out.severity) {
    out.severity = severity;
    out.why.clear();
    out.score = 0;
    out.threshold = 1;
    AddReason("a request whose body the log does not hold", RequestText(event),
              1 + static_cast<double>(severity), out);
    out.confidence = severity == Severity::kInfo ? 0.2 : 0.5;
    out.next.clear();
    if (event.object.present) out.next.push_back(LookAtObject(event));
    out.next.emplace_back(
        "kubectl get --raw /metrics | grep apiserver_audit_error_total   # "
        "plugin truncate: events that were too large even so, and are not in "
        "the log at all");
    out.next.emplace_back(
        "kube-apiserver --audit-log-truncate-max-event-size, or "
        "--audit-webhook-...: raise it, up to 3 MiB are real");
  }
  out.title = "Bodies cut from audit events";
  out.summary = absl::StrCat(
      Bounded(out.entity, kMaxNameBytes), ": the API server cut the bodies of ",
      Counted(static_cast<uint64_t>(out.count), "event", "events"),
      " because of their size, such as ", out.why[0].value);
  out.normal =
      "Events above 100 KiB lose their bodies if the audit back end truncates; "
      "large config maps, secrets and custom resources have such events";
  out.benign_checks = {
      "Does this identity handle large objects (Helm, GitOps, CRDs)?",
      "Is the object as large as its event was, or was it padded (long "
      "annotations, fields that are dropped)?"};
  out.attack = {"T1562"};
  out.practice = {9};
}

void DescribeIdReuse(const AuditEvent& event, IdentityClass identity,
                     Finding& out) {
  const std::string id = Bounded(event.audit_id, kMaxNameBytes);
  if (out.title.empty()) {
    out.title = "One audit ID for different requests";
    out.severity = Severity::kLow;
    out.confidence = 0.7;
    out.threshold = 1;
    out.normal =
        "The API server makes an ID for each request, unless the client sends "
        "one (header Audit-ID); a retry repeats it with the same request";
    out.next = StepsAgainstCredential(event, identity);
    out.next.insert(
        out.next.begin(),
        absl::StrCat("grep -F -- ", ShellWord(event.audit_id),
                     " /var/log/kubernetes/audit/*.log   # all that was done "
                     "under it: where events are removed as duplicates by "
                     "auditID, only one is left"));
    out.benign_checks = {
        "a proxy or a tool of your own that gives one ID to all requests of "
        "one "
        "operation",
        "retries and aggregated API servers, which repeat the same request, "
        "are "
        "not counted"};
    out.attack = {"T1562"};
    out.practice = {9};
  }
  out.why.clear();
  out.score = 0;
  AddReason("an ID that stood for another request", id,
            static_cast<double>(out.count), out);
  out.summary = absl::StrCat(
      Bounded(out.entity, kMaxNameBytes), " used audit IDs again for ",
      Counted(static_cast<uint64_t>(out.count), "other request",
              "other requests"),
      ", the last one ", RequestText(event), " under ", id);
}

}  // namespace oddverb
