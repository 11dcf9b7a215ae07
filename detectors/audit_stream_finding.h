// The words and weights of audit.truncated and audit.id_reuse. Pure;
// thread-safe.
#ifndef ODDVERB_DETECTORS_AUDIT_STREAM_FINDING_H_
#define ODDVERB_DETECTORS_AUDIT_STREAM_FINDING_H_

#include "model/audit_event.h"
#include "model/finding.h"
#include "model/identity.h"

namespace oddverb {

// How much it matters that this request's body cannot be seen.
Severity TruncatedSeverity(const AuditEvent& event, IdentityClass identity);

// Each fills in, or raises, what `out` says; its entity and count are set.
void DescribeTruncated(const AuditEvent& event, IdentityClass identity,
                       Finding& out);
void DescribeIdReuse(const AuditEvent& event, IdentityClass identity,
                     Finding& out);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_AUDIT_STREAM_FINDING_H_
