// Correlations judged the slow way: every window is looked through anew, from
// the whole list of matches. A second opinion on rules/correlation_engine.h.
#ifndef ODDVERB_TESTS_SUPPORT_NAIVE_CORRELATIONS_H_
#define ODDVERB_TESTS_SUPPORT_NAIVE_CORRELATIONS_H_

#include <vector>

#include "rules/correlation_engine.h"

namespace oddverb {

// The alerts of every correlation, also of those that do not alert themselves,
// sorted by time, correlation and group. `inputs` by time, no two alike.
std::vector<CorrelationAlert> NaiveAlerts(
    const CorrelationSet& set, const std::vector<CorrelationInput>& inputs);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_NAIVE_CORRELATIONS_H_
