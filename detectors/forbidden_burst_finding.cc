// When ForbiddenBurst opens, raises, keeps and ends a finding, and what it
// tells the correlator.
#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "detectors/event_finding.h"
#include "detectors/forbidden_burst.h"
#include "detectors/forbidden_finding.h"
#include "detectors/next_steps.h"
#include "model/event_key.h"

namespace oddverb {
namespace {

using std::string_view;

// Added to the threshold while little is known: a new deployment meets its
// missing rights in its first minutes.
constexpr absl::Duration kWarmingAge = absl::Minutes(15);
constexpr double kWarming = 4;
// Anonymous scans of a public address are weather, not news.
constexpr double kAnonymous = 6;
constexpr absl::Duration kFastQuiet = absl::Minutes(30);
// A slow actor is silent for hours by nature.
constexpr absl::Duration kSlowQuiet = absl::Hours(24);
constexpr size_t kMaxPartBytes = 64;
// From this sensitivity on, a first success under suspicion is what the refused
// tries were for: roles and all that is graver.
constexpr double kGrave = 1.2;
// Less says nothing about an address: informers, discovery, races.
constexpr double kLeastToldWeight = 1.2;

constexpr string_view kFastRule = "forbidden.fanout";
constexpr string_view kSlowRule = "forbidden.low_and_slow";

Evidence EvidenceOf(const AuditEvent& event, absl::Time time) {
  return {.audit_id = Bounded(event.audit_id, kMaxPartBytes),
          .time = time,
          .verb = Bounded(event.verb, kMaxPartBytes),
          .uri = Bounded(event.request_uri, Finding::kMaxUriBytes),
          .code = event.response_code};
}

// When `score` will have decayed to `level`.
absl::Time DecaysTo(const DecayedScore& score, double level,
                    absl::Duration half_life) {
  if (score.raw_value() <= level) return score.updated();
  return score.updated() + half_life * std::log2(score.raw_value() / level);
}

}  // namespace

void ForbiddenBurst::AddEvidence(const RefusedAttempt& attempt,
                                 RefusalRecord& refused) const {
  // Most actors have a refusal or two; no text is kept for those.
  if (refused.fast.score.raw_value() <= options_.threshold_fast / 3 &&
      refused.slow.score.raw_value() <= options_.threshold_slow / 3) {
    return;
  }
  std::vector<PackedEvidence>& evidence = refused.evidence;
  if (evidence.size() >= Finding::kMaxEvidence) {
    if (refused.open != nullptr) return;  // what opened it stays
    evidence.erase(evidence.begin());
  }
  evidence.emplace_back(EvidenceOf(attempt.event, attempt.time));
}

void ForbiddenBurst::Judge(const RefusedAttempt& attempt, const EntityIds& ids,
                           ForbiddenActor& actor, Emit& out) {
  RefusalRecord& refused = *actor.refused;
  double extra = 0;
  bool warming = attempt.time - actor.first_seen() < kWarmingAge;
  if (warming) extra += kWarming;
  if (ids.keys.identity == IdentityClass::kAnonymous) {
    extra += kAnonymous;
  }
  double fast_threshold = options_.threshold_fast + extra;
  double slow_threshold = options_.threshold_slow + extra;
  bool fast = refused.fast.score.raw_value() >= fast_threshold;
  bool slow = refused.slow.score.raw_value() >= slow_threshold;
  FindingState state = FindingState::kUpdate;
  bool report = false;
  if (refused.open == nullptr) {
    if (!fast && !slow) return;
    refused.open = std::make_unique<OpenRefusal>();
    refused.open->slow = !fast;
    Finding& base = refused.open->base;
    base = NewFinding(attempt.event, ids.keys.identity,
                      fast ? kFastRule : kSlowRule);
    base.severity = fast ? Severity::kHigh : Severity::kMedium;
    base.threshold = fast ? fast_threshold : slow_threshold;
    base.warming = warming;
    state = FindingState::kOpen;
    report = true;
  } else if (fast && refused.open->base.severity < Severity::kHigh) {
    // The slow one has become a burst: the same episode, so the same finding.
    refused.open->base.severity = Severity::kHigh;
    report = true;
  }
  OpenRefusal& open = *refused.open;
  SetDeadline(ids.actor, open, DeadlineOf(refused));
  double peak = refused.reported().peak;
  if (!report && peak < 2 * open.reported_score) return;
  open.reported_score = peak;
  absl::Time now = std::max(out.stream_time, attempt.time);
  out.Report(WriteForbiddenFinding(actor, state, now));
}

void ForbiddenBurst::OnSuccess(const CaseRequest& request,
                               ForbiddenActor& actor, Emit& out) {
  const AuditEvent& event = request.event;
  absl::Time time = request.time;
  RefusalRecord& refused = *actor.refused;
  OpenRefusal& open = *refused.open;
  bool done = event.response_code >= 100 && event.response_code < 300;
  absl::Duration since = time - refused.reported().last;
  if (!done || since < absl::ZeroDuration() || since > kFastQuiet) return;
  double sensitivity = Sensitivity(request.tuple);
  bool was_refused = refused.failed.Contains(request.hash) && sensitivity >= 1;
  bool is_grave_news =
      sensitivity >= kGrave && !actor.allowed.Contains(request.hash);
  if (!was_refused && !is_grave_news) return;
  std::string text = TupleText(request.tuple, event.verb);
  bool is_known = std::find(open.successes.begin(), open.successes.end(),
                            text) != open.successes.end();
  if (is_known || open.successes.size() >= OpenRefusal::kMaxSuccesses) return;
  // Severity rises once: what comes later is more of the same.
  bool is_first = open.successes.empty();
  open.successes.push_back(std::move(text));
  if (!is_first) return;
  auto raised = static_cast<uint8_t>(open.base.severity) + 1;
  constexpr auto kMost = static_cast<uint8_t>(Severity::kCritical);
  open.base.severity = static_cast<Severity>(std::min<int>(raised, int{kMost}));
  // In the place of the last refusal: this is what it came to.
  if (refused.evidence.size() >= Finding::kMaxEvidence) {
    refused.evidence.pop_back();
  }
  refused.evidence.emplace_back(EvidenceOf(event, time));
  out.Report(WriteForbiddenFinding(actor, FindingState::kUpdate,
                                   std::max(out.stream_time, time)));
}

void ForbiddenBurst::TellCorrelator(const RefusedAttempt& attempt,
                                    const EntityIds& ids, Emit& out) const {
  const AuditEvent& event = attempt.event;
  // Callers without credentials are kept by address anyway; behind the loopback
  // address is the API server's own host.
  if (ids.keys.identity == IdentityClass::kAnonymous ||
      event.source_ip.empty() || event.source_ip.starts_with("127.") ||
      event.source_ip == "::1" || attempt.weight < kLeastToldWeight) {
    return;
  }
  // In its place: to move one is dear.
  Observation& observation = out.observations.emplace_back();
  observation.kind = ObservationKind::kRefusedFirst;
  observation.time = attempt.time;
  observation.actor = ids.keys.actor;
  observation.weight = attempt.weight;
  observation.source_ip = Bounded(event.source_ip, kMaxPartBytes);
  observation.draft =
      OpenFinding(context_, "forbidden_burst", "", event, ids.keys.identity);
  observation.draft->summary = TupleText(attempt.tuple, event.verb);
}

Finding ForbiddenBurst::NewFinding(const AuditEvent& event,
                                   IdentityClass identity,
                                   string_view rule) const {
  Finding finding;
  finding.cluster = context_.cluster;
  finding.rule = rule;
  finding.detector = "forbidden_burst";
  std::string entity = ActorName(event, identity);
  finding.id = FindingId(context_.id_hash, context_.cluster, rule, entity,
                         EventKey(context_.id_hash, context_.cluster, event));
  finding.entity = Bounded(entity, Finding::kMaxTextBytes);
  finding.entity_kind = IdentityClassName(identity);
  finding.SetSubject(event);
  finding.next = StepsAgainstCredential(event, identity);
  return finding;
}

absl::Time ForbiddenBurst::DeadlineOf(const RefusalRecord& refused) const {
  if (refused.open->slow) {
    return std::min(refused.slow.last + kSlowQuiet,
                    DecaysTo(refused.slow.score, options_.threshold_slow / 2,
                             kSlowHalfLife));
  }
  return std::min(
      refused.fast.last + kFastQuiet,
      DecaysTo(refused.fast.score, options_.threshold_fast / 2, kFastHalfLife));
}

void ForbiddenBurst::SetDeadline(EntityId id, OpenRefusal& open,
                                 absl::Time deadline) {
  deadlines_.erase({open.deadline, id});
  open.deadline = deadline;
  deadlines_.insert({deadline, id});
}

Finding ForbiddenBurst::Finish(ForbiddenActor& actor) {
  RefusalRecord& refused = *actor.refused;
  Finding finding = WriteForbiddenFinding(actor, FindingState::kFinal,
                                          refused.reported().last);
  // As after every alarm of a CUSUM: it begins at zero. So a burst that was
  // reported does not come back as a slow finding.
  refused.fast = RefusalScore();
  refused.slow = RefusalScore();
  refused.kinds = std::vector<RefusedKind>();
  refused.evidence = std::vector<PackedEvidence>();
  refused.open.reset();
  return finding;
}

}  // namespace oddverb
