// bootstrap_token.misuse: a bootstrap token does anything but what a joining
// node does with it. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_BOOTSTRAP_TOKEN_H_
#define ODDVERB_DETECTORS_BOOTSTRAP_TOKEN_H_

#include <optional>

#include "detectors/actor_act.h"
#include "model/audit_event.h"

namespace oddverb {

// REQUIRES: `event` is by an IdentityClass::kBootstrap.
std::optional<ActorAct> JudgeBootstrap(const AuditEvent& event);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_BOOTSTRAP_TOKEN_H_
