#include "model/finding_opening.h"

#include <string>

#include "model/event_key.h"
#include "model/finding_state.h"
#include "model/opened_finding.h"

namespace oddverb {
namespace {

// What a finding and its views have in common.
template <class F>
void Open(const FindingOpening& opening, F& finding) {
  const AuditEvent& event = *opening.event;
  finding.cluster = opening.cluster;
  finding.rule = opening.rule;
  finding.detector = opening.detector;
  finding.entity_kind = IdentityClassName(opening.identity);
  finding.id =
      FindingId(opening.id_hash, opening.cluster, opening.rule, finding.entity,
                EventKey(opening.id_hash, opening.cluster, event));
  finding.first_seen = finding.last_seen = event.stage_time;
  finding.count = 1;
}

}  // namespace

Finding OpenFinding(const FindingOpening& opening) {
  const AuditEvent& event = *opening.event;
  Finding finding;
  finding.entity =
      Bounded(ActorName(event, opening.identity), Finding::kMaxTextBytes);
  Open(opening, finding);
  finding.SetSubject(event);
  finding.AddEvidence(event);
  return finding;
}

void SaveOpened(const FindingOpening& opening, StateWriter& out) {
  const AuditEvent& event = *opening.event;
  const std::string entity = ActorName(event, opening.identity);
  if (entity.size() > Finding::kMaxTextBytes || !OpenedFinding::Fits(event)) {
    SaveFinding(OpenFinding(opening), out);
    return;
  }
  OpenedFinding finding;
  finding.entity = entity;
  Open(opening, finding);
  finding.SetEvent(event);
  SaveFinding(finding, out);
}

}  // namespace oddverb
