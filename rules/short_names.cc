#include "rules/short_names.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace oddverb {
namespace {

struct Alias {
  std::string_view name;
  std::string_view path;
};

// Short names of published rules (SigmaHQ's of 2024, and the ECS pipeline of
// pySigma that they were written for), each for every place in an audit event
// that it can mean: pods, the templates of workloads, CronJobs.
constexpr Alias kAliases[] = {
    {"apiGroup", "objectRef.apiGroup"},
    {"capabilities", "container.securityContext.capabilities.add"},
    {"decision", "annotations.authorization.k8s.io/decision"},
    {"hostIPC", "pod.hostIPC"},
    {"hostNetwork", "pod.hostNetwork"},
    {"hostPID", "pod.hostPID"},
    {"hostPath", "pod.volumes.hostPath.path"},
    {"image", "container.image"},
    {"name", "objectRef.name"},
    {"namespace", "objectRef.namespace"},
    {"privileged", "container.securityContext.privileged"},
    {"resource", "objectRef.resource"},
    {"subresource", "objectRef.subresource"},
    {"username", "user.username"},
};
// Where the specification of a pod lies.
constexpr std::string_view kPodSpecs[] = {
    "requestObject.spec.", "requestObject.spec.template.spec.",
    "requestObject.spec.jobTemplate.spec.template.spec."};
constexpr std::string_view kContainerLists[] = {"containers", "initContainers",
                                                "ephemeralContainers"};
// Names that begin so are for every such place, too.
constexpr std::string_view kPodPrefix = "pod.";
constexpr std::string_view kContainerPrefix = "container.";

const Alias* FindAlias(std::string_view name) {
  auto is_name = [name](const Alias& alias) { return alias.name == name; };
  const Alias* alias =
      std::find_if(std::begin(kAliases), std::end(kAliases), is_name);
  return alias == std::end(kAliases) ? nullptr : alias;
}

std::vector<std::string> PodPaths(std::string_view below) {
  std::vector<std::string> paths;
  for (std::string_view spec : kPodSpecs) {
    paths.push_back(absl::StrCat(A(spec), A(below)));
  }
  return paths;
}

std::vector<std::string> ContainerPaths(std::string_view below) {
  std::vector<std::string> paths;
  for (std::string_view spec : kPodSpecs) {
    for (std::string_view list : kContainerLists) {
      paths.push_back(absl::StrCat(A(spec), A(list), ".", A(below)));
    }
  }
  return paths;
}

}  // namespace

ShortNameMeaning MeaningOfShortName(std::string_view name) {
  const Alias* alias = FindAlias(name);
  if (alias != nullptr) name = alias->path;
  if (name.size() > kPodPrefix.size() && name.starts_with(kPodPrefix)) {
    std::string_view below = name.substr(kPodPrefix.size());
    return {PodPaths(below), PodPlace::kPod, below};
  }
  if (name.size() > kContainerPrefix.size() &&
      name.starts_with(kContainerPrefix)) {
    std::string_view below = name.substr(kContainerPrefix.size());
    return {ContainerPaths(below), PodPlace::kContainer, below};
  }
  if (alias == nullptr) return {};
  return {{std::string(name)}};
}

std::vector<std::string_view> ShortNames() {
  std::vector<std::string_view> names;
  for (const Alias& alias : kAliases) names.push_back(alias.name);
  return names;
}

}  // namespace oddverb
