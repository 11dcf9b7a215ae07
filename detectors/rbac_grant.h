// rbac.self_grant: rights over the whole cluster are given to oneself, to
// everybody, to a default account or to a person, or a role is made that can
// give them; any right is given to whoever has no credential; or a namespace is
// given to oneself, to everybody or to its default account. Pure functions but
// for the roles that they remember; one thread.
#ifndef ODDVERB_DETECTORS_RBAC_GRANT_H_
#define ODDVERB_DETECTORS_RBAC_GRANT_H_

#include <optional>

#include "base/keyed_hash.h"
#include "detectors/actor_act.h"
#include "model/audit_event.h"
#include "model/identity.h"
#include "stats/fingerprint_set.h"

namespace oddverb {

// Roles that one actor made and that can do everything, or give all rights: to
// bind one of them is to bind cluster-admin.
struct PowerfulRoles {
  static constexpr uint32_t kMaxRoles = 16;

  const KeyedHash& hash;
  FingerprintSet& names;
};

// REQUIRES: `event` writes an object of rbac.authorization.k8s.io. Needs
// bodies (audit level Request).
std::optional<ActorAct> JudgeGrant(const AuditEvent& event,
                                   IdentityClass identity,
                                   const PowerfulRoles& roles);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_RBAC_GRANT_H_
