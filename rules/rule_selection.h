// Which of the rules that were read are in force: by name, by level, by status.
// One thread.
#ifndef ODDVERB_RULES_RULE_SELECTION_H_
#define ODDVERB_RULES_RULE_SELECTION_H_

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/glob.h"
#include "rules/rule.h"

namespace oddverb {

// Sigma's, from the least to the most trusted.
enum class RuleStatus : uint8_t {
  kUnsupported,
  kDeprecated,
  kExperimental,
  kTest,
  kStable
};
std::string_view RuleStatusName(RuleStatus status);

struct RuleSelection {
  // Name, id, title or tag of rules; "*" and "?" stand for letters. What
  // `enable` names is in force whatever else is said here, and whether or not
  // its file has switched it on.
  std::vector<std::string> enable = {}, disable = {};
  // A rule without a level counts as medium, one without a status as stable.
  RuleLevel min_level = RuleLevel::kInformational;
  RuleStatus min_status = RuleStatus::kUnsupported;
};

class RuleSelector {
 public:
  explicit RuleSelector(const RuleSelection& selection);

  // Also remembers what it was asked about, for Unmatched().
  bool IsWanted(const Rule& rule);

  // A message for each pattern that no rule fitted, with the nearest name.
  std::vector<std::string> Unmatched() const;

 private:
  struct Pattern {
    std::string text;
    Glob glob;
    bool used = false;
  };
  static std::vector<Pattern> Parse(const std::vector<std::string>& texts);
  static bool Names(std::vector<Pattern>& patterns, const Rule& rule);
  void AddUnmatched(std::string_view key, const std::vector<Pattern>& patterns,
                    std::vector<std::string>& messages) const;
  void Remember(const Rule& rule);

  const RuleLevel min_level_;
  const RuleStatus min_status_;
  std::vector<Pattern> enable_, disable_;
  std::set<std::string> names_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_SELECTION_H_
