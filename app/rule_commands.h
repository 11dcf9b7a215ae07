// The commands `oddverb rules ...`, for people who write rules.
#ifndef ODDVERB_APP_RULE_COMMANDS_H_
#define ODDVERB_APP_RULE_COMMANDS_H_

#include <atomic>
#include <string>
#include <vector>

#include "app/list_text.h"

namespace oddverb {

struct RuleCommandOptions {
  std::vector<std::string> rules;  // files and folders; none: `builtin`
  bool builtin = false;            // the program's own, too
  // Whose placeholders count, and whose rules without any of the above; empty:
  // none.
  std::string config_file;
  std::vector<std::string> logs;  // as `scan` takes them
  bool first_match_only = false;  // of Falco's rules, as Falco does
  ListFormat format = ListFormat::kText;
};

// All that is wrong about the rules. With logs, also what each good one would
// have matched in them: how often a day, and by whom. Returns kExitUsage if a
// rule is broken.
int RunRulesCheck(const RuleCommandOptions& options,
                  const std::atomic<bool>& stop);
// One row a rule.
int RunRulesList(const RuleCommandOptions& options);
// One JSON object a match. Goes on without the rules that are broken, but ends
// with kExitUsage if there are no others.
int RunRulesMatch(const RuleCommandOptions& options,
                  const std::atomic<bool>& stop);

// Judges the cases that lie in the files and folders. kExitFailure if one
// fails, kExitUsage if a rule or a case is broken or there is no case.
int RunRulesTest(const RuleCommandOptions& options);

}  // namespace oddverb

#endif  // ODDVERB_APP_RULE_COMMANDS_H_
