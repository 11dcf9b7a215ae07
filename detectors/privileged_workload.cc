#include "detectors/privileged_workload.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/next_steps.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

using std::string_view;

// Nothing is told of a person at the usual place about whom little is known:
// `kubectl debug node` is an administrator's everyday tool.
constexpr ActSteps kSteps = {.low = 5, .medium = 6, .high = 8};
constexpr double kMostByAccess = 4;
constexpr double kMostByNovelty = 4;

constexpr auto kWorkloads = std::to_array<string_view>(
    {"cronjobs", "daemonsets", "deployments", "jobs", "pods", "podtemplates",
     "replicasets", "replicationcontrollers", "statefulsets"});
// Each of them is enough to leave the container (Kubernetes: Pod Security
// Standards; man 7 capabilities).
constexpr auto kCapabilities = std::to_array<string_view>(
    {"ALL", "BPF", "DAC_READ_SEARCH", "MKNOD", "SYS_ADMIN", "SYS_BOOT",
     "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO"});

template <size_t N>
bool OneOf(const std::array<string_view, N>& list, string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// 3: the node is as good as given away; 0.5: something of it can be read.
double WeightOfPath(string_view path) {
  constexpr auto kGrave = std::to_array<string_view>(
      {"/boot", "/dev", "/etc", "/home", "/root", "/run/containerd",
       "/run/crio", "/run/docker.sock", "/var/lib/containerd",
       "/var/lib/docker", "/var/lib/etcd", "/var/lib/kubelet",
       "/var/run/containerd", "/var/run/crio", "/var/run/docker.sock"});
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path == "/" || path.find("..") != path.npos) return 3;
  for (string_view grave : kGrave) {
    const bool is_under =
        path.starts_with(grave) &&
        (path.size() == grave.size() || path[grave.size()] == '/');
    if (is_under) return 3;
  }
  return 0.5;
}

// Keys of a pod's specification, wherever they stand in a body.
void NoteMember(const JsonMember& member, NodeAccess& access) {
  std::string scratch;
  const bool is_on = BoolOf(member.value).value_or(false);
  if (is_on) {
    access.privileged |= member.KeyIs("privileged");
    access.host_pid |= member.KeyIs("hostPID");
    access.host_ipc |= member.KeyIs("hostIPC");
    access.host_network |= member.KeyIs("hostNetwork");
    return;
  }
  if (member.KeyIs("hostPath")) {
    auto path = StringOf(FindMember(member.value, "path"), scratch);
    if (!path.has_value()) return;
    const double weight = WeightOfPath(*path);
    if (weight <= access.host_path_weight) return;
    access.host_path_weight = weight;
    access.host_path = Bounded(*path, 100);
    return;
  }
  if (!member.KeyIs("capabilities")) return;
  JsonElements added(FindMember(member.value, "add"));
  RawJson element;
  while (added.Next(element)) {
    auto name = StringOf(element, scratch);
    if (!name.has_value()) continue;
    // Kubernetes takes both spellings.
    if (name->starts_with("CAP_")) name->remove_prefix(4);
    if (OneOf(kCapabilities, *name)) access.capability = std::string(*name);
  }
}

// One step of a JSON patch names the member by its path.
void NoteStep(RawJson object, NodeAccess& access) {
  std::string scratch;
  auto path = StringOf(FindMember(object, "path"), scratch);
  RawJson value = FindMember(object, "value");
  if (!path.has_value() || !value.present()) return;
  const size_t slash = path->rfind('/');
  if (slash == path->npos) return;
  const std::string key(path->substr(slash + 1));
  NoteMember({key, value}, access);
  // ".../capabilities/add", ".../capabilities/add/-", ".../hostPath/path".
  if (path->find("/capabilities/add") != path->npos) {
    std::string text;
    auto name = StringOf(value, text);
    if (name.has_value() && OneOf(kCapabilities, *name)) {
      access.capability = std::string(*name);
    } else if (TypeOf(value) == JsonType::kArray) {
      const std::string added = absl::StrCat("{\"add\":", A(value.text), "}");
      NoteMember({"capabilities", RawJson{added}}, access);
    }
  }
  if (path->ends_with("/hostPath/path")) {
    const std::string with = absl::StrCat("{\"path\":", A(value.text), "}");
    NoteMember({"hostPath", RawJson{with}}, access);
  }
}

// Most bodies have none of the words. An escape may hide one.
bool MayHaveAccess(string_view body) {
  for (string_view word : {"host", "privileged", "capabilities", "\\u"}) {
    if (body.find(word) != body.npos) return true;
  }
  return false;
}

// daemonset-controller and its kin repeat what somebody else wrote, and say so.
bool IsCopy(const AuditEvent& event) {
  constexpr std::array<string_view, 2> kOwners = {"metadata",
                                                  "ownerReferences"};
  return IsClusterController(event.user.name) &&
         TypeOf(FindPath(event.request_object, kOwners)) == JsonType::kArray;
}

