#include "detectors/actor_act.h"

#include <algorithm>
#include <utility>

#include "detectors/event_finding.h"
#include "detectors/finding_text.h"
#include "model/identity.h"

namespace oddverb {

Finding MakeActFinding(const DetectorContext& context, const AuditEvent& event,
                       const EntityKeys& keys, ActorAct act) {
  Finding finding =
      OpenFinding(context, act.detector, act.rule, event, keys.identity);
  finding.severity = act.severity;
  finding.threshold = act.threshold;
  for (FindingReason& reason : act.why) {
    AddReason(reason.feature, std::move(reason.value), reason.contribution,
              finding);
  }
  finding.confidence = act.severity <= Severity::kLow
                           ? 0.3
                           : std::clamp(0.5 + finding.score / 20, 0.0, 0.99);
  finding.count = act.count;
  finding.title = std::move(act.title);
  finding.summary = std::move(act.summary);
  finding.normal = std::move(act.normal);
  finding.next = std::move(act.next);
  finding.benign_checks = std::move(act.benign_checks);
  finding.attack = std::move(act.attack);
  finding.practice = {9};
  return finding;
}

bool Succeeded(const AuditEvent& event) {
  return event.response_code >= 200 && event.response_code < 300;
}

bool IsInGroup(const UserIdentity& user, std::string_view group) {
  return std::find(user.groups.begin(), user.groups.end(), group) !=
         user.groups.end();
}

std::string Named(std::string_view name) {
  constexpr size_t kMaxNameInText = 100;
  return Bounded(name, kMaxNameInText);
}

}  // namespace oddverb
