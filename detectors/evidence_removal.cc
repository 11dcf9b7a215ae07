#include "detectors/evidence_removal.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/next_steps.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr ActSteps kSteps = {.low = 3, .medium = 4, .high = 6};
constexpr absl::Duration kWindow = absl::Minutes(10);
// One event is deleted by who tidies up; `kubectl delete events --all` deletes
// each by itself.
constexpr uint32_t kManyEvents = 5;
// As long as a webhook that was just broken explains what it did not see.
constexpr absl::Duration kWebhookSpan = absl::Minutes(30);
constexpr int kMaxElements = 256;

// Programs that carry logs, events or audit events off a cluster, or watch its
// nodes, by the names that their charts and manifests give them.
constexpr auto kAgents =
    std::to_array<string_view>({"alloy",
                                "auditbeat",
                                "aws-for-fluent-bit",
                                "azure-monitor",
                                "cloudwatch-agent",
                                "datadog",
                                "dynatrace",
                                "event-exporter",
                                "eventrouter",
                                "falco",
                                "filebeat",
                                "fluent-bit",
                                "fluentbit",
                                "fluentd",
                                "grafana-agent",
                                "journalbeat",
                                "kube-audit",
                                "kubearmor",
                                "kubernetes-event-exporter",
                                "logging-agent",
                                "logging-operator",
                                "logstash",
                                "loki",
                                "newrelic-logging",
                                "oneagent",
                                "opentelemetry-collector",
                                "otel-collector",
                                "promtail",
                                "splunk",
                                "sumologic",
                                "sysdig",
                                "tetragon",
                                "tracee",
                                "wazuh"});

absl::StatusOr<std::set<std::string, std::less<>>> ReadNames(
    const YamlNode& node) {
  ODDVERB_ASSIGN_OR_RETURN(std::vector<std::string> list, node.AsStrings());
  if (list.size() > LogAgents::kMaxNames) {
    return node.Error(
        absl::StrCat("more than ", LogAgents::kMaxNames, " names"));
  }
  std::set<std::string, std::less<>> names;
  for (std::string& name : list) {
    if (name.empty()) return node.Error("a name is empty");
    names.insert(std::move(name));
  }
  return names;
}

// "fluent-bit", "my-fluent-bit-x": the word stands between dashes.
bool HasWord(string_view name, string_view word) {
  for (size_t at = 0; (at = name.find(word, at)) != name.npos; ++at) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || name[at - 1] == '-';
    const bool ends = end == name.size() || name[end] == '-';
    if (begins && ends) return true;
  }
  return false;
}

bool IsWorkload(const ObjectReference& object) {
  return object.api_group == "apps" &&
         (object.resource == "daemonsets" || object.resource == "deployments" ||
          object.resource == "statefulsets");
}

bool IsDeletion(string_view verb) {
  return verb == "delete" || verb == "deletecollection";
}

// What people call the ConfigMaps and Secrets that the API server mounts.
bool NamesAuditSettings(string_view name) {
  if (!HasWord(name, "audit")) return false;
  return HasWord(name, "policy") || HasWord(name, "webhook") ||
         HasWord(name, "config") || HasWord(name, "sink") || name == "audit";
}

struct Removal {
  std::string_view feature;
  std::string what;
  double weight = 0;
};

Removal OfEvents(const ActScene& scene, EvidenceTrace& trace) {
  const AuditEvent& event = scene.event;
  const bool all = event.object.ns.empty();
  const double weight = scene.IsPerson() ? 4 : 3;
  if (event.verb == "deletecollection") {
    return {"deletes the cluster's events",
            all ? "in all namespaces"
                : absl::StrCat("in namespace ", Named(event.object.ns)),
            weight + (all ? 1 : 0)};
  }
  if (event.stage_time >= trace.begin + kWindow ||
      event.stage_time < trace.begin) {
    trace.begin = event.stage_time;
    trace.events_deleted = 0;
  }
  if (++trace.events_deleted != kManyEvents) return {};
  return {"deletes the cluster's events one by one",
          absl::StrCat(kManyEvents, " within ", absl::FormatDuration(kWindow)),
          weight};
}

