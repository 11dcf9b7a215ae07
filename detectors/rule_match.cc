#include "detectors/rule_match.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "detectors/match_sample.h"
#include "detectors/rule_correlations.h"
#include "detectors/rule_finding.h"
#include "model/event_key.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;

bool QuietSinceLonger(const Finding& a, const Finding& b) {
  return std::pair(a.last_seen, a.id) < std::pair(b.last_seen, b.id);
}

// Ends `finding`'s case. The pipeline sets its time.
Finding FinalOf(Finding finding) {
  finding.state = FindingState::kFinal;
  return finding;
}

uint64_t CaseKey(const KeyedHash& hash, const Rule& rule) {
  HashInput input;
  input.Add(RuleHandle(rule));
  return hash.Hash(input.bytes());
}

}  // namespace

RuleMatch::RuleMatch(const DetectorContext& context) : context_(context) {
  if (context_.rules != nullptr) TakeRules();
}

void RuleMatch::TakeRules() {
  // Asked first: what comes in between is taken over with the next event.
  version_ = context_.rules->version();
  in_force_ = context_.rules->Get();
  matcher_.reset();
  if (!in_force_->rules->rules().empty()) matcher_.emplace(in_force_->rules);
}

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

RuleMatch::ActorState* RuleMatch::StateOf(EntityId actor) const {
  return actor < actors_.size() ? actors_[actor].get() : nullptr;
}

RuleMatch::ActorState& RuleMatch::StateFor(EntityId actor) {
  if (actor >= actors_.size()) actors_.resize(size_t{actor} + 1);
  if (actors_[actor] == nullptr) {
    actors_[actor] = std::make_unique<ActorState>();
  }
  return *actors_[actor];
}

RuleMatcher::Request RuleMatch::RequestOf(const AuditEvent& event,
                                          EntityId actor) {
  using Request = RuleMatcher::Request;
  if (!CarriesResponseStatus(event)) return Request::kOther;
  ActorState* state = StateOf(actor);
  if (event.stage == Stage::kResponseStarted) {
    bool is_full = open_requests_ >= kMaxOpenRequests;
    if (!is_full) state = &StateFor(actor);
    if (is_full && (state == nullptr || state->requests.size() == 0)) {
      return Request::kFirstWithStatus;
    }
  }
  if (state == nullptr) return Request::kFirstWithStatus;
  open_requests_ -= state->requests.size();
  bool is_first =
      state->requests.IsFirst(event, {context_.hash, context_.cluster});
  open_requests_ += state->requests.size();
  return is_first ? Request::kFirstWithStatus : Request::kOther;
}

void RuleMatch::Observe(const AuditEvent& event, const EntityIds& ids,
                        Emit& out) {
  if (context_.rules == nullptr || ids.actor == kNoEntity) return;
  if (context_.rules->version() != version_) TakeRules();
  RuleMatcher::Request request = RequestOf(event, ids.actor);
  if (!matcher_.has_value()) return;
  arena_.Clear();
  const Rule* const first = in_force_->rules->rules().data();
  for (const Rule* rule : matcher_->Match(event, request)) {
    auto number = static_cast<uint32_t>(rule - first);
    in_force_->matches[number]->fetch_add(1, std::memory_order_relaxed);
    in_force_->correlations->Extract(number, event, arena_, inputs_);
    if (rule->alerts) AddMatch(*rule, event, ids, out);
  }
  if (!inputs_.empty()) TellCorrelations(event, out);
}

void RuleMatch::TellCorrelations(const AuditEvent& event, Emit& out) {
  const std::string sample = PackSample(event);
  for (CorrelationInput& input : inputs_) input.samples = {sample};
  Observation observation;
  observation.kind = ObservationKind::kRuleMatches;
  observation.time = event.stage_time;
  observation.matches = std::exchange(inputs_, {});
  out.Observe(std::move(observation));
}

void RuleMatch::AddMatch(const Rule& rule, const AuditEvent& event,
                         const EntityIds& ids, Emit& out) {
  EndQuietCases(ids.actor, event.stage_time, out);
  ActorState& state = StateFor(ids.actor);
  uint64_t key = CaseKey(context_.hash, rule);
  auto open = std::find_if(state.cases.begin(), state.cases.end(),
                           [key](const Case& c) { return c.key == key; });
  if (open != state.cases.end()) return ExtendCase(event, *open, out);
  if (state.cases.size() >= kMaxCasesPerActor) {
    EndLongestQuietCase({ids.actor}, out);
  } else if (case_count_ >= kMaxCases) {
    EndLongestQuietCase(open_actors_, out);
  }
  OpenCase(rule, event, ids, out);
}

void RuleMatch::OpenCase(const Rule& rule, const AuditEvent& event,
                         const EntityIds& ids, Emit& out) {
  Finding finding;
  finding.cluster = context_.cluster;
  finding.detector = "rule_match";
  finding.entity =
      Bounded(ActorName(event, ids.keys.identity), Finding::kMaxTextBytes);
  finding.entity_kind = IdentityClassName(ids.keys.identity);
  DescribeRuleFinding(rule, event, finding);
  finding.id = FindingId(context_.id_hash, context_.cluster, finding.rule,
                         finding.entity,
                         EventKey(context_.id_hash, context_.cluster, event));
  finding.time = std::max(out.stream_time, event.stage_time);
  finding.first_seen = finding.last_seen = event.stage_time;
  finding.count = 1;
  finding.SetSubject(event);
  finding.AddEvidence(event);
  out.Report(finding);

  ActorState& state = StateFor(ids.actor);
  if (state.cases.empty()) open_actors_.push_back(ids.actor);
  state.cases.push_back({.key = CaseKey(context_.hash, rule),
                         .reported_count = 1,
                         .finding = std::move(finding)});
  ++case_count_;
  next_end_ = std::min(next_end_, event.stage_time + kCaseWindow);
}

