// token.legacy_misuse: a service account token from a secret, which never ends
// and is bound to nothing, is used from outside of private networks, or after
// Kubernetes has invalidated it. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_LEGACY_TOKEN_H_
#define ODDVERB_DETECTORS_LEGACY_TOKEN_H_

#include <optional>

#include "detectors/actor_act.h"
#include "model/audit_event.h"

namespace oddverb {

// REQUIRES: `event` is by a service account.
std::optional<ActorAct> JudgeLegacyToken(const AuditEvent& event);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_LEGACY_TOKEN_H_
