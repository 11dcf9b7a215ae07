#include "rules/falco_field.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/strings.h"
#include "rules/event_fields.h"
#include "rules/falco_json.h"
#include "rules/falco_reader.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {
namespace {

using Argument = FalcoRow::Argument;
using Shape = FalcoRow::Shape;

constexpr auto kNone = Argument::kNone;
constexpr auto kIndex = Argument::kIndex;
constexpr auto kKey = Argument::kKey;

// "@" stands for each of the three lists of containers.
constexpr FalcoRow kRows[] = {
    {"evt.datetime", Shape::kDateTime, kNone, ""},
    {"evt.datetime.s", Shape::kDateTimeSeconds, kNone, ""},
    {"evt.pluginname", Shape::kConstant, kNone, "k8saudit"},
    {"evt.rawtime", Shape::kRawTimeNumber, kNone, ""},
    {"evt.rawtime.ns", Shape::kRawTimeRest, kNone, ""},
    {"evt.rawtime.s", Shape::kRawTimeSeconds, kNone, ""},
    {"evt.source", Shape::kConstant, kNone, "k8s_audit"},
    {"evt.time", Shape::kTime, kNone, ""},
    {"evt.time.iso8601", Shape::kIso8601, kNone, ""},
    {"evt.time.s", Shape::kTimeSeconds, kNone, ""},
    {"jevt.obj", Shape::kWhole, kNone, ""},
    {"jevt.rawtime", Shape::kRawTime, kNone, ""},
    {"jevt.value", Shape::kPointer, kKey, ""},
    {"json.obj", Shape::kWhole, kNone, ""},
    {"json.rawtime", Shape::kRawTime, kNone, ""},
    {"json.value", Shape::kPointer, kKey, ""},
    {"ka.auditid", Shape::kText, kNone, "/auditID"},
    {"ka.auth.decision", Shape::kText, kNone,
     "/annotations/authorization.k8s.io~1decision"},
    {"ka.auth.openshift.decision", Shape::kText, kNone,
     "/annotations/authentication.openshift.io~1decision"},
    {"ka.auth.openshift.username", Shape::kText, kNone,
     "/annotations/authentication.openshift.io~1username"},
    {"ka.auth.reason", Shape::kText, kNone,
     "/annotations/authorization.k8s.io~1reason"},
    {"ka.cluster.name", Shape::kText, kNone, "/annotations/cluster_name"},
    {"ka.impuser.name", Shape::kText, kNone, "/impersonatedUser/username"},
    {"ka.req.binding.role", Shape::kText, kNone, "/requestObject/roleRef/name"},
    {"ka.req.binding.subject.has_name", Shape::kHasName, kKey, ""},
    {"ka.req.binding.subjects", Shape::kItems, kNone,
     "/requestObject/subjects"},
    {"ka.req.binding.subjects.group_names", Shape::kSubjects, kNone, "Group"},
    {"ka.req.binding.subjects.serviceaccount_names", Shape::kSubjects, kNone,
     "ServiceAccount"},
    {"ka.req.binding.subjects.serviceaccount_ns_names",
     Shape::kSubjectsWithNamespace, kNone, "ServiceAccount"},
    {"ka.req.binding.subjects.user_names", Shape::kSubjects, kNone, "User"},
    {"ka.req.configmap.name", Shape::kText, kNone, "/objectRef/name"},
    {"ka.req.configmap.obj", Shape::kText, kNone, "/requestObject/data"},
    {"ka.req.container.host_network", Shape::kText, kNone,
     "/requestObject/spec/hostNetwork"},
    {"ka.req.container.image", Shape::kFirstImage, kNone,
     "/requestObject/spec/containers/image"},
    {"ka.req.container.image.repository", Shape::kFirstRepository, kNone,
     "/requestObject/spec/containers/image"},
    {"ka.req.container.privileged", Shape::kAnyPrivileged, kNone,
     "/requestObject/spec/containers"},
    {"ka.req.pod.@.add_capabilities", Shape::kEach, kIndex,
     "/requestObject/spec/@/securityContext/capabilities/add"},
    {"ka.req.pod.@.allow_privilege_escalation", Shape::kEach, kIndex,
     "/requestObject/spec/@/securityContext/allowPrivilegeEscalation"},
    {"ka.req.pod.@.args", Shape::kEachJoined, kIndex,
     "/requestObject/spec/@/args"},
    {"ka.req.pod.@.command", Shape::kEachJoined, kIndex,
     "/requestObject/spec/@/command"},
    {"ka.req.pod.@.eff_run_as_group", Shape::kEffective, kIndex,
     "/requestObject/spec/@/securityContext/runAsGroup"},
    {"ka.req.pod.@.eff_run_as_user", Shape::kEffective, kIndex,
     "/requestObject/spec/@/securityContext/runAsUser"},
    {"ka.req.pod.@.host_port", Shape::kHostPorts, kIndex,
     "/requestObject/spec/@/ports"},
    {"ka.req.pod.@.image", Shape::kEachOrNone, kIndex,
     "/requestObject/spec/@/image"},
    {"ka.req.pod.@.image.repository", Shape::kRepositories, kIndex,
     "/requestObject/spec/@/image"},
    {"ka.req.pod.@.name", Shape::kEachOrNone, kIndex,
     "/requestObject/spec/@/name"},
    {"ka.req.pod.@.privileged", Shape::kEach, kIndex,
     "/requestObject/spec/@/securityContext/privileged"},
    {"ka.req.pod.@.proc_mount", Shape::kEach, kIndex,
     "/requestObject/spec/@/securityContext/procMount"},
    {"ka.req.pod.@.read_only_fs", Shape::kEach, kIndex,
     "/requestObject/spec/@/securityContext/readOnlyRootFilesystem"},
    {"ka.req.pod.@.run_as_group", Shape::kEach, kIndex,
     "/requestObject/spec/@/securityContext/runAsGroup"},
    {"ka.req.pod.@.run_as_user", Shape::kEach, kIndex,
     "/requestObject/spec/@/securityContext/runAsUser"},
    {"ka.req.pod.fs_group", Shape::kText, kNone,
     "/requestObject/spec/securityContext/fsGroup"},
    {"ka.req.pod.host_ipc", Shape::kText, kNone, "/requestObject/spec/hostIPC"},
    {"ka.req.pod.host_network", Shape::kText, kNone,
     "/requestObject/spec/hostNetwork"},
    {"ka.req.pod.host_pid", Shape::kText, kNone, "/requestObject/spec/hostPID"},
    {"ka.req.pod.run_as_group", Shape::kText, kNone,
     "/requestObject/spec/securityContext/runAsGroup"},
    {"ka.req.pod.run_as_user", Shape::kText, kNone,
     "/requestObject/spec/securityContext/runAsUser"},
    {"ka.req.pod.supplemental_groups", Shape::kItems, kNone,
     "/requestObject/spec/securityContext/supplementalGroups"},
    {"ka.req.pod.volumes.flexvolume_driver", Shape::kEach, kIndex,
     "/requestObject/spec/volumes/flexVolume/driver"},
    {"ka.req.pod.volumes.hostpath", Shape::kEach, kIndex,
     "/requestObject/spec/volumes/hostPath/path"},
    {"ka.req.pod.volumes.volume_type", Shape::kVolumeTypes, kIndex,
     "/requestObject/spec/volumes"},
    {"ka.req.role.rules", Shape::kItems, kNone, "/requestObject/rules"},
    {"ka.req.role.rules.apiGroups", Shape::kFlat, kIndex,
     "/requestObject/rules/apiGroups"},
    {"ka.req.role.rules.nonResourceURLs", Shape::kFlat, kIndex,
     "/requestObject/rules/nonResourceURLs"},
    {"ka.req.role.rules.resources", Shape::kFlat, kIndex,
     "/requestObject/rules/resources"},
    {"ka.req.role.rules.verbs", Shape::kFlat, kIndex,
     "/requestObject/rules/verbs"},
    {"ka.req.service.ports", Shape::kEach, kIndex, "/requestObject/spec/ports"},
    {"ka.req.service.type", Shape::kText, kNone, "/requestObject/spec/type"},
    {"ka.req.volume.hostpath", Shape::kHasHostPath, kKey,
     "/requestObject/spec/volumes/hostPath/path"},
    {"ka.resp.name", Shape::kText, kNone, "/responseObject/metadata/name"},
    {"ka.response.code", Shape::kText, kNone, "/responseStatus/code"},
    {"ka.response.reason", Shape::kText, kNone, "/responseStatus/reason"},
    {"ka.security.pod.violations", Shape::kText, kNone,
     "/annotations/pod-security.kubernetes.io~1audit-violations"},
    {"ka.sourceips", Shape::kItems, kIndex, "/sourceIPs"},
    {"ka.stage", Shape::kText, kNone, "/stage"},
    {"ka.target.name", Shape::kText, kNone, "/objectRef/name"},
    {"ka.target.namespace", Shape::kText, kNone, "/objectRef/namespace"},
    {"ka.target.pod.name", Shape::kPodName, kNone,
     "/responseObject/metadata/name"},
    {"ka.target.resource", Shape::kText, kNone, "/objectRef/resource"},
    {"ka.target.subresource", Shape::kText, kNone, "/objectRef/subresource"},
    {"ka.uri", Shape::kText, kNone, "/requestURI"},
    {"ka.uri.param", Shape::kParameter, kKey, "/requestURI"},
    {"ka.user.groups", Shape::kItems, kNone, "/user/groups"},
    {"ka.user.name", Shape::kText, kNone, "/user/username"},
    {"ka.useragent", Shape::kText, kNone, "/userAgent"},
    {"ka.validations.admission.policy.failure", Shape::kText, kNone,
     "/annotations/validation.policy.admission.k8s.io~1validation_failure"},
    {"ka.verb", Shape::kText, kNone, "/verb"},
};

constexpr std::string_view kContainerLists[] = {"containers", "initContainers",
                                                "ephemeralContainers"};

struct NamedRow {
  std::string name;
  const FalcoRow* row = nullptr;
  std::string path;
};

std::vector<NamedRow> AllRows() {
  std::vector<NamedRow> rows;
  for (const FalcoRow& row : kRows) {
    if (row.name.find('@') == std::string_view::npos) {
      rows.push_back({std::string(row.name), &row, std::string(row.path)});
      continue;
    }
    for (std::string_view list : kContainerLists) {
      // Containers of kubectl debug have no ports.
      if (row.shape == Shape::kHostPorts && list == kContainerLists[2]) {
        continue;
      }
      rows.push_back({absl::StrReplaceAll(A(row.name), {{"@", A(list)}}), &row,
                      absl::StrReplaceAll(A(row.path), {{"@", A(list)}})});
    }
  }
  std::sort(rows.begin(), rows.end(), [](const NamedRow& a, const NamedRow& b) {
    return a.name < b.name;
  });
  return rows;
}

const std::vector<NamedRow>& Rows() {
  static const auto& rows = *new std::vector<NamedRow>(AllRows());
  return rows;
}

const NamedRow* FindRow(std::string_view name) {
  for (const NamedRow& row : Rows()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

// Where the decoder has a place for what the pointer leads to, and Falco's
// field is no more than that.
const EventField* DecodedPlace(const FalcoRow& row,
                               std::span<const std::string> parts) {
  std::string dotted;
  for (const std::string& part : parts) {
    absl::StrAppend(&dotted, dotted.empty() ? "" : ".", part);
  }
  const EventField* place = FindEventField(dotted);
  if (place == nullptr) return nullptr;
  bool is_scalar = row.shape == Shape::kText || row.shape == Shape::kPointer;
  bool is_items = row.shape == Shape::kItems && row.argument == kNone;
  return (place->is_list ? is_items : is_scalar) ? place : nullptr;
}

absl::StatusOr<int> PositionOf(const NamedRow& named,
                               std::string_view argument) {
  int position = 0;
  const char* end = argument.data() + argument.size();
  auto [stop, error] = std::from_chars(argument.data(), end, position);
  if (error != std::errc() || stop != end || position < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", named.name,
                     "\" takes a position in square "
                     "brackets, not ",
                     QuotedName(argument)));
  }
  return position;
}

}  // namespace

