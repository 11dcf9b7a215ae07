#include "detectors/rule_correlations.h"

#include <algorithm>

#include "base/status_macros.h"
#include "detectors/correlation_finding.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;
// Kinds of rows.
constexpr uint8_t kEngineRow = 0;
constexpr uint8_t kCaseRow = 1;

// The pipeline waits for the stream's lateness before it moves the watermark,
// so nothing is added here. Repeats make the cases grow.
CorrelationEngine::Options EngineOptions() {
  CorrelationEngine::Options options;
  options.tell_repeats = true;
  return options;
}

void AddTo(std::atomic<uint64_t>& total, uint64_t now, uint64_t& before) {
  total.fetch_add(now - before, std::memory_order_relaxed);
  before = now;
}

}  // namespace

RuleCorrelations::RuleCorrelations(const DetectorContext& context)
    : context_(context) {
  if (context_.rules != nullptr) TakeRules();
}

void RuleCorrelations::TakeRules() {
  if (context_.rules->version() == version_) return;
  // Asked first: what comes in between is taken over with the next call.
  version_ = context_.rules->version();
  in_force_ = context_.rules->Get();
  if (!engine_.has_value()) {
    engine_.emplace(in_force_->correlations, EngineOptions());
  } else {
    engine_->Replace(in_force_->correlations);
  }
}

void RuleCorrelations::CountLosses() {
  const CorrelationEngine::Counts& now = engine_->counts();
  LiveRules::CorrelationLosses& losses = context_.rules->losses();
  AddTo(losses.late, now.late, counted_.late);
  AddTo(losses.evicted_groups, now.evicted_groups, counted_.evicted_groups);
  AddTo(losses.dropped_values, now.dropped_values, counted_.dropped_values);
  AddTo(losses.hurried, now.hurried, counted_.hurried);
  AddTo(losses.forgotten, now.forgotten, counted_.forgotten);
}

void RuleCorrelations::Observe(const Observation& observation,
                               const ObservationIds&, Emit& out) {
  if (observation.matches.empty() || context_.rules == nullptr) return;
  TakeRules();
  std::vector<CorrelationAlert> alerts;
  for (const CorrelationInput& match : observation.matches) {
    auto number = in_force_->correlations->Find(match.fingerprint);
    if (!number.has_value()) {
      // The rules were replaced between the shard and here.
      context_.rules->losses().forgotten.fetch_add(1,
                                                   std::memory_order_relaxed);
      continue;
    }
    CorrelationInput input = match;
    input.correlation = *number;
    engine_->Observe(std::move(input), alerts);
  }
  Tell(std::move(alerts), out);
}

void RuleCorrelations::AdvanceTo(absl::Time watermark, Emit& out) {
  if (context_.rules == nullptr) return;
  TakeRules();
  std::vector<CorrelationAlert> alerts;
  engine_->AdvanceTo(watermark, alerts);
  Tell(std::move(alerts), out);
  while (!ends_.empty() && ends_.begin()->first.first <= watermark) {
    EndCase(cases_.find(ends_.begin()->second), out);
  }
}

RuleCorrelations::CaseKey RuleCorrelations::KeyOf(
    const CorrelationAlert& alert) const {
  HashInput input;
  input.Add(in_force_->correlations->FingerprintOf(alert.correlation));
  for (const std::string& value : alert.group) input.Add(value);
  return context_.id_hash.HashWide(input.bytes());
}

void RuleCorrelations::Tell(std::vector<CorrelationAlert> alerts, Emit& out) {
  for (const CorrelationAlert& alert : alerts) {
    if (!alert.is_repeat) {
      in_force_->alerts_made[alert.correlation]->fetch_add(
          1, std::memory_order_relaxed);
    }
    CaseKey key = KeyOf(alert);
    auto it = cases_.find(key);
    if (it != cases_.end() && it->second.EndsAt() <= alert.time) {
      EndCase(it, out);
      it = cases_.end();
    }
    if (it != cases_.end()) {
      ExtendCase(it, alert, out);
    } else {
      OpenCase(key, alert, out);
    }
  }
  CountLosses();
}

void RuleCorrelations::OpenCase(const CaseKey& key,
                                const CorrelationAlert& alert, Emit& out) {
  if (cases_.size() >= kMaxCases) {
    EndCase(cases_.find(ends_.begin()->second), out);
  }
  const Correlation& of =
      in_force_->correlations->correlations()[alert.correlation];
  Case opened;
  opened.quiet = std::max(kCaseWindow, of.timespan);
  opened.finding = DescribeCorrelation(of, alert);
  Finding& finding = opened.finding;
  finding.cluster = context_.cluster;
  finding.detector = "rule_match";
  // No event stands for it: the one that completes a window may complete those
  // of several groups.
  HashInput opening;
  opening.Add(static_cast<uint64_t>(absl::ToUnixNanos(alert.time)));
  for (const std::string& value : alert.group) opening.Add(value);
  finding.id =
      FindingId(context_.id_hash, context_.cluster, finding.rule,
                finding.entity, context_.id_hash.HashWide(opening.bytes()));
  finding.time = std::max(out.stream_time, alert.time);
  out.Report(finding);
  opened.reported_count = finding.count;
  opened.number = case_numbers_.Take();
  ends_[{opened.EndsAt(), finding.id}] = key;
  auto it = cases_.emplace(key, std::move(opened)).first;
  uint32_t number = it->second.number;
  if (number >= case_rows_.size()) case_rows_.resize(size_t{number} + 1);
  case_rows_[number] = &*it;
}

