// The words of a metadata finding: title, summary, what to do next. Pure
// functions; thread-safe.
#ifndef ODDVERB_DETECTORS_METADATA_FINDING_H_
#define ODDVERB_DETECTORS_METADATA_FINDING_H_

#include <string_view>

#include "detectors/metadata_reading.h"
#include "detectors/metadata_surface.h"
#include "model/audit_event.h"
#include "model/finding.h"

namespace oddverb {

// "metadata.exec", "metadata.workload", ...
std::string_view MetadataRule(SurfaceId surface);

// Of MetadataGuards. Who did what to which policy; what was lost is the
// correlator's to add.
inline constexpr std::string_view kGuardRemovedRule = "metadata.guard_removed";
void DescribePolicyChange(const AuditEvent& event, Finding& out);

// Of an event that could not be read or decoded to its end, in which nothing
// was found.
inline constexpr std::string_view kUndecodedRule = "metadata.undecoded";
void DescribeUndecoded(const AuditEvent& event, Finding& out);

// Sets everything that follows from the event that weighs most: score,
// severity, why, decoded, and the texts. `out.entity` names the actor already.
// Leaves identity, times, counts and evidence alone.
void DescribeMetadataFinding(const AuditEvent& event,
                             const MetadataSurface& surface,
                             const MetadataReading& reading,
                             const MetadataScore& score, Finding& out);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_METADATA_FINDING_H_
