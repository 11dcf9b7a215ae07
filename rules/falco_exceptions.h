// Exceptions of Falco's rules: tuples of fields, comparisons and values under
// which a rule does not count. Pure functions.
#ifndef ODDVERB_RULES_FALCO_EXCEPTIONS_H_
#define ODDVERB_RULES_FALCO_EXCEPTIONS_H_

#include <string>
#include <utility>
#include <vector>

#include "rules/falco_condition.h"
#include "rules/falco_definitions.h"

namespace oddverb {

struct FalcoExceptionResult {
  // When the exception holds; never, if it has no values.
  Predicate predicate = Predicate::False();
  std::vector<std::pair<FalcoNode, std::string>> errors;
};

// One field: its values are one set (compared by "in" unless `comps` says
// otherwise). A list of fields: each value is a tuple, compared by "=".
FalcoExceptionResult CompileFalcoException(const FalcoException& exception,
                                           const FalcoScope& scope);

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_EXCEPTIONS_H_
