#include "detectors/event_finding.h"

namespace oddverb {
namespace {

FindingOpening OpeningOf(const DetectorContext& context,
                         std::string_view detector, std::string_view rule,
                         const AuditEvent& event, IdentityClass identity) {
  return {.id_hash = context.id_hash,
          .cluster = context.cluster,
          .detector = detector,
          .rule = rule,
          .event = &event,
          .identity = identity};
}

}  // namespace

Finding OpenFinding(const DetectorContext& context, std::string_view detector,
                    std::string_view rule, const AuditEvent& event,
                    IdentityClass identity) {
  return OpenFinding(OpeningOf(context, detector, rule, event, identity));
}

FindingDraft DraftOpenFinding(const DetectorContext& context,
                              std::string_view detector, std::string_view rule,
                              const AuditEvent& event, IdentityClass identity) {
  return FindingDraft(OpeningOf(context, detector, rule, event, identity));
}

}  // namespace oddverb
