#include "detectors/pod_events.h"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "base/strings.h"
#include "detectors/actor_act.h"
#include "detectors/finding_text.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

using std::string_view;

// A dual-stack pod has two.
constexpr size_t kMaxAddresses = 4;

std::string TextAt(RawJson root, std::initializer_list<string_view> path) {
  std::string scratch;
  std::optional<string_view> text =
      StringOf(FindPath(root, {path.begin(), path.size()}), scratch);
  return std::string(text.value_or(""));
}

// The pod's uid as far as the log has it: a kubelet's precondition, the pod
// that was deleted, or the status about it; else empty.
std::string UidOf(const AuditEvent& event) {
  if (!event.object.uid.empty()) return std::string(event.object.uid);
  std::string uid = TextAt(event.request_object, {"preconditions", "uid"});
  if (uid.empty()) uid = TextAt(event.response_object, {"metadata", "uid"});
  if (uid.empty()) uid = TextAt(event.response_object, {"details", "uid"});
  return uid;
}

bool IsDryRun(const AuditEvent& event) {
  return event.request_uri.find("dryRun=") != string_view::npos ||
         TypeOf(FindMember(event.request_object, "dryRun")) == JsonType::kArray;
}

Observation About(const DetectorContext& context, ObservationKind kind,
                  const AuditEvent& event, string_view uid) {
  Observation observation;
  observation.kind = kind;
  observation.time = event.stage_time;
  observation.pod_name =
      PodNameKey(context.hash, event.object.ns, event.object.name);
  observation.pod_bound = true;
  if (!uid.empty()) observation.credential = context.hash.Hash(uid);
  return observation;
}

void ObserveEnd(const DetectorContext& context, const AuditEvent& event,
                IdentityClass identity, Emit& out) {
  if (IsDryRun(event)) return;
  const int64_t grace =
      IntOf(FindMember(event.request_object, "gracePeriodSeconds")).value_or(0);
  const bool is_gone =
      identity == IdentityClass::kNode && event.verb == "delete" && grace == 0;
  out.Observe(About(
      context,
      is_gone ? ObservationKind::kPodGone : ObservationKind::kPodDeleteAsked,
      event, UidOf(event)));
}

// `status` is of a pod; distinct addresses.
std::vector<std::string> AddressesIn(RawJson status) {
  std::vector<std::string> addresses;
  auto add = [&addresses](RawJson value) {
    std::string scratch;
    std::optional<string_view> text = StringOf(value, scratch);
    if (!text.has_value() || addresses.size() >= kMaxAddresses) return;
    if (!IpAddress::Parse(*text).has_value()) return;
    AddDistinct(*text, addresses);
  };
  add(FindMember(status, "podIP"));
  JsonElements elements(FindMember(status, "podIPs"));
  for (RawJson element; elements.Next(element);) add(FindMember(element, "ip"));
  return addresses;
}

void ObserveStatus(const DetectorContext& context, const AuditEvent& event,
                   Emit& out) {
  const std::string uid = TextAt(event.request_object, {"metadata", "uid"});
  if (uid.empty()) return;
  for (std::string& address :
       AddressesIn(FindMember(event.request_object, "status"))) {
    Observation reported =
        About(context, ObservationKind::kPodAddress, event, uid);
    reported.source_ip = std::move(address);
    out.Observe(std::move(reported));
  }
}

}  // namespace

uint64_t PodNameKey(const KeyedHash& hash, string_view ns, string_view name) {
  if (ns.empty() || name.empty()) return 0;
  return hash.Combine(hash.Hash(ns), hash.Hash(name));
}

string_view NamespaceOfAccount(string_view user) {
  constexpr string_view kPrefix = "system:serviceaccount:";
  if (!user.starts_with(kPrefix)) return {};
  user.remove_prefix(kPrefix.size());
  return user.substr(0, user.find(':'));
}

void ObservePod(const DetectorContext& context, const AuditEvent& event,
                IdentityClass identity, Emit& out) {
  const ObjectReference& object = event.object;
  if (object.resource != "pods" || !object.api_group.empty() ||
      object.name.empty() || !IsComplete(event) || !Succeeded(event)) {
    return;
  }
  const bool is_end =
      (object.subresource.empty() && event.verb == "delete") ||
      (object.subresource == "eviction" && event.verb == "create");
  if (is_end) {
    ObserveEnd(context, event, identity, out);
  } else if (object.subresource == "status" &&
             identity == IdentityClass::kNode &&
             (event.verb == "patch" || event.verb == "update")) {
    ObserveStatus(context, event, out);
  }
}

}  // namespace oddverb
