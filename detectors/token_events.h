// What the correlator is told of service accounts' tokens: that one was minted,
// and that a pod's is in use. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_TOKEN_EVENTS_H_
#define ODDVERB_DETECTORS_TOKEN_EVENTS_H_

#include "absl/time/time.h"
#include "detectors/detector.h"
#include "model/audit_event.h"

namespace oddverb {

// kTokenMinted, of a TokenRequest that succeeded.
void ObserveMinting(const DetectorContext& context, const AuditEvent& event,
                    const EntityIds& ids, Emit& out);

// kPodTokenUsed, with the time when the request came, so that the end of a
// watch that outlives its pod is no use. Told behind each pause, as a pod that
// ends makes one, and once in ten minutes, for a thief who makes none. `before`
// is when the latest request with the pod's token came. REQUIRES: the event has
// a pod.
void ObservePodToken(const DetectorContext& context, const AuditEvent& event,
                     const EntityIds& ids, absl::Time before, Emit& out);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_TOKEN_EVENTS_H_