// A workload that runs nowhere any more: no replicas, or nodes that do not
// exist. Reads what the client sent.
bool ScalesToNothing(RawJson body) {
  constexpr std::array<string_view, 2> kReplicas = {"spec", "replicas"};
  return IntOf(FindPath(body, kReplicas)) == 0;
}
bool ChoosesNodes(RawJson body) {
  constexpr std::array<string_view, 4> kNodes = {"spec", "template", "spec",
                                                 "nodeSelector"};
  return TypeOf(FindPath(body, kNodes)) == JsonType::kObject;
}
// The same as a JSON patch: a list of {op, path, value}.
bool PatchTouches(RawJson body, string_view path_end, bool only_zero) {
  std::string scratch;
  JsonElements steps(body);
  RawJson step;
  for (int i = 0; i < kMaxElements && steps.Next(step); ++i) {
    auto path = StringOf(FindMember(step, "path"), scratch);
    if (!path.has_value() || path->find(path_end) == path->npos) continue;
    if (!only_zero || IntOf(FindMember(step, "value")) == 0) return true;
  }
  return false;
}

Removal OfAgent(const ActScene& scene) {
  const AuditEvent& event = scene.event;
  const ObjectReference& object = event.object;
  std::string name =
      absl::StrCat(A(Named(object.resource)), " ", A(Named(object.ns)), "/",
                   A(Named(object.name)));
  const double by_person = scene.IsPerson() ? 0 : -2;
  if (IsDeletion(event.verb)) {
    return {"deletes a log agent", std::move(name), 4 + by_person};
  }
  if (event.verb == "create") return {};
  RawJson body = event.request_object;
  if (ScalesToNothing(body) || PatchTouches(body, "/spec/replicas", true)) {
    return {"scales a log agent to nothing", std::move(name), 4 + by_person};
  }
  // Whoever updates the whole object repeats the selector.
  if (event.verb == "patch" &&
      (ChoosesNodes(body) || PatchTouches(body, "/nodeSelector", false))) {
    return {"chooses the nodes of a log agent", std::move(name), 3 + by_person};
  }
  return {};
}

Removal OfSettings(const ActScene& scene, const LogAgents& agents) {
  const AuditEvent& event = scene.event;
  const ObjectReference& object = event.object;
  if (event.verb == "create") return {};
  std::string name =
      absl::StrCat(A(Named(object.ns)), "/", A(Named(object.name)));
  const double removed = IsDeletion(event.verb) ? 1 : 0;
  const double by_person = scene.IsPerson() ? 0 : -2;
  if (NamesAuditSettings(object.name)) {
    return {removed > 0 ? "deletes the settings of the audit log"
                        : "changes the settings of the audit log",
            std::move(name), 3 + removed + by_person};
  }
  if (object.resource == "configmaps" && agents.Has(object.ns, object.name)) {
    return {removed > 0 ? "deletes the settings of a log agent"
                        : "changes the settings of a log agent",
            std::move(name), 2 + removed + by_person};
  }
  return {};
}

// failed-open.validation.webhook.admission.k8s.io/round_0_index_1: the webhook
// (kubernetes: apiserver/pkg/admission/plugin/webhook).
Removal OfFailedOpen(const ActScene& scene, const EvidenceTrace& trace) {
  const AuditEvent& event = scene.event;
  JsonMembers members(event.annotations);
  JsonMember member;
  std::string scratch;
  for (int i = 0; i < kMaxElements && members.Next(member); ++i) {
    string_view key = member.Key(scratch);
    if (!key.starts_with("failed-open.") ||
        key.find(".webhook.admission.k8s.io/") == key.npos) {
      continue;
    }
    // In an outage this is everybody's fate; of whoever changed the webhook
    // just before it is what they wanted.
    const bool is_own =
        event.stage_time >= trace.webhook_written &&
        event.stage_time - trace.webhook_written <= kWebhookSpan;
    if (!is_own) return {};
    std::string value;
    return {"changed a webhook, and is let past one that fails",
            Named(StringOf(member.value, value).value_or("")), 4};
  }
  return {};
}

bool IsWebhook(const ObjectReference& object) {
  return object.api_group == "admissionregistration.k8s.io" &&
         object.resource.ends_with("webhookconfigurations");
}

Removal Look(const ActScene& scene, const LogAgents& agents,
             EvidenceTrace& trace) {
  const AuditEvent& event = scene.event;
  const ObjectReference& object = event.object;
  if (IsWebhook(object)) {
    trace.webhook_written = event.stage_time;
    return {};
  }
  if (object.resource == "events" && IsDeletion(event.verb)) {
    return OfEvents(scene, trace);
  }
  if (object.api_group == "auditregistration.k8s.io") {
    return {"changes where audit events go", Named(object.name), 4};
  }
  if (IsWorkload(object)) {
    const bool is_agent =
        agents.Has(object.ns, object.name) &&
        (object.subresource.empty() || object.subresource == "scale");
    if (is_agent) return OfAgent(scene);
  } else if (object.subresource.empty() && (object.resource == "configmaps" ||
                                            object.resource == "secrets")) {
    Removal removal = OfSettings(scene, agents);
    if (removal.weight > 0) return removal;
  }
  return OfFailedOpen(scene, trace);
}

