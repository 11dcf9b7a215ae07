#include "detectors/attack_case.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "model/attack_tactic.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;
constexpr absl::Duration kFresh = absl::Hours(1);
constexpr absl::Duration kHalfLife = absl::Hours(6);
constexpr size_t kMaxStepText = 100;
constexpr size_t kStepsInSummary = 3;
constexpr size_t kMinTactics = 2;
// Rules from medium on, and requests that they are about: two rules that speak
// of one request are one step.
constexpr size_t kMinGrave = 2;

// Log-odds of "attacker", as each level is meant.
double Weight(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return 0.5;
    case Severity::kLow:
      return 1;
    case Severity::kMedium:
      return 2;
    case Severity::kHigh:
      return 4;
    case Severity::kCritical:
      return 6;
  }
  return 0;
}

std::string LowerFirst(std::string_view title) {
  std::string text(title);
  // Not of an abbreviation.
  const bool is_word = text.size() > 1 && text[1] >= 'a' && text[1] <= 'z' &&
                       text[0] >= 'A' && text[0] <= 'Z';
  if (is_word) text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

}  // namespace

bool AttackCase::Shares(const std::vector<uint64_t>& keys) const {
  return std::any_of(keys.begin(), keys.end(), [this](uint64_t key) {
    return std::find(keys_.begin(), keys_.end(), key) != keys_.end();
  });
}

void AttackCase::AddKeys(const std::vector<uint64_t>& keys) {
  for (uint64_t key : keys) {
    if (keys_.size() >= kMaxKeys) return;
    if (std::find(keys_.begin(), keys_.end(), key) == keys_.end()) {
      keys_.push_back(key);
    }
  }
}

double AttackCase::WeightOf(const Step& step) {
  // What people write rules for is often only unusual.
  return Weight(step.severity) * (step.is_builtin ? 1 : 0.5);
}

double AttackCase::RiskAt(const Step& step, absl::Time now) const {
  const double halves =
      std::max(0.0, absl::FDivDuration(now - step.time - kFresh, kHalfLife));
  return WeightOf(step) * std::exp2(-halves);
}

bool AttackCase::Add(const Finding& finding) {
  if (steps_.empty()) opening_ = finding.id;
  last_seen_ = std::max(last_seen_, finding.last_seen);
  const bool is_gravest = std::all_of(
      steps_.begin(), steps_.end(),
      [&](const Step& step) { return step.severity < finding.severity; });
  if (is_gravest) subject_ = finding;
  auto same = std::find_if(steps_.begin(), steps_.end(), [&](const Step& step) {
    return step.id == finding.id;
  });
  if (same != steps_.end()) {
    if (finding.severity <= same->severity) return false;
    same->severity = finding.severity;
    same->title = Bounded(finding.title, kMaxStepText);
    return true;
  }
  Step step;
  step.id = finding.id;
  step.rule = finding.rule;
  step.title = Bounded(finding.title, kMaxStepText);
  step.who = Bounded(finding.entity, kMaxStepText);
  if (!finding.attack.empty()) step.technique = finding.attack.front();
  step.severity = finding.severity;
  step.is_builtin = finding.source == "builtin";
  step.time = finding.first_seen;
  if (!finding.evidence.empty()) step.evidence = finding.evidence.front();
  auto at = std::upper_bound(
      steps_.begin(), steps_.end(), step,
      [](const Step& a, const Step& b) { return a.time < b.time; });
  steps_.insert(at, std::move(step));
  Trim();
  return true;
}

void AttackCase::Join(AttackCase other) {
  AddKeys(other.keys_);
  auto gravest = [](const AttackCase& one) {
    return one.steps_.empty() ? Severity::kInfo : one.subject_.severity;
  };
  if (gravest(other) > gravest(*this)) subject_ = std::move(other.subject_);
  last_seen_ = std::max(last_seen_, other.last_seen_);
  for (Step& step : other.steps_) steps_.push_back(std::move(step));
  std::stable_sort(
      steps_.begin(), steps_.end(),
      [](const Step& a, const Step& b) { return a.time < b.time; });
  Trim();
}

