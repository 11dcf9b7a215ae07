// Predicates over JSON by plain recursion, as a second opinion on
// rules/program.h: other JSON library, no indexes, nothing remembered, no
// folding tables but FoldCase(). Slow.
#ifndef ODDVERB_TESTS_SUPPORT_NAIVE_RULES_H_
#define ODDVERB_TESTS_SUPPORT_NAIVE_RULES_H_

#include <nlohmann/json.hpp>

#include "rules/predicate.h"

namespace oddverb {

bool NaiveMatches(const Predicate& predicate, const nlohmann::json& record);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_NAIVE_RULES_H_