void Write(const AuditEvent& event, const NodeAccess& access, ActorAct& act) {
  const ObjectReference& object = event.object;
  const std::string kind = Named(object.resource);
  act.title = "Makes a workload that reaches the node, for the first time";
  act.summary = absl::StrCat(
      Named(event.user.name), " from ", Named(event.source_ip), ": ",
      A(Named(event.verb)), " ", kind, " in ",
      A(object.ns.empty() ? "the cluster" : Named(object.ns)), " with ",
      access.Text(), ", answered ", event.response_code, ".");
  act.normal =
      "Network, storage and log agents have such access; who makes them makes "
      "them with each release.";
  const std::string ns = NameWord(object.ns, "NAMESPACE");
  act.next = {
      absl::StrCat("kubectl -n ", ns, " get ",
                   NameWord(object.resource, "KIND"), " ",
                   NameWord(object.name, "NAME"), " -o yaml"),
      absl::StrCat("kubectl -n ", ns, " delete ",
                   NameWord(object.resource, "KIND"), " ",
                   NameWord(object.name, "NAME"),
                   "   # unless its author can explain it; then look at the "
                   "node it ran on"),
      absl::StrCat("kubectl label namespace ", ns,
                   " pod-security.kubernetes.io/enforce=baseline   # refuses "
                   "such pods")};
  act.benign_checks = {
      "Not a controller's copy of a workload that somebody else made.",
      "`kubectl debug node`: a pod named node-debugger-..."};
  act.attack = {"T1611", "T1610"};
}

}  // namespace

double NodeAccess::Weight() const {
  double weight = host_path_weight;
  if (privileged) weight += 3;
  if (host_pid) weight += 2.5;
  if (host_ipc) weight += 1;
  if (host_network) weight += 1;
  if (!capability.empty()) weight += 2.5;
  return std::min(weight, kMostByAccess);
}

std::string NodeAccess::Text() const {
  std::string text;
  auto add = [&text](bool is_on, string_view what) {
    if (is_on) absl::StrAppend(&text, text.empty() ? "" : ", ", A(what));
  };
  add(privileged, "privileged");
  add(host_pid, "hostPID");
  add(host_ipc, "hostIPC");
  add(host_network, "hostNetwork");
  add(!host_path.empty(), absl::StrCat("hostPath ", host_path));
  add(!capability.empty(), absl::StrCat("capability ", capability));
  return text;
}

std::string NodeAccess::Kind() const {
  NodeAccess kind = *this;
  if (!kind.host_path.empty()) {
    kind.host_path = absl::StrCat("of weight ", host_path_weight);
  }
  return kind.Text();
}

NodeAccess NodeAccessOf(RawJson body) {
  NodeAccess access;
  if (!MayHaveAccess(body.text)) return access;
  struct Value {
    RawJson json;
    size_t depth;
  };
  std::vector<Value> open = {{body, 0}};
  size_t values = 0;
  auto push = [&](RawJson json, size_t depth) {
    const JsonType type = TypeOf(json);
    const bool is_inner = type == JsonType::kObject || type == JsonType::kArray;
    if (is_inner && depth <= NodeAccess::kMaxDepth) {
      open.push_back({json, depth});
    }
  };
  while (!open.empty()) {
    const Value value = open.back();
    open.pop_back();
    if (TypeOf(value.json) == JsonType::kArray) {
      JsonElements elements(value.json);
      RawJson element;
      while (elements.Next(element) && ++values < NodeAccess::kMaxValues) {
        push(element, value.depth + 1);
        if (value.depth == 0) NoteStep(element, access);
      }
      continue;
    }
    JsonMembers members(value.json);
    JsonMember member;
    while (members.Next(member) && ++values < NodeAccess::kMaxValues) {
      NoteMember(member, access);
      push(member.value, value.depth + 1);
    }
  }
  return access;
}

bool ConcernsWorkload(const AuditEvent& event) {
  if (!IsWrite(event.verb) || !event.request_object.present()) return false;
  const string_view sub = event.object.subresource;
  const bool is_spec = sub.empty() || (sub == "ephemeralcontainers" &&
                                       event.object.resource == "pods");
  return is_spec && OneOf(kWorkloads, event.object.resource);
}

std::optional<ActorAct> JudgeWorkload(const ActScene& scene) {
  const AuditEvent& event = scene.event;
  const NodeAccess access = NodeAccessOf(event.request_object);
  const double weight = access.Weight();
  if (weight <= 0 || IsCopy(event)) return std::nullopt;
  ActorAct act;
  act.rule = kWorkloadRule;
  act.novelty =
      absl::StrCat(access.Kind(), scene.IsNewlyOutside() ? " outside" : "");
  std::optional<double> novelty =
      scene.NoveltyOfAct(ActorHabits::Kind::kWorkload, act.novelty);
  if (!novelty.has_value()) return std::nullopt;
  act.why.push_back({"reaches the node", access.Text(), weight});
  AddCircumstances(scene, *novelty, kMostByNovelty, act);
  if (!Succeeded(event)) {
    act.why.push_back(
        {"refused", absl::StrCat("code ", event.response_code), -1});
  }
  Write(event, access, act);
  return Weighed(std::move(act), kSteps);
}

}  // namespace oddverb
