#include "detectors/rule_judge.h"

namespace oddverb {

void RuleJudge::TakeRules(LiveRules& rules) {
  if (rules_ == &rules && rules.version() == version_) return;
  rules_ = &rules;
  // Asked first: what comes in between is taken over with the next event.
  version_ = rules.version();
  in_force_ = rules.Get();
  matcher_.reset();
  if (!in_force_->rules->rules().empty()) matcher_.emplace(in_force_->rules);
}

std::span<const Rule* const> RuleJudge::Judge(const AuditEvent& event,
                                              RuleMatcher::Request request) {
  std::span<const Rule* const> matches = matcher_->Match(event, request);
  if (matches.empty()) return matches;
  arena_.Clear();
  const Rule* const first = in_force_->rules->rules().data();
  for (const Rule* rule : matches) {
    auto number = static_cast<uint32_t>(rule - first);
    in_force_->matches[number]->fetch_add(1, std::memory_order_relaxed);
    in_force_->correlations->Extract(number, event, arena_, inputs_);
  }
  return matches;
}

}  // namespace oddverb
