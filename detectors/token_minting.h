// token.minting_chain: somebody who is neither a kubelet nor the control plane
// mints a token of a powerful service account, or one that lives for long.
// Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_TOKEN_MINTING_H_
#define ODDVERB_DETECTORS_TOKEN_MINTING_H_

#include <optional>

#include "detectors/actor_act.h"
#include "model/audit_event.h"
#include "model/identity.h"

namespace oddverb {

// REQUIRES: `event` creates serviceaccounts/token.
std::optional<ActorAct> JudgeMinting(const AuditEvent& event,
                                     IdentityClass identity);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_TOKEN_MINTING_H_