const std::vector<std::string>& FalcoFieldNames() {
  static const auto& names = *[] {
    auto* all = new std::vector<std::string>();
    for (const NamedRow& row : Rows()) all->push_back(row.name);
    return all;
  }();
  return names;
}

absl::StatusOr<FalcoField> FindFalcoField(
    std::string_view name, std::optional<std::string_view> argument) {
  const NamedRow* named = FindRow(name);
  if (named == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("no such field: ", QuotedName(name),
                     NearestHint(name, FalcoFieldNames())));
  }
  const FalcoRow& row = *named->row;
  if (row.argument == kKey && (!argument.has_value() || argument->empty())) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", named->name, "\" needs a key in square brackets"));
  }
  if (row.argument == kNone && argument.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", named->name, "\" takes nothing in square brackets"));
  }
  FalcoReader::Source source;
  source.row = &row;
  std::string full(name);
  if (argument.has_value()) absl::StrAppend(&full, "[", A(*argument), "]");
  if (full.size() > Field::kMaxNameBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a field name of more than ", Field::kMaxNameBytes, " bytes"));
  }
  if (row.argument == kIndex && argument.has_value()) {
    auto position = PositionOf(*named, *argument);
    if (!position.ok()) return position.status();
    source.index = *position;
  }
  if (row.argument == kKey) source.key = std::string(*argument);
  source.parts = PointerParts(row.shape == Shape::kPointer
                                  ? std::string_view(source.key)
                                  : std::string_view(named->path));
  source.place = DecodedPlace(row, source.parts);
  FalcoField field{.name = full,
                   .field = *Field::Compile(".", Field::Brackets::kLiteral),
                   .is_list = row.IsList(),
                   .type = row.IsNumber() ? FalcoField::Type::kNumber
                                          : FalcoField::Type::kText};
  if (source.place != nullptr && source.place->text != nullptr) {
    // The same field as Sigma's, so that rules share what is known of it.
    field.field =
        *Field::Compile(source.place->name, Field::Brackets::kLiteral);
  } else {
    field.field = Field::Of(std::move(full),
                            std::make_shared<FalcoReader>(std::move(source)));
  }
  return field;
}

}  // namespace oddverb
