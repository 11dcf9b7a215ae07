// Cases of rules: events that a rule must or must not match, in YAML beside the
// rules. Reading them; rule_case_runner.h judges them. One thread.
//
//   events:                        # bases of this file; may be left out
//     exec: {verb: create, resource: pods, subresource: exec}
//   cases:
//     - rule: exec.reverse_shell   # name or id
//       match:
//         - {base: exec, requestURI: /api/...?command=nc}
//       no_match:
//         - {base: exec}
//     - rule: secret.sweep         # a correlation
//       firings: 1
//       events:
//         - {verb: get, resource: secrets, name: "s-{n}", repeat: 5, every: 2s}
//         - {verb: get, resource: secrets, name: last, at: 5m}
//
// An event is made of a request that succeeded, then its base, then its own
// keys. These are names of fields with dots, or the short ones of objectRef and
// user that rules have; what lies below one is taken literally. A map is added
// to what is there, all else replaces it, null at the top takes a field away.
// `json` gives a whole event instead.
#ifndef ODDVERB_RULES_RULE_CASES_H_
#define ODDVERB_RULES_RULE_CASES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rule.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {

struct CaseEvent {
  RulePlace place;
  std::string json;  // one audit event
};

// One thing to check.
struct RuleCase {
  enum class Expectation : uint8_t { kMatch, kNoMatch, kFirings };

  std::string rule;  // name or id
  RulePlace place;   // of the rule's entry
  Expectation expectation = Expectation::kMatch;
  // Of kMatch and kNoMatch one; of kFirings all, in the order of the text.
  std::vector<CaseEvent> events;
  uint64_t firings = 0;
};

// Of one file.
inline constexpr size_t kMaxCaseEvents = 20'000;

// Whether a file holds cases, and no rules: a line that begins with "cases:".
bool HoldsRuleCases(std::string_view text);

// All cases of a text that can be had; what is wrong with others is added to
// `diagnostics`. `file` is what messages call it.
std::vector<RuleCase> ReadRuleCases(std::string_view file,
                                    std::string_view text,
                                    RuleDiagnostics& diagnostics);

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_CASES_H_
