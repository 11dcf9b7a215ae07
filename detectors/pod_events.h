// What requests say of pods beside their tokens: that one is to end or has
// ended, and which addresses its kubelet reports. Told to the correlator, where
// those who use the tokens meet them. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_POD_EVENTS_H_
#define ODDVERB_DETECTORS_POD_EVENTS_H_

#include <cstdint>
#include <string_view>

#include "base/keyed_hash.h"
#include "detectors/detector.h"
#include "model/audit_event.h"
#include "model/identity.h"

namespace oddverb {

// Observation::pod_name.
uint64_t PodNameKey(const KeyedHash& hash, std::string_view ns,
                    std::string_view name);
// Of a service account's user name, "system:serviceaccount:NAMESPACE:NAME";
// else empty.
std::string_view NamespaceOfAccount(std::string_view user);

// Observations of kPodDeleteAsked, kPodGone and kPodAddress. A pod is gone when
// its kubelet deletes it, which it does once the containers have ended
// (kubernetes: pkg/kubelet/status/status_manager.go, grace period 0); who else
// deletes it, or evicts it, only asks for its end.
void ObservePod(const DetectorContext& context, const AuditEvent& event,
                IdentityClass identity, Emit& out);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_POD_EVENTS_H_
