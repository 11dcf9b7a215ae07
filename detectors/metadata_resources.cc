#include "detectors/metadata_resources.h"

#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/strings.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr std::array<ResourceRow, 24> kResources = {{
    {"pods", ResourceKind::kWorkload, "pod"},
    {"podtemplates", ResourceKind::kWorkload, "podtemplate"},
    {"deployments", ResourceKind::kWorkload, "deployment"},
    {"daemonsets", ResourceKind::kWorkload, "daemonset"},
    {"statefulsets", ResourceKind::kWorkload, "statefulset"},
    {"replicasets", ResourceKind::kWorkload, "replicaset"},
    {"replicationcontrollers", ResourceKind::kWorkload,
     "replicationcontroller"},
    {"jobs", ResourceKind::kWorkload, "job"},
    {"cronjobs", ResourceKind::kWorkload, "cronjob"},
    {"services", ResourceKind::kRouting, "service"},
    {"endpoints", ResourceKind::kRouting, "endpoints"},
    {"endpointslices", ResourceKind::kRouting, "endpointslice"},
    {"nodes", ResourceKind::kNode, "node"},
    {"mutatingwebhookconfigurations", ResourceKind::kWebhook,
     "mutatingwebhookconfiguration"},
    {"validatingwebhookconfigurations", ResourceKind::kWebhook,
     "validatingwebhookconfiguration"},
    {"customresourcedefinitions", ResourceKind::kWebhook,
     "customresourcedefinition"},
    {"auditsinks", ResourceKind::kWebhook, "auditsink"},
    {"networkpolicies", ResourceKind::kPolicy, "networkpolicy"},
    {"ingresses", ResourceKind::kIngress, "ingress"},
    {"storageclasses", ResourceKind::kStorage, "storageclass"},
    {"persistentvolumes", ResourceKind::kStorage, "persistentvolume"},
    {"volumeattributesclasses", ResourceKind::kStorage,
     "volumeattributesclass"},
    {"configmaps", ResourceKind::kConfig, "configmap"},
    {"events", ResourceKind::kEvent, "event"},
}};

bool HasBase64Run(string_view text) {
  constexpr size_t kShortest = 12;
  size_t run = 0;
  for (char c : text) {
    bool digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '-' ||
                 c == '_';
    run = digit ? run + 1 : 0;
    if (run >= kShortest) return true;
  }
  return false;
}

bool HasHostDigits(string_view text) {
  // 2852039166, 0xa9fea9fe, 0251.0376.0251.0376
  size_t run = 0;
  for (char c : text) {
    bool digit = (c >= '0' && c <= '9') || c == '.' || c == 'x' || c == 'X' ||
                 (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
    run = digit ? run + 1 : 0;
    if (run >= 8) return true;
  }
  return false;
}

}  // namespace

std::string_view OwnerOfKind(std::string_view kind) {
  for (const ResourceRow& row : kResources) {
    if (absl::EqualsIgnoreCase(A(row.owner), A(kind))) return row.owner;
  }
  return "object";
}

const ResourceRow* MetadataResource(std::string_view resource) {
  for (const ResourceRow& row : kResources) {
    if (row.resource == resource) return &row;
  }
  return nullptr;
}

bool MayNameTarget(string_view text) {
  if (text.empty()) return false;
  if (HasHostDigits(text) || HasBase64Run(text)) return true;
  std::string lower = absl::AsciiStrToLower(A(text));
  for (string_view needle : {"metadata", "meta-data", "instance-data",
                             "latest/", "%", "169", "user-data", "rancher"}) {
    if (lower.find(needle) != std::string::npos) return true;
  }
  return false;
}

}  // namespace oddverb
