// A finding about whoever made one request, as it is opened: who, where, what,
// and the event as its first evidence. Its rule adds the words. Pure functions;
// thread-safe.
#ifndef ODDVERB_DETECTORS_EVENT_FINDING_H_
#define ODDVERB_DETECTORS_EVENT_FINDING_H_

#include <string_view>

#include "detectors/detector.h"
#include "model/audit_event.h"
#include "model/finding.h"
#include "model/finding_draft.h"
#include "model/finding_opening.h"
#include "model/identity.h"

namespace oddverb {

// See model/finding_opening.h.
Finding OpenFinding(const DetectorContext& context, std::string_view detector,
                    std::string_view rule, const AuditEvent& event,
                    IdentityClass identity);

// The same for what is seldom read: borrows all of it, as FindingDraft says.
FindingDraft DraftOpenFinding(const DetectorContext& context,
                              std::string_view detector, std::string_view rule,
                              const AuditEvent& event, IdentityClass identity);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_EVENT_FINDING_H_
