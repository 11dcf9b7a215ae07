#include "detectors/event_finding.h"

#include <string>

#include "model/event_key.h"

namespace oddverb {
namespace {

Hash128 IdOf(const DetectorContext& context, std::string_view rule,
             std::string_view entity, const AuditEvent& event) {
  return FindingId(context.id_hash, context.cluster, rule, entity,
                   EventKey(context.id_hash, context.cluster, event));
}

}  // namespace

Finding OpenFinding(const DetectorContext& context, std::string_view detector,
                    std::string_view rule, const AuditEvent& event,
                    IdentityClass identity) {
  Finding finding;
  finding.cluster = context.cluster;
  finding.rule = rule;
  finding.detector = detector;
  finding.entity = Bounded(ActorName(event, identity), Finding::kMaxTextBytes);
  finding.entity_kind = IdentityClassName(identity);
  finding.id = IdOf(context, finding.rule, finding.entity, event);
  finding.first_seen = finding.last_seen = event.stage_time;
  finding.count = 1;
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
  finding.cluster = context.cluster;
  finding.rule = rule;
  finding.detector = detector;
  finding.entity = entity;
  finding.entity_kind = IdentityClassName(identity);
  finding.id = IdOf(context, rule, entity, event);
  finding.first_seen = finding.last_seen = event.stage_time;
  finding.SetEvent(event);
  return FindingDraft::Packed(finding);
}

}  // namespace oddverb
