// The arithmetic of shells, $((0xa9 + 1)): integers, bases, variables,
// assignments. Bounded by its budget and by a depth. Pure; thread-safe.
#ifndef ODDVERB_DETECTORS_SHELL_ARITHMETIC_H_
#define ODDVERB_DETECTORS_SHELL_ARITHMETIC_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "detectors/fold_budget.h"

namespace oddverb {

struct ArithmeticVariables {
  std::function<std::string(std::string_view name)> get;
  std::function<void(std::string_view name, int64_t value)> set;
};

// nullopt for what is no arithmetic, or cannot be computed.
std::optional<int64_t> EvaluateArithmetic(std::string_view text,
                                          const ArithmeticVariables& variables,
                                          FoldBudget& budget);

// "0xa9", "0251", "16#a9", "169"; all of `text`.
std::optional<int64_t> ReadShellInteger(std::string_view text);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SHELL_ARITHMETIC_H_
