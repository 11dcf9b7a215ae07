#include "detectors/event_finding.h"

#include "model/event_key.h"

namespace oddverb {

Finding OpenFinding(const DetectorContext& context, std::string_view detector,
                    std::string_view rule, const AuditEvent& event,
                    IdentityClass identity) {
  Finding finding;
  finding.cluster = context.cluster;
  finding.rule = rule;
  finding.detector = detector;
  finding.entity = Bounded(ActorName(event, identity), Finding::kMaxTextBytes);
  finding.entity_kind = IdentityClassName(identity);
  finding.id =
      FindingId(context.id_hash, context.cluster, finding.rule, finding.entity,
                EventKey(context.id_hash, context.cluster, event));
  finding.first_seen = finding.last_seen = event.stage_time;
  finding.count = 1;
  finding.SetSubject(event);
  finding.AddEvidence(event);
  return finding;
}

}  // namespace oddverb
