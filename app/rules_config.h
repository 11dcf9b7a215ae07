// What a person says about rules, in the configuration's key `rules` and on the
// command line, and the rules that this comes to.
#ifndef ODDVERB_APP_RULES_CONFIG_H_
#define ODDVERB_APP_RULES_CONFIG_H_

#include <string>
#include <vector>

#include "rules/rule_selection.h"

namespace oddverb {

class ConfigFields;
struct RuleFiles;
struct RuleLanguageOptions;

// What %NAME% stands for in Sigma's rules.
struct PlaceholderConfig {
  std::string name = {};
  std::vector<std::string> values = {};
};

struct RulesConfig {
  bool builtin = false;                 // those that come with the program
  std::vector<std::string> paths = {};  // files and folders
  RuleSelection selection = {};
  std::vector<PlaceholderConfig> placeholders = {};  // of one name: together
  // Whether a broken rule, or a path that cannot be read, is refused as a whole
  // instead of being told and left out.
  bool strict = false;

  std::string place = {};  // "file:line:column", for messages
};

// The keys below `rules`.
void VisitRules(ConfigFields& fields, RulesConfig& rules);

// What the rules' languages want to know of it.
RuleLanguageOptions LanguagesOf(const RulesConfig& config);

// Reads all of it anew.
RuleFiles LoadRules(const RulesConfig& config);

// "42 rules of 3 files, 2 refused".
std::string RulesSummary(const RuleFiles& files);

}  // namespace oddverb

#endif  // ODDVERB_APP_RULES_CONFIG_H_
