#include "detectors/rule_match.h"

#include <utility>

#include "base/status_macros.h"
#include "detectors/event_finding.h"
#include "detectors/match_sample.h"
#include "detectors/rule_correlations.h"
#include "detectors/rule_finding.h"
#include "detectors/rule_judge.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;

uint64_t CaseKey(const KeyedHash& hash, const Rule& rule) {
  HashInput input;
  input.Add(RuleHandle(rule));
  return hash.Hash(input.bytes());
}

// Of the actor, the rule and the stretch of time, not of the event: which event
// comes first depends on how several files, or senders, are read. Two cases
// are in two stretches, as one ends after so much quiet.
Hash128 IdOf(const DetectorContext& context, const AuditEvent& event,
             const Finding& finding) {
  const int64_t stretch = absl::ToUnixSeconds(event.stage_time) /
                          absl::ToInt64Seconds(RuleMatch::kCaseWindow);
  // With the key of ids, which is the same everywhere.
  HashInput opening;
  opening.Add(KeysOf(context.id_hash, event).actor)
      .Add(static_cast<uint64_t>(stretch));
  return FindingId(context.id_hash, context.cluster, finding.rule,
                   finding.entity, context.id_hash.HashWide(opening.bytes()));
}

}  // namespace

RuleMatch::RuleMatch(const DetectorContext& context) : context_(context) {}

FieldSet RuleMatch::fields() const {
  if (context_.rules == nullptr) return FieldSet();
  return context_.rules->fields() |
         Fields({FieldId::kAuditId, FieldId::kStage, FieldId::kRequestUri,
                 FieldId::kVerb, FieldId::kUserName, FieldId::kUserGroups,
                 FieldId::kUserExtra, FieldId::kImpersonatedUser,
                 FieldId::kSourceIps, FieldId::kUserAgent, FieldId::kObjectRef,
                 FieldId::kResponseStatus, FieldId::kReceivedTimestamp,
                 FieldId::kStageTimestamp});
}

JudgedRequests* RuleMatch::RequestsOf(EntityId actor) const {
  return actor < requests_.size() ? requests_[actor].get() : nullptr;
}

JudgedRequests& RuleMatch::RequestsFor(EntityId actor) {
  if (actor >= requests_.size()) requests_.resize(size_t{actor} + 1);
  if (requests_[actor] == nullptr) {
    requests_[actor] = std::make_unique<JudgedRequests>();
  }
  return *requests_[actor];
}

RuleMatcher::Request RuleMatch::RequestOf(const AuditEvent& event,
                                          EntityId actor) {
  using Request = RuleMatcher::Request;
  if (!CarriesResponseStatus(event)) return Request::kOther;
  JudgedRequests* requests = RequestsOf(actor);
  if (event.stage == Stage::kResponseStarted) {
    bool is_full = open_requests_ >= kMaxOpenRequests;
    if (!is_full) requests = &RequestsFor(actor);
    if (is_full && (requests == nullptr || requests->size() == 0)) {
      return Request::kFirstWithStatus;
    }
  }
  if (requests == nullptr) return Request::kFirstWithStatus;
  open_requests_ -= requests->size();
  bool is_first = requests->IsFirst(event, {context_.hash, context_.cluster});
  open_requests_ += requests->size();
  return is_first ? Request::kFirstWithStatus : Request::kOther;
}

void RuleMatch::Observe(const AuditEvent& event, const EntityIds& ids,
                        Emit& out) {
  if (context_.rules == nullptr || ids.actor == kNoEntity) return;
  if (out.rule_judge == nullptr) out.rule_judge = std::make_shared<RuleJudge>();
  RuleJudge& judge = *out.rule_judge;
  judge.TakeRules(*context_.rules);
  // A request under way when rules come is new to them.
  if (!judge.HasRules()) return;
  RuleMatcher::Request request = RequestOf(event, ids.actor);
  for (const Rule* rule : judge.Judge(event, request)) {
    if (rule->alerts) AddMatch(*rule, event, ids, out);
  }
  if (!judge.inputs().empty()) {
    TellCorrelations(event, std::exchange(judge.inputs(), {}), out);
  }
}

