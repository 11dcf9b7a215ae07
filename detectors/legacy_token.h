// token.legacy_misuse: a service account token from a secret, which never ends
// and is bound to nothing, is used from outside of private networks, after
// Kubernetes has invalidated it, after a long time, or from where the account
// never was. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_LEGACY_TOKEN_H_
#define ODDVERB_DETECTORS_LEGACY_TOKEN_H_

#include <optional>

#include "absl/time/time.h"
#include "detectors/actor_act.h"
#include "model/audit_event.h"

namespace oddverb {

bool IsLegacyToken(const AuditEvent& event);

// What is known of the account.
struct LegacyHistory {
  // For at least so long it used no such token. An account that needs one does
  // so every day or week; Kubernetes itself calls it unused after a year
  // (legacy-service-account-token-clean-up).
  static constexpr absl::Duration kIdle = absl::Hours(24 * 7);
  static constexpr absl::Duration kLongIdle = absl::Hours(24 * 30);
  absl::Duration idle = absl::ZeroDuration();
  // SiteHistory::Novelty() of where it comes from; 0 = it is no new place.
  static constexpr double kMinNovelty = 3;
  double novelty = 0;
};

// REQUIRES: `event` is by a service account.
std::optional<ActorAct> JudgeLegacyToken(const AuditEvent& event,
                                         const LegacyHistory& history);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_LEGACY_TOKEN_H_
