// What a write or deletion of a network policy does to the metadata service's
// addresses: which of them the policy holds back afterwards. A policy holds an
// address back if it is about egress and none of its rules lets the address
// through; an `except` that does so is a deliberate defence.
//
// A patch shows only what it changes, so its effect is told as sets that are
// combined with what was known before (PolicyChange). What a JSON patch does to
// list elements that it does not show is judged as a loss where it is one as a
// rule: `except` removed.
//
// Bounded: rules, peers and exceptions. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_METADATA_POLICY_H_
#define ODDVERB_DETECTORS_METADATA_POLICY_H_

#include <vector>

#include "base/keyed_hash.h"
#include "detectors/metadata_target.h"
#include "model/audit_event.h"
#include "model/observation.h"

namespace oddverb {

// Cheap: what nearly all events fail.
inline bool IsPolicyRequest(const AuditEvent& event) {
  return event.object.resource == "networkpolicies" &&
         event.object.subresource.empty() &&
         event.object.api_group == "networking.k8s.io";
}

// Of one request at most as many are told; the API server lists what a
// deletion of many deleted.
inline constexpr size_t kMaxPolicyChanges = 64;

// Empty if nothing was changed (a refusal, a dry run, a read), or if the event
// does not show it. REQUIRES: IsPolicyRequest(event).
std::vector<PolicyChange> PolicyChangesOf(const AuditEvent& event,
                                          const MetadataTargets& targets,
                                          const KeyedHash& hash);

// Cleans up after others: what it deletes was given up before.
bool IsCleanup(const AuditEvent& event);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_METADATA_POLICY_H_