// What weighs least goes, of that the newest.
void AttackCase::Trim() {
  while (steps_.size() > kMaxSteps) {
    auto least = steps_.end() - 1;
    for (auto step = steps_.end(); step-- != steps_.begin();) {
      if (WeightOf(*step) < WeightOf(*least)) least = step;
    }
    steps_.erase(least);
  }
}

std::vector<size_t> AttackCase::Gravest() const {
  std::vector<size_t> gravest;
  for (size_t i = 0; i < steps_.size(); ++i) {
    auto same = std::find_if(gravest.begin(), gravest.end(), [&](size_t j) {
      return steps_[j].rule == steps_[i].rule;
    });
    if (same == gravest.end()) {
      gravest.push_back(i);
    } else if (WeightOf(steps_[i]) > WeightOf(steps_[*same])) {
      *same = i;
    }
  }
  std::sort(gravest.begin(), gravest.end());
  return gravest;
}

double AttackCase::RiskAt(absl::Time now) const {
  double risk = 0;
  for (size_t i : Gravest()) risk += RiskAt(steps_[i], now);
  return risk;
}

bool AttackCase::IsAttack(const std::vector<size_t>& steps) const {
  std::set<std::string_view> tactics;
  std::set<std::pair<absl::Time, std::string_view>> requests;
  size_t grave = 0;
  bool is_sure = false;
  for (size_t i : steps) {
    const Step& step = steps_[i];
    if (step.severity < Severity::kMedium) continue;
    ++grave;
    requests.emplace(step.evidence.time, step.evidence.uri);
    is_sure |= step.is_builtin && step.severity >= Severity::kHigh;
    std::string_view tactic = TacticOf(step.technique);
    if (!tactic.empty()) tactics.insert(tactic);
  }
  return is_sure && grave >= kMinGrave && requests.size() >= kMinGrave &&
         tactics.size() >= kMinTactics && RiskAt(last_seen_) >= kThreshold;
}

std::optional<Finding> AttackCase::Judge(const DetectorContext& context) {
  const std::vector<size_t> steps = Gravest();
  if (!reported_.has_value() && !IsAttack(steps)) return std::nullopt;
  // Once told, a further rule is news, and nothing else.
  const auto rules = static_cast<uint32_t>(steps.size());
  if (reported_.has_value() && rules <= reported_rules_) return std::nullopt;
  Finding finding = Write(context, steps);
  if (reported_.has_value()) finding.state = FindingState::kUpdate;
  reported_rules_ = rules;
  reported_ = finding;
  return finding;
}

Finding AttackCase::Write(const DetectorContext& context,
                          const std::vector<size_t>& steps) const {
  Finding finding;
  finding.cluster = context.cluster;
  finding.rule = kSequenceRule;
  finding.detector = kSequenceDetector;
  finding.severity = Severity::kCritical;
  finding.threshold = kThreshold;
  finding.entity = subject_.entity;
  finding.entity_kind = subject_.entity_kind;
  finding.id = reported_.has_value()
                   ? reported_->id
                   : FindingId(context.id_hash, context.cluster, finding.rule,
                               finding.entity, opening_);
  finding.who = subject_.who;
  finding.where = subject_.where;
  finding.what = subject_.what;
  finding.first_seen = steps_[steps.front()].time;
  finding.last_seen = std::max(last_seen_, finding.first_seen);
  finding.count = static_cast<int64_t>(steps.size());
  std::string told;
  for (size_t n = 0; n < steps.size(); ++n) {
    const Step& step = steps_[steps[n]];
    AddReason(step.rule, absl::StrCat(step.who, ": ", step.title),
              RiskAt(step, last_seen_), finding);
    if (finding.evidence.size() < Finding::kMaxEvidence) {
      finding.evidence.push_back(step.evidence);
    }
    AddDistinct(step.technique, finding.attack);
    if (n < kStepsInSummary) {
      absl::StrAppend(&told, n == 0 ? "" : ", then ", LowerFirst(step.title));
    }
  }
  if (steps.size() > kStepsInSummary) {
    absl::StrAppend(&told, ", and ", steps.size() - kStepsInSummary, " more");
  }
  finding.confidence = std::min(0.99, 0.6 + finding.score / 50);
  finding.title = "Several findings look like one attack";
  finding.summary =
      Bounded(absl::StrCat(Bounded(finding.entity, kMaxStepText), ": within ",
                           SpanText(finding.first_seen, finding.last_seen),
                           ": ", told, "."),
              2 * Finding::kMaxTextBytes);
  finding.normal =
      "Findings of different kinds about one identity, credential, pod or "
      "address are rare: each alone may have an honest cause.";
  finding.next = subject_.next;
  finding.benign_checks = {
      "Each rule counts once, by its gravest finding; in full for an hour, "
      "then half after each six.",
      "An address that more than four identities use joins nothing."};
  finding.practice = subject_.practice;
  return finding;
}

