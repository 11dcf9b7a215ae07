#include "detectors/detectors.h"

#include <array>

#include "detectors/attack_sequence.h"
#include "detectors/audit_gap.h"
#include "detectors/audit_stream.h"
#include "detectors/forbidden_burst.h"
#include "detectors/forbidden_cross.h"
#include "detectors/honeytoken.h"
#include "detectors/metadata_access.h"
#include "detectors/metadata_guards.h"
#include "detectors/node_identity.h"
#include "detectors/rule_correlations.h"
#include "detectors/rule_match.h"
#include "detectors/sensitive_acts.h"
#include "detectors/sensitive_acts_cross.h"
#include "detectors/service_account_debut.h"
#include "detectors/service_account_use.h"
#include "detectors/stolen_credential.h"

namespace oddverb {
namespace {

constexpr std::array<std::string_view, 1> kAttackSequenceRules = {
    kSequenceRule};
constexpr std::array<std::string_view, 3> kAuditStreamRules = {
    "audit.gap", "audit.id_reuse", "audit.truncated"};
constexpr std::array<std::string_view, 12> kForbiddenBurstRules = {
    "anonymous.enumeration",   "anonymous.success",
    "authn.fail_then_success", "authn.failure_surge",
    "forbidden.distributed",   "forbidden.fanout",
    "forbidden.low_and_slow",  "forbidden.object_guessing",
    "forbidden.storm",         "permission.probing",
    "permission.regression",   "rbac.escalation_denied"};
constexpr std::array<std::string_view, 10> kMetadataAccessRules = {
    "metadata.config",        "metadata.event",          "metadata.exec",
    "metadata.guard_removed", "metadata.network_policy", "metadata.proxy",
    "metadata.routing",       "metadata.undecoded",      "metadata.webhook",
    "metadata.workload"};
constexpr std::array<std::string_view, 1> kHoneytokenRules = {
    "honeytoken.touched"};
constexpr std::array<std::string_view, 1> kNodeIdentityRules = {
    "node.identity_misuse"};
constexpr std::array<std::string_view, 9> kSensitiveActsRules = {
    "audit.evidence_removed",   "client_certificate.used",
    "cluster.settings_changed", "impersonation.by_program",
    "operation.rare",           "proxy.unusual_use",
    "secrets.unusual_read",     "token.minting_reach",
    "workload.privileged_first"};
constexpr std::array<std::string_view, 1> kServiceAccountUseRules = {
    "serviceaccount.used_by_hand"};
constexpr std::array<std::string_view, 15> kStolenCredentialRules = {
    "bootstrap_token.misuse",  "client_certificate.minted",
    "credential.read_in_exec", "credential.two_networks",
    "impersonation.new",       "node.kubelet_command",
    "rbac.self_grant",         "secrets.harvest",
    "token.deleted_pod",       "token.legacy_misuse",
    "token.long_lived",        "token.minting_chain",
    "token.minted_elsewhere",  "token.never_issued",
    "token.outside_its_pod"};

constexpr std::array<DetectorEntry, 10> kDetectors = {{
    {"attack_sequence",
     "several findings about one identity, credential, pod or address", nullptr,
     &MakeAttackSequence, kAttackSequenceRules},
    {"audit_stream",
     "the audit log itself has gaps, cut bodies, or IDs used twice",
     &MakeAuditStream, &MakeAuditGap, kAuditStreamRules},
    {"forbidden_burst",
     "an identity tries, and is refused, what it never did before",
     &MakeForbiddenBurst, &MakeForbiddenCross, kForbiddenBurstRules},
    {"honeytoken", "a decoy that nobody has business with is touched",
     &MakeHoneytoken, nullptr, kHoneytokenRules},
    {"metadata_access",
     "a command, a proxied request or an object reaches for the cloud metadata "
     "service",
     &MakeMetadataAccess, &MakeMetadataGuards, kMetadataAccessRules},
    {"node_identity", "a node's identity does what no kubelet does",
     &MakeNodeIdentity, nullptr, kNodeIdentityRules},
    // Its findings name the rules of DetectorContext::rules.
    {"rule_match",
     "an event that a rule describes (Sigma; see docs/rules.md)",
     &MakeRuleMatch,
     &MakeRuleCorrelations,
     {}},
    {"sensitive_acts",
     "a grave act by an identity that never did it, or that covers traces",
     &MakeSensitiveActs, &MakeSensitiveActsCross, kSensitiveActsRules},
    {"service_account_use",
     "a service account that somebody works with by hand",
     &MakeServiceAccountUse, &MakeServiceAccountDebut, kServiceAccountUseRules},
    {"stolen_credential",
     "a credential is used where its owner cannot be, or is made to be misused",
     &MakeStolenCredential, &MakeStolenCredentialCross, kStolenCredentialRules},
}};

}  // namespace

std::span<const DetectorEntry> AllDetectors() { return kDetectors; }

}  // namespace oddverb
