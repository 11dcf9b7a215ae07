// The condition of a Sigma rule or filter: selections joined by and, or, not,
// "1 of NAMES", "all of NAMES", "N of NAMES", parentheses. Pure function.
#ifndef ODDVERB_RULES_SIGMA_CONDITION_H_
#define ODDVERB_RULES_SIGMA_CONDITION_H_

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/predicate.h"

namespace oddverb {

using SigmaSelections = std::map<std::string, Predicate, std::less<>>;

struct SigmaConditionError {
  size_t offset = 0;  // in the condition's text
  std::string message;
};

struct SigmaCondition {
  Predicate predicate = Predicate::False();
  bool begins_with_not = false;  // the whole of it is "not ..."
  std::set<std::string, std::less<>> used;
  std::vector<SigmaConditionError> errors;  // empty = `predicate` is good
};

SigmaCondition ParseSigmaCondition(std::string_view text,
                                   const SigmaSelections& selections);

}  // namespace oddverb

#endif  // ODDVERB_RULES_SIGMA_CONDITION_H_
