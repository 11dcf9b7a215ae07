#include "exporters/alert_names.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"

namespace oddverb {
namespace {

constexpr size_t kMaxNameBytes = 64;
constexpr std::string_view kNameless = "OddverbFinding";

struct Named {
  std::string_view key;
  std::string_view name;
};

// Sorted. A name is a contract: routes and silences match it.
constexpr Named kAlertNames[] = {
    {"audit.gap", "AuditLogGap"},
    {"audit.id_reuse", "AuditIdReused"},
    {"audit.truncated", "AuditEventTruncated"},
    {"authn.fail_then_success", "AuthenticationFailuresThenSuccess"},
    {"authn.failure_surge", "AuthenticationFailureSurge"},
    {"credential.two_networks", "CredentialInTwoNetworks"},
    {"forbidden.distributed", "ForbiddenProbingDistributed"},
    {"forbidden.fanout", "ForbiddenProbingBurst"},
    {"forbidden.low_and_slow", "ForbiddenProbingLowAndSlow"},
    {"forbidden.object_guessing", "ForbiddenObjectGuessing"},
    {"forbidden.storm", "ForbiddenStorm"},
    {"metadata.config", "CloudMetadataInConfiguration"},
    {"metadata.event", "CloudMetadataInEvent"},
    {"metadata.exec", "CloudMetadataAccessByExec"},
    {"metadata.guard_removed", "CloudMetadataGuardRemoved"},
    {"metadata.network_policy", "CloudMetadataInNetworkPolicy"},
    {"metadata.proxy", "CloudMetadataAccessByProxy"},
    {"metadata.routing", "CloudMetadataInRouting"},
    {"metadata.undecoded", "CloudMetadataUndecoded"},
    {"metadata.webhook", "CloudMetadataInWebhook"},
    {"metadata.workload", "CloudMetadataInWorkload"},
    {"token.deleted_pod", "TokenOfDeletedPod"},
    {"token.minting_chain", "TokenMintingChain"},
    {"token.never_issued", "ForgedServiceAccountToken"},
    {"token.outside_its_pod", "StolenServiceAccountToken"},
};

template <size_t kRows>
std::string_view Lookup(const Named (&table)[kRows], std::string_view key) {
  auto less = [](const Named& row, std::string_view k) { return row.key < k; };
  auto at = std::lower_bound(std::begin(table), std::end(table), key, less);
  return at != std::end(table) && at->key == key ? at->name
                                                 : std::string_view();
}

bool IsAlnum(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c));
}

std::string CamelCase(std::string_view text) {
  std::string name;
  bool starts_word = true;
  for (char c : text) {
    if (name.size() == kMaxNameBytes) break;
    if (!IsAlnum(c)) {
      starts_word = true;
      continue;
    }
    name +=
        starts_word ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c;
    starts_word = false;
  }
  return name;
}

// 8-4-4-4-12 hexadecimal digits.
bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text[i] != '-'
                : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i]))) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string_view AlertSeverityName(Severity severity) {
  if (severity >= Severity::kHigh) return "critical";
  return severity == Severity::kMedium ? "warning" : "info";
}

std::string AlertName(const Finding& finding) {
  std::string_view known = Lookup(kAlertNames, finding.rule);
  if (!known.empty()) return std::string(known);
  std::string name =
      CamelCase(IsUuid(finding.rule) ? finding.title : finding.rule);
  return name.empty() ? std::string(kNameless) : name;
}

}  // namespace oddverb