void RuleMatch::TellCorrelations(const AuditEvent& event,
                                 std::vector<CorrelationInput> inputs,
                                 Emit& out) {
  const std::string sample = PackSample(event);
  for (CorrelationInput& input : inputs) input.samples = {sample};
  Observation observation;
  observation.kind = ObservationKind::kRuleMatches;
  observation.time = event.stage_time;
  observation.matches = std::move(inputs);
  out.Observe(std::move(observation));
}

void RuleMatch::AddMatch(const Rule& rule, const AuditEvent& event,
                         const EntityIds& ids, Emit& out) {
  cases_.EndQuiet(ids.actor, event.stage_time, out);
  const uint64_t key = CaseKey(context_.hash, rule);
  if (KeyedCases::Case* open = cases_.Find(ids.actor, key); open != nullptr) {
    KeyedCases::Count(event, *open);
    KeyedCases::ReportGrowth(*open, /*is_news=*/false, out);
    return;
  }
  const bool ends_one = cases_.OpeningEndsOne(ids.actor);
  if (cases_.IsFull(ids.actor)) cases_.EndLongestQuietOf(ids.actor, out);
  Finding finding = OpenFinding(
      context_, "rule_match", Bounded(RuleHandle(rule), Finding::kMaxTextBytes),
      event, ids.keys.identity);
  // One that had to end early may come again in the same stretch of time: then
  // the id of its event, which OpenFinding() gives it, tells them apart.
  if (!ends_one) finding.id = IdOf(context_, event, finding);
  DescribeRuleFinding(rule, event, finding);
  cases_.Open(ids.actor, key, std::move(finding), out);
}

void RuleMatch::AdvanceTo(absl::Time watermark, Emit& out) {
  cases_.AdvanceTo(watermark, out);
}

void RuleMatch::Forget(EntityKind kind, EntityId id) {
  if (kind != EntityKind::kActor) return;
  cases_.Forget(id);
  JudgedRequests* requests = RequestsOf(id);
  if (requests == nullptr) return;
  open_requests_ -= requests->size();
  requests_[id].reset();
}

// Requests under way are counted over all actors.
bool RuleMatch::CanRest(EntityKind kind, EntityId id) const {
  if (kind != EntityKind::kActor) return true;
  const JudgedRequests* requests = RequestsOf(id);
  return cases_.CountOf(id) == 0 &&
         (requests == nullptr || requests->size() == 0);
}

void RuleMatch::Save(EntityKind kind, EntityId id, StateWriter& out) const {
  if (kind != EntityKind::kActor) return;
  const JudgedRequests* requests = RequestsOf(id);
  if (requests == nullptr && cases_.CountOf(id) == 0) return;
  out.PutVersion(kStateVersion);
  (requests != nullptr ? *requests : JudgedRequests()).Save(out);
  cases_.Save(id, out);
}

absl::Status RuleMatch::Load(EntityKind kind, EntityId id, StateReader& in) {
  if (kind != EntityKind::kActor || in.AtEnd()) return absl::OkStatus();
  if (in.GetVersion(kStateVersion) != kStateVersion) {
    return absl::DataLossError("rule_match: unknown state");
  }
  JudgedRequests requests;
  ODDVERB_RETURN_IF_ERROR(requests.Load(in));
  Forget(kind, id);
  ODDVERB_RETURN_IF_ERROR(cases_.Load(id, in));
  if (requests.size() == 0) return absl::OkStatus();
  open_requests_ += requests.size();
  RequestsFor(id) = std::move(requests);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Detector>> MakeRuleMatch(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_RETURN_IF_ERROR(options.CheckAllKeysUsed());
  return std::make_unique<RuleMatch>(context);
}

}  // namespace oddverb
