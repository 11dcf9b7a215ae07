// A Falco condition as a predicate. Pure function.
//
//   or < and < not < ( ); FIELD OPERATOR VALUE; names of macros; in value
//   positions the names of lists stand for their items.
#ifndef ODDVERB_RULES_FALCO_CONDITION_H_
#define ODDVERB_RULES_FALCO_CONDITION_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/falco_expression.h"
#include "rules/predicate.h"

namespace oddverb {

// What a condition can refer to.
struct FalcoScope {
  // The items of a list, none of them a list; nullptr if there is no such list.
  std::function<const std::vector<std::string>*(std::string_view)> list;
  // InvalidArgument says why the macro cannot be had.
  std::function<absl::StatusOr<Predicate>(std::string_view)> macro;
  // Told how many comparisons and values are about to be made; false where
  // that is more than can be allowed.
  std::function<bool(size_t)> spend;
};

struct FalcoCondition {
  Predicate predicate = Predicate::False();
  std::vector<FalcoComplaint> complaints;
  bool failed = false;  // `predicate` is no good
};

inline constexpr size_t kMaxFalcoNesting = 100;
// Of one condition; a person mends the first ones first.
inline constexpr size_t kMaxFalcoComplaints = 20;

FalcoCondition ParseFalcoCondition(std::string_view text,
                                   const FalcoScope& scope);

// `text` as the value of a comparison, where it is the name of a list its
// items; without the quotes that may stand around it.
void AppendFalcoValue(std::string_view text, const FalcoScope& scope,
                      std::vector<std::string>& out);

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_CONDITION_H_
