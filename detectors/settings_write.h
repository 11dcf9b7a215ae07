// cluster.settings_changed: somebody changes what every request or every name
// in the cluster goes through, who never did so before.
//
//   CoreDNS's and kube-dns' configuration: where names lead
//   aws-auth: who of an AWS account is who in the cluster
//   admission webhooks: who sees and changes each request
//   APIServices: who answers a part of the API
//
// Pure functions but for the habits that they ask; one thread.
#ifndef ODDVERB_DETECTORS_SETTINGS_WRITE_H_
#define ODDVERB_DETECTORS_SETTINGS_WRITE_H_

#include <optional>
#include <string_view>

#include "detectors/act_scene.h"

namespace oddverb {

inline constexpr std::string_view kSettingsRule = "cluster.settings_changed";

// Cheap: whether JudgeSettings() can find anything.
bool ConcernsSettings(const AuditEvent& event);

// REQUIRES: the request is over.
std::optional<ActorAct> JudgeSettings(const ActScene& scene);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SETTINGS_WRITE_H_
