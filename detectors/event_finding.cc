#include "detectors/event_finding.h"

#include <string>

#include "model/event_key.h"

namespace oddverb {
namespace {

// What a finding and its packed draft have in common.
template <class F>
void Open(const DetectorContext& context, std::string_view detector,
          std::string_view rule, const AuditEvent& event,
          IdentityClass identity, F& finding) {
  finding.cluster = context.cluster;
  finding.rule = rule;
  finding.detector = detector;
  finding.entity_kind = IdentityClassName(identity);
  finding.id = FindingId(context.id_hash, context.cluster, rule, finding.entity,
                         EventKey(context.id_hash, context.cluster, event));
  finding.first_seen = finding.last_seen = event.stage_time;
  finding.count = 1;
}

}  // namespace

Finding OpenFinding(const DetectorContext& context, std::string_view detector,
                    std::string_view rule, const AuditEvent& event,
                    IdentityClass identity) {
  Finding finding;
  finding.entity = Bounded(ActorName(event, identity), Finding::kMaxTextBytes);
  Open(context, detector, rule, event, identity, finding);
  finding.SetSubject(event);
  finding.AddEvidence(event);
  return finding;
}

FindingDraft DraftOpenFinding(const DetectorContext& context,
                              std::string_view detector, std::string_view rule,
                              const AuditEvent& event, IdentityClass identity) {
  const std::string entity = ActorName(event, identity);
  if (entity.size() > Finding::kMaxTextBytes || !OpenedFinding::Fits(event)) {
    return FindingDraft::Packed(
        OpenFinding(context, detector, rule, event, identity));
  }
  OpenedFinding finding;
  finding.entity = entity;
  Open(context, detector, rule, event, identity, finding);
  finding.SetEvent(event);
  return FindingDraft::Packed(finding);
}

}  // namespace oddverb
