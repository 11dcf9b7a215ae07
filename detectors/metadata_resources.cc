#include "detectors/metadata_resources.h"

#include <algorithm>
#include <array>
#include <cstdint>

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

// Letters that host digits are, beside 0-9 . and ':', and beside those what
// base64 is made of, in both alphabets. "instance-data" and the like are such
// runs, too.
constexpr uint8_t kHostDigit = 1, kBase64Digit = 2, kBeginsWord = 4;
constexpr std::array<uint8_t, 256> kByteKinds = [] {
  std::array<uint8_t, 256> kinds{};
  auto add = [&kinds](string_view bytes, uint8_t kind) {
    for (char c : bytes) kinds[static_cast<unsigned char>(c)] |= kind;
  };
  add("0123456789.:xXabcdefABCDEF", kHostDigit);
  add("0123456789+/-_", kBase64Digit);
  add("abcdefghijklmnopqrstuvwxyz", kBase64Digit);
  add("ABCDEFGHIJKLMNOPQRSTUVWXYZ", kBase64Digit);
  add("mMlL%1uUrR", kBeginsWord);
  return kinds;
}();
// 2852039166, 0xa9fea9fe, 0251.0376.0251.0376
constexpr size_t kShortestHostRun = 8;
constexpr size_t kShortestBase64Run = 12;

// In lower case. The longer ones are such runs.
constexpr std::array<string_view, 7> kWords = {
    "metadata", "meta-data", "latest/", "%", "169", "user-data", "rancher"};

bool BeginsWithWord(string_view text) {
  return std::any_of(kWords.begin(), kWords.end(), [text](string_view word) {
    return absl::StartsWithIgnoreCase(A(text), A(word));
  });
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
  size_t host_run = 0, base64_run = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const uint8_t kind = kByteKinds[static_cast<unsigned char>(text[i])];
    host_run = (kind & kHostDigit) != 0 ? host_run + 1 : 0;
    base64_run = (kind & kBase64Digit) != 0 ? base64_run + 1 : 0;
    if (host_run >= kShortestHostRun || base64_run >= kShortestBase64Run) {
      return true;
    }
    if ((kind & kBeginsWord) != 0 && BeginsWithWord(text.substr(i))) {
      return true;
    }
  }
  return false;
}

}  // namespace oddverb
