// rbac.self_grant: rights over the whole cluster are given to oneself, to
// everybody, to a default account or to a person, or a role is made that can
// give them. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_RBAC_GRANT_H_
#define ODDVERB_DETECTORS_RBAC_GRANT_H_

#include <optional>

#include "detectors/actor_act.h"
#include "model/audit_event.h"
#include "model/identity.h"

namespace oddverb {

// REQUIRES: `event` writes an object of rbac.authorization.k8s.io. Needs
// bodies (audit level Request).
std::optional<ActorAct> JudgeGrant(const AuditEvent& event,
                                   IdentityClass identity);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_RBAC_GRANT_H_
