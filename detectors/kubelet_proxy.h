// node.kubelet_command: code is run, or a container entered, through the
// kubelet's own API behind nodes/proxy. It passes by the audit of pods/exec and
// by admission. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_KUBELET_PROXY_H_
#define ODDVERB_DETECTORS_KUBELET_PROXY_H_

#include <optional>

#include "detectors/actor_act.h"
#include "model/audit_event.h"

namespace oddverb {

// REQUIRES: `event` is of nodes/proxy.
std::optional<ActorAct> JudgeKubeletProxy(const AuditEvent& event);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_KUBELET_PROXY_H_
