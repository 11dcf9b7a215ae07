#include "rules/rule_set.h"

#include <algorithm>
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

std::span<const Rule* const> RuleMatcher::Match(const RuleRecord& record,
                                                Request request) {
  state_.Begin(record);
  numbers_.clear();
  for (uint32_t number :
       rules_->index_->Candidates(state_.values(), index_state_)) {
    bool judges = request == Request::kFirstWithStatus ||
                  rules_->occasions_[number] == Occasion::kEvent;
    if (judges && rules_->program_->Matches(number, state_)) {
      numbers_.push_back(number);
    }
  }
  std::sort(numbers_.begin(), numbers_.end());
  matches_.clear();
  bool only_first = rules_->matching_ == RuleMatching::kFirst;
  bool has_falco = false;
  for (uint32_t number : numbers_) {
    const Rule& rule = rules_->rules_[number];
    bool is_falco = rule.language == RuleLanguage::kFalco;
    if (only_first && is_falco && has_falco) continue;
    has_falco |= is_falco;
    matches_.push_back(&rule);
  }
  return matches_;
}

}  // namespace oddverb
