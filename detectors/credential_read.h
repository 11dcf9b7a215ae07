// credential.read_in_exec: a command in a container reads a credential that
// lies there: the token of its service account, a cloud's token, a kubeconfig.
// Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_CREDENTIAL_READ_H_
#define ODDVERB_DETECTORS_CREDENTIAL_READ_H_

#include <optional>

#include "detectors/actor_act.h"
#include "model/audit_event.h"

namespace oddverb {

// nullopt also for what is no exec.
std::optional<ActorAct> JudgeCredentialRead(const AuditEvent& event);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_CREDENTIAL_READ_H_
