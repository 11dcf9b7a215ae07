// proxy.unusual_use: an identity reaches a node, a service or a pod through the
// API server's proxy, for the first time, and not for metrics or health. The
// proxy goes round NetworkPolicies, and to a kubelet with the API server's own
// rights. What runs commands so is node.kubelet_command.
//
// Pure functions but for the habits; one thread.
#ifndef ODDVERB_DETECTORS_PROXY_USE_H_
#define ODDVERB_DETECTORS_PROXY_USE_H_

#include <optional>
#include <string_view>

#include "detectors/act_scene.h"

namespace oddverb {

inline constexpr std::string_view kProxyRule = "proxy.unusual_use";

// The path behind ".../proxy/" of the request; empty if it asks for the root.
std::string_view ProxiedPath(const AuditEvent& event);

// REQUIRES: `event` is of subresource proxy. Judged at its first stage with a
// response: the end of a stream is no news.
std::optional<ActorAct> JudgeProxy(const ActScene& scene);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_PROXY_USE_H_
