// What an event must have for a predicate to hold: conditions that follow from
// it, each on one field. Necessary, not sufficient. Pure functions.
#ifndef ODDVERB_RULES_REQUIRED_H_
#define ODDVERB_RULES_REQUIRED_H_

#include <map>
#include <string>
#include <vector>

#include "rules/predicate.h"

namespace oddverb {

// The field has one of these values, or is absent where that is allowed.
struct RequiredValues {
  std::vector<std::string> values;  // folded, sorted
  bool may_be_absent = false;       // or null
};

struct Required {
  std::map<Field, RequiredValues> values;
  // A folded text of the field holds one of these.
  std::map<Field, std::vector<std::string>> literals;
};

Required RequiredBy(const Predicate& predicate);

}  // namespace oddverb

#endif  // ODDVERB_RULES_REQUIRED_H_
