// One request that is a finding by itself: what its rule says of it, and the
// finding made of that. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_ACTOR_ACT_H_
#define ODDVERB_DETECTORS_ACTOR_ACT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "detectors/detector.h"
#include "model/audit_event.h"
#include "model/finding.h"

namespace oddverb {

inline constexpr std::string_view kImpersonationRule = "impersonation.new";
inline constexpr std::string_view kMintingRule = "token.minting_chain";
inline constexpr std::string_view kCertificateRule =
    "client_certificate.minted";
inline constexpr std::string_view kHarvestRule = "secrets.harvest";
inline constexpr std::string_view kGrantRule = "rbac.self_grant";
inline constexpr std::string_view kBootstrapRule = "bootstrap_token.misuse";
inline constexpr std::string_view kCredentialReadRule =
    "credential.read_in_exec";
inline constexpr std::string_view kKubeletCommandRule = "node.kubelet_command";
inline constexpr std::string_view kLegacyTokenRule = "token.legacy_misuse";

// Texts are bounded already.
struct ActorAct {
  std::string_view rule;
  std::string_view detector = "stolen_credential";
  Severity severity = Severity::kLow;
  double threshold = 0;
  int64_t count = 1;  // of events behind it
  // Names what was done, so that it is told once for each actor; empty = told
  // each time.
  std::string novelty;
  std::string title;
  std::string summary;
  std::string normal;
  std::vector<FindingReason> why;
  std::vector<std::string> next;
  std::vector<std::string> benign_checks;
  std::vector<std::string> attack;
};

Finding MakeActFinding(const DetectorContext& context, const AuditEvent& event,
                       const EntityKeys& keys, ActorAct act);

// The request is over. What has no stage (GKE's log) is told once, at its end.
inline bool IsComplete(const AuditEvent& event) {
  return event.stage == Stage::kResponseComplete ||
         event.stage == Stage::kUnknown;
}
// 2xx.
bool Succeeded(const AuditEvent& event);
bool IsInGroup(const UserIdentity& user, std::string_view group);
// Part of a sentence for a phone.
std::string Named(std::string_view name);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_ACTOR_ACT_H_
