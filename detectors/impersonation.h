// impersonation.new: somebody takes the identity of the cluster's own powers
// (system:masters, a node, kube-system's service accounts, a control plane
// component). Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_IMPERSONATION_H_
#define ODDVERB_DETECTORS_IMPERSONATION_H_

#include <optional>

#include "detectors/actor_act.h"
#include "model/audit_event.h"

namespace oddverb {

// Questions about rights and discovery: what `kubectl auth can-i --as` asks.
// They show what the other may do, and do none of it.
bool IsQuestionOfRights(const AuditEvent& event);

// REQUIRES: event.impersonated.name is set. `is_proxy`: the actor has
// impersonated many for long, as a proxy does that stands in for its users.
std::optional<ActorAct> JudgeImpersonation(const AuditEvent& event,
                                           bool is_proxy);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_IMPERSONATION_H_