void RuleCorrelations::ExtendCase(Cases::iterator it,
                                  const CorrelationAlert& alert, Emit& out) {
  Case& open = it->second;
  Finding& finding = open.finding;
  ends_.erase({open.EndsAt(), finding.id});
  finding.count += static_cast<int64_t>(alert.matches);
  finding.first_seen = std::min(finding.first_seen, alert.since);
  finding.last_seen = std::max(finding.last_seen, alert.time);
  AddSamples(in_force_->correlations->correlations()[alert.correlation],
             alert.samples, finding);
  ends_[{open.EndsAt(), finding.id}] = it->first;
  case_numbers_.MarkChanged(open.number);
  if (finding.count < 2 * open.reported_count) return;
  open.reported_count = finding.count;
  finding.state = FindingState::kUpdate;
  out.Report(finding);
}

void RuleCorrelations::EndCase(Cases::iterator it, Emit& out) {
  Case& open = it->second;
  ends_.erase({open.EndsAt(), open.finding.id});
  case_rows_[open.number] = nullptr;
  case_numbers_.Free(open.number);
  open.finding.state = FindingState::kFinal;
  out.Report(std::move(open.finding));
  cases_.erase(it);
}

void RuleCorrelations::SaveShared(StateWriter& out) const {
  if (!engine_.has_value()) return;
  out.PutU64(kStateVersion);
  engine_->SaveShared(out);
}

absl::Status RuleCorrelations::LoadShared(StateReader& in) {
  if (!engine_.has_value()) return absl::OkStatus();
  if (in.GetU64() != kStateVersion) in.Fail();
  ODDVERB_RETURN_IF_ERROR(in.status());
  has_state_ = true;
  ODDVERB_RETURN_IF_ERROR(engine_->LoadShared(in));
  // They were told by the process that lost them.
  counted_ = engine_->counts();
  return absl::OkStatus();
}

void RuleCorrelations::TakeRows(std::vector<DetectorRow>& out) {
  if (!engine_.has_value()) return;
  std::vector<CorrelationRow> rows;
  engine_->TakeChanges(rows);
  for (CorrelationRow& row : rows) {
    out.push_back({kEngineRow, row.number, std::move(row.bytes)});
  }
  for (uint32_t number : case_numbers_.TakeChanged()) {
    StateWriter state;
    if (case_rows_[number] != nullptr) {
      const auto& [key, open] = *case_rows_[number];
      state.PutI64(absl::ToInt64Nanoseconds(open.quiet));
      state.PutI64(open.reported_count);
      state.PutFixed64(key.high);
      state.PutFixed64(key.low);
      SaveFinding(open.finding, state);
    }
    out.push_back({kCaseRow, number, state.Release()});
  }
}

absl::Status RuleCorrelations::LoadRow(uint8_t kind, uint32_t number,
                                       std::string_view bytes) {
  if (!engine_.has_value()) return absl::OkStatus();
  if (kind == kEngineRow) {
    return has_state_ ? engine_->LoadRow(number, bytes)
                      : engine_->DropRow(number);
  }
  if (!case_numbers_.Append(number)) {
    return absl::DataLossError("rule_match: a case is missing");
  }
  case_rows_.push_back(nullptr);
  if (!has_state_) case_numbers_.MarkChanged(number);
  if (bytes.empty() || !has_state_) return absl::OkStatus();
  StateReader in(bytes);
  Case open;
  open.quiet = absl::Nanoseconds(in.GetI64());
  open.reported_count = in.GetI64();
  CaseKey key;
  key.high = in.GetFixed64();
  key.low = in.GetFixed64();
  open.finding = LoadFinding(in);
  open.number = number;
  ODDVERB_RETURN_IF_ERROR(in.status());
  ends_[{open.EndsAt(), open.finding.id}] = key;
  auto [it, is_new] = cases_.emplace(key, std::move(open));
  if (!is_new) return absl::DataLossError("rule_match: a case stands twice");
  case_numbers_.TakeBack(number);
  case_rows_[number] = &*it;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeRuleCorrelations(
    const DetectorContext& context, const YamlNode&) {
  return std::make_unique<RuleCorrelations>(context);
}

}  // namespace oddverb
