// The rules in force with the memory that judging events by them takes: one for
// all shards of a worker, since most of what is remembered is the same for all.
// No state: a result depends on the rules and the event alone. One thread.
#ifndef ODDVERB_DETECTORS_RULE_JUDGE_H_
#define ODDVERB_DETECTORS_RULE_JUDGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/arena.h"
#include "model/audit_event.h"
#include "rules/correlation_set.h"
#include "rules/live_rules.h"
#include "rules/rule_set.h"

namespace oddverb {

class RuleJudge {
 public:
  // Takes over what is in force by now, if that has changed. `rules` outlives
  // it.
  void TakeRules(LiveRules& rules);
  // Whether there is a rule at all.
  bool HasRules() const { return matcher_.has_value(); }

  // As RuleMatcher::Match(); counts the matches and adds what correlations
  // count to inputs(). REQUIRES: HasRules().
  std::span<const Rule* const> Judge(const AuditEvent& event,
                                     RuleMatcher::Request request);
  // The caller takes them.
  std::vector<CorrelationInput>& inputs() { return inputs_; }

 private:
  const LiveRules* rules_ = nullptr;  // whose version it is
  uint64_t version_ = 0;
  std::shared_ptr<const LiveRules::InForce> in_force_;
  std::optional<RuleMatcher> matcher_;  // absent: there is no rule
  Arena arena_;
  std::vector<CorrelationInput> inputs_;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_RULE_JUDGE_H_