void Write(const AuditEvent& event, const Removal& removal, ActorAct& act) {
  act.title = "Removes evidence";
  act.summary =
      absl::StrCat(Named(event.user.name), " from ", Named(event.source_ip),
                   " ", A(removal.feature), " (", removal.what, ").");
  act.normal =
      "Events end by themselves after an hour; log agents and audit settings "
      "change with a release, by whoever installs those.";
  act.next = {
      "Look in the copy of the logs that is kept elsewhere for what happened "
      "in the hour before.",
      absl::StrCat("Ask the owner of ", ShellWord(event.user.name),
                   " whether it was their work."),
      "kubectl get daemonsets -A   # put the log agents back, then look at "
      "what ran meanwhile"};
  act.benign_checks = {
      "Not a controller of the control plane, which empties namespaces that "
      "end.",
      "A log agent that is replaced by another one."};
  act.attack = {"T1070", "T1562"};
}

}  // namespace

absl::StatusOr<LogAgents> LogAgents::FromYaml(const YamlNode& node) {
  LogAgents agents;
  ODDVERB_ASSIGN_OR_RETURN(agents.agents, ReadNames(node.Get("log_agents")));
  for (const std::string& name : agents.agents) {
    const size_t slash = name.find('/');
    if (slash == name.npos || slash == 0 || slash + 1 == name.size()) {
      return node.Get("log_agents")
          .Error(absl::StrCat("expected NAMESPACE/NAME, not \"",
                              Bounded(name, 100), "\""));
    }
  }
  ODDVERB_ASSIGN_OR_RETURN(agents.namespaces,
                           ReadNames(node.Get("log_namespaces")));
  return agents;
}

bool LogAgents::Has(string_view ns, string_view name) const {
  if (namespaces.contains(ns)) return true;
  if (name.empty()) return false;
  if (!agents.empty() && agents.contains(absl::StrCat(A(ns), "/", A(name)))) {
    return true;
  }
  return std::any_of(kAgents.begin(), kAgents.end(),
                     [&](string_view word) { return HasWord(name, word); });
}

bool ConcernsEvidence(const AuditEvent& event, const LogAgents& agents) {
  const ObjectReference& object = event.object;
  const bool is_deletion = IsDeletion(event.verb);
  if (!is_deletion && !IsWrite(event.verb)) return false;
  if (object.resource == "events") return is_deletion;
  if (IsWebhook(object) || object.api_group == "auditregistration.k8s.io") {
    return true;
  }
  if (event.annotations.text.find("failed-open.") != string_view::npos) {
    return true;
  }
  // The status of what runs is written all the time.
  const bool is_spec =
      object.subresource.empty() || object.subresource == "scale";
  if (event.verb == "create" || !is_spec) return false;
  const bool is_settings =
      object.resource == "configmaps" || object.resource == "secrets";
  if (!is_settings && !IsWorkload(object)) return false;
  return NamesAuditSettings(object.name) || agents.Has(object.ns, object.name);
}

std::optional<ActorAct> JudgeEvidence(const ActScene& scene,
                                      const LogAgents& agents,
                                      EvidenceTrace& trace) {
  const AuditEvent& event = scene.event;
  if (!Succeeded(event) || IsClusterController(event.user.name)) {
    return std::nullopt;
  }
  Removal removal = Look(scene, agents, trace);
  if (removal.weight <= 0) return std::nullopt;
  ActorAct act;
  act.rule = kEvidenceRule;
  act.novelty = absl::StrCat(A(removal.feature), " ", removal.what,
                             scene.IsNewlyOutside() ? " outside" : "");
  std::optional<double> novelty =
      scene.NoveltyOfAct(ActorHabits::Kind::kEvidence, act.novelty);
  if (!novelty.has_value()) return std::nullopt;
  act.why.push_back(
      {std::string(removal.feature), removal.what, removal.weight});
  // That somebody never did so adds little: hardly anybody ever does.
  AddCircumstances(scene, *novelty, 1, act);
  Write(event, removal, act);
  return Weighed(std::move(act), kSteps);
}

void EvidenceTrace::Save(StateWriter& out) const {
  out.PutTime(begin);
  out.PutU64(events_deleted);
  out.PutTime(webhook_written);
}

void EvidenceTrace::Load(StateReader& in) {
  begin = in.GetTime();
  const uint64_t count = in.GetU64();
  if (count > UINT32_MAX) in.Fail();
  events_deleted = static_cast<uint32_t>(count);
  webhook_written = in.GetTime();
}

}  // namespace oddverb
