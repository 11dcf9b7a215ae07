// Judges cases of rules (rule_cases.h) by a loaded rule set, with its
// correlations. One thread.
#ifndef ODDVERB_RULES_RULE_CASE_RUNNER_H_
#define ODDVERB_RULES_RULE_CASE_RUNNER_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "model/audit_event.h"
#include "rules/rule_cases.h"
#include "rules/rule_loader.h"

namespace oddverb {

// Reads the JSON of one event as the program reads its log, and hands it to
// `use`. InvalidArgument, without a call, if it is no audit event.
using CaseDecoder = std::function<absl::Status(
    std::string_view json, const std::function<void(const AuditEvent&)>& use)>;

struct CaseResult {
  RulePlace place;  // of the event, or of a correlation's entry
  std::string rule;
  bool passed = false;
  std::string reason = {};  // empty if it passed
};

// One result for each case, in their order.
std::vector<CaseResult> RunRuleCases(const std::vector<RuleCase>& cases,
                                     const LoadedRules& loaded,
                                     const CaseDecoder& decode);

// Names (else ids) of rules and correlations that have no case that must match,
// or none that must not: for a correlation firings above 0 and none.
struct UntestedRule {
  std::string rule;
  RulePlace place;
  bool lacks_match = false;
  bool lacks_no_match = false;
};
std::vector<UntestedRule> FindUntestedRules(const std::vector<RuleCase>& cases,
                                            const LoadedRules& loaded);

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_CASE_RUNNER_H_