void RuleMatch::ExtendCase(const AuditEvent& event, Case& open, Emit& out) {
  Finding& finding = open.finding;
  ++finding.count;
  finding.first_seen = std::min(finding.first_seen, event.stage_time);
  finding.last_seen = std::max(finding.last_seen, event.stage_time);
  finding.AddEvidence(event);
  if (finding.count < 2 * open.reported_count) return;
  open.reported_count = finding.count;
  finding.state = FindingState::kUpdate;
  out.Report(finding);
}

void RuleMatch::EndQuietCases(EntityId actor, absl::Time now, Emit& out) {
  ActorState* state = StateOf(actor);
  if (state == nullptr || state->cases.empty()) return;
  auto is_quiet = [now](const Case& open) {
    return open.finding.last_seen + kCaseWindow <= now;
  };
  auto first_quiet =
      std::stable_partition(state->cases.begin(), state->cases.end(),
                            [&](const Case& c) { return !is_quiet(c); });
  if (first_quiet == state->cases.end()) return;
  for (auto it = first_quiet; it != state->cases.end(); ++it) {
    out.Report(FinalOf(std::move(it->finding)));
    --case_count_;
  }
  state->cases.erase(first_quiet, state->cases.end());
  out.MarkChanged(EntityKind::kActor, actor);
  if (state->cases.empty()) std::erase(open_actors_, actor);
  NoteNextEnd();
}

void RuleMatch::EndLongestQuietCase(const std::vector<EntityId>& actors,
                                    Emit& out) {
  EntityId quietest = kNoEntity;
  size_t index = 0;
  for (EntityId actor : actors) {
    const std::vector<Case>& cases = actors_[actor]->cases;
    for (size_t i = 0; i < cases.size(); ++i) {
      if (quietest != kNoEntity &&
          !QuietSinceLonger(cases[i].finding,
                            actors_[quietest]->cases[index].finding)) {
        continue;
      }
      quietest = actor;
      index = i;
    }
  }
  if (quietest == kNoEntity) return;
  std::vector<Case>& cases = actors_[quietest]->cases;
  out.Report(FinalOf(std::move(cases[index].finding)));
  out.MarkChanged(EntityKind::kActor, quietest);
  cases.erase(cases.begin() + static_cast<ptrdiff_t>(index));
  --case_count_;
  if (cases.empty()) std::erase(open_actors_, quietest);
}

void RuleMatch::NoteNextEnd() {
  next_end_ = absl::InfiniteFuture();
  for (EntityId actor : open_actors_) {
    for (const Case& open : actors_[actor]->cases) {
      next_end_ = std::min(next_end_, open.finding.last_seen + kCaseWindow);
    }
  }
}

void RuleMatch::AdvanceTo(absl::Time watermark, Emit& out) {
  if (case_count_ == 0 || watermark < next_end_) return;
  size_t first_report = out.findings.size();
  // Copied: the list loses the actors that have no case any more.
  const std::vector<EntityId> actors = open_actors_;
  for (EntityId actor : actors) EndQuietCases(actor, watermark, out);
  NoteNextEnd();
  // In an order that does not depend on ids, which a restart gives out anew.
  std::sort(out.findings.begin() + static_cast<ptrdiff_t>(first_report),
            out.findings.end(), QuietSinceLonger);
}

void RuleMatch::Forget(EntityKind kind, EntityId id) {
  if (kind != EntityKind::kActor) return;
  ActorState* state = StateOf(id);
  if (state == nullptr) return;
  case_count_ -= state->cases.size();
  open_requests_ -= state->requests.size();
  std::erase(open_actors_, id);
  actors_[id].reset();
}

void RuleMatch::Save(EntityKind kind, EntityId id, StateWriter& out) const {
  if (kind != EntityKind::kActor) return;
  const ActorState* state = StateOf(id);
  if (state == nullptr) return;
  out.PutU64(kStateVersion);
  state->requests.Save(out);
  out.PutU64(state->cases.size());
  for (const Case& open : state->cases) {
    out.PutFixed64(open.key);
    out.PutI64(open.reported_count);
    SaveFinding(open.finding, out);
  }
}

absl::Status RuleMatch::Load(EntityKind kind, EntityId id, StateReader& in) {
  if (kind != EntityKind::kActor || in.AtEnd()) return absl::OkStatus();
  auto state = std::make_unique<ActorState>();
  uint64_t version = in.GetU64();
  ODDVERB_RETURN_IF_ERROR(in.status());
  if (version != kStateVersion) {
    return absl::DataLossError("rule_match: unknown state");
  }
  ODDVERB_RETURN_IF_ERROR(state->requests.Load(in));
  uint64_t case_count = in.GetCount(1);
  ODDVERB_RETURN_IF_ERROR(in.status());
  if (case_count > kMaxCasesPerActor) {
    return absl::DataLossError("rule_match: unknown state");
  }
  state->cases.resize(case_count);
  for (Case& open : state->cases) {
    open.key = in.GetFixed64();
    open.reported_count = in.GetI64();
    open.finding = LoadFinding(in);
  }
  ODDVERB_RETURN_IF_ERROR(in.status());
  Forget(kind, id);
  if (id >= actors_.size()) actors_.resize(size_t{id} + 1);
  if (!state->cases.empty()) open_actors_.push_back(id);
  case_count_ += state->cases.size();
  open_requests_ += state->requests.size();
  actors_[id] = std::move(state);
  NoteNextEnd();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Detector>> MakeRuleMatch(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_RETURN_IF_ERROR(options.CheckAllKeysUsed());
  return std::make_unique<RuleMatch>(context);
}

}  // namespace oddverb