Finding AttackCase::Final() const {
  Finding finding = *reported_;
  finding.state = FindingState::kFinal;
  return finding;
}

void AttackCase::Save(StateWriter& out) const {
  out.PutU64(kStateVersion);
  out.PutU64(keys_.size());
  for (uint64_t key : keys_) out.PutFixed64(key);
  out.PutU64(steps_.size());
  for (const Step& step : steps_) {
    out.PutFixed64(step.id.high);
    out.PutFixed64(step.id.low);
    out.PutString(step.rule);
    out.PutString(step.title);
    out.PutString(step.who);
    out.PutString(step.technique);
    out.PutU64(static_cast<uint64_t>(step.severity));
    out.PutU64(step.is_builtin ? 1 : 0);
    out.PutTime(step.time);
    SaveEvidence(step.evidence, out);
  }
  SaveFinding(subject_, out);
  out.PutTime(last_seen_);
  out.PutU64(reported_rules_);
  out.PutFixed64(opening_.high);
  out.PutFixed64(opening_.low);
  out.PutU64(reported_.has_value() ? 1 : 0);
  if (reported_.has_value()) SaveFinding(*reported_, out);
}

void AttackCase::Load(StateReader& in) {
  if (in.GetU64() != kStateVersion) in.Fail();
  const uint64_t keys = in.GetCount(8);
  if (keys > kMaxKeys) in.Fail();
  for (uint64_t i = 0; i < keys && in.status().ok(); ++i) {
    keys_.push_back(in.GetFixed64());
  }
  const uint64_t steps = in.GetCount(24);
  if (steps > kMaxSteps) in.Fail();
  for (uint64_t i = 0; i < steps && in.status().ok(); ++i) {
    Step& step = steps_.emplace_back();
    step.id.high = in.GetFixed64();
    step.id.low = in.GetFixed64();
    step.rule = std::string(in.GetString());
    step.title = std::string(in.GetString());
    step.who = std::string(in.GetString());
    step.technique = std::string(in.GetString());
    const uint64_t severity = in.GetU64();
    if (severity > static_cast<uint64_t>(Severity::kCritical)) in.Fail();
    step.severity = static_cast<Severity>(severity);
    step.is_builtin = in.GetU64() != 0;
    step.time = in.GetTime();
    step.evidence = LoadEvidence(in);
  }
  if (!in.status().ok()) return;
  subject_ = LoadFinding(in);
  last_seen_ = in.GetTime();
  reported_rules_ = static_cast<uint32_t>(in.GetU64());
  opening_.high = in.GetFixed64();
  opening_.low = in.GetFixed64();
  if (in.GetU64() != 0) reported_ = LoadFinding(in);
  if (steps_.empty()) in.Fail();
}

}  // namespace oddverb
