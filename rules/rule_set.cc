#include "rules/rule_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "rules/falco_output.h"

namespace oddverb {

std::string_view RuleLevelName(RuleLevel level) {
  constexpr std::string_view kNames[] = {"",       "informational", "low",
                                         "medium", "high",          "critical"};
  return kNames[static_cast<size_t>(level)];
}

std::string RulePlace::ToString() const {
  return absl::StrCat(file, ":", line);
}

RuleSet::RuleSet(std::vector<Rule> rules, RuleMatching matching)
    : rules_(std::move(rules)), matching_(matching) {}
RuleSet::~RuleSet() = default;

absl::StatusOr<std::shared_ptr<const RuleSet>> RuleSet::Build(
    std::vector<Rule> rules, RuleMatching matching) {
  std::shared_ptr<RuleSet> set(new RuleSet(std::move(rules), matching));
  std::vector<Predicate> predicates;
  for (const Rule& rule : set->rules_) {
    predicates.push_back(rule.predicate);
    set->occasions_.push_back(rule.occasion);
  }
  ODDVERB_ASSIGN_OR_RETURN(set->program_, Program::Compile(predicates));
  set->index_ = std::make_unique<RuleIndex>(predicates, *set->program_);
  set->fields_ = set->program_->DecodedFields();
  for (const Rule& rule : set->rules_) {
    if (rule.output != nullptr) set->fields_ |= rule.output->fields();
  }
  return set;
}

bool CarriesResponseStatus(const AuditEvent& event) {
  return event.stage != Stage::kRequestReceived;
}

RuleMatcher::RuleMatcher(std::shared_ptr<const RuleSet> rules)
    : rules_(std::move(rules)),
      state_(*rules_->program_),
      index_state_(*rules_->index_) {}

RuleMatcher::~RuleMatcher() = default;

std::span<const Rule* const> RuleMatcher::Match(const AuditEvent& event,
                                                Request request) {
  return Match(RuleRecord(event), request);
}

std::span<const Rule* const> RuleMatcher::Match(RawJson record) {
  return Match(RuleRecord(record), Request::kFirstWithStatus);
}

// In their order.
std::span<const uint32_t> RuleMatcher::FindNumbers(const RuleRecord& record,
                                                   Request request) {
  state_.Begin(record);
  const Program& program = *rules_->program_;
  RuleIndex::Found found = rules_->index_->Find(state_.values(), index_state_);
  auto judges = [&](uint32_t rule) {
    return request == Request::kFirstWithStatus ||
           rules_->occasions_[rule] == Occasion::kEvent;
  };
  judged_.clear();
  for (const RuleIndex::Candidate& candidate : found.open) {
    if (judges(candidate.rule) &&
        program.MatchesFrom(candidate.place, state_)) {
      judged_.push_back(candidate.rule);
    }
  }
  for (uint32_t rule : found.whole) {
    if (judges(rule) && program.Matches(rule, state_)) judged_.push_back(rule);
  }
  if (judged_.empty() && request == Request::kFirstWithStatus) {
    return found.sure;
  }
  std::sort(judged_.begin(), judged_.end());
  sure_.clear();
  std::copy_if(found.sure.begin(), found.sure.end(), std::back_inserter(sure_),
               judges);
  numbers_.clear();
  std::merge(sure_.begin(), sure_.end(), judged_.begin(), judged_.end(),
             std::back_inserter(numbers_));
  return numbers_;
}

std::span<const Rule* const> RuleMatcher::Match(const RuleRecord& record,
                                                Request request) {
  std::span<const uint32_t> numbers = FindNumbers(record, request);
  matches_.clear();
  if (rules_->matching_ == RuleMatching::kAll) {
    for (uint32_t number : numbers) matches_.push_back(&rules_->rules_[number]);
    return matches_;
  }
  bool has_falco = false;
  for (uint32_t number : numbers) {
    const Rule& rule = rules_->rules_[number];
    bool is_falco = rule.language == RuleLanguage::kFalco;
    if (is_falco && has_falco) continue;
    has_falco |= is_falco;
    matches_.push_back(&rule);
  }
  return matches_;
}

}  // namespace oddverb
