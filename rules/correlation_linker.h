// Finds the rules that correlations name. Pure function.
#ifndef ODDVERB_RULES_CORRELATION_LINKER_H_
#define ODDVERB_RULES_CORRELATION_LINKER_H_

#include <cstdint>
#include <vector>

#include "rules/rule_diagnostics.h"
#include "rules/sigma_correlation.h"

namespace oddverb {

// Correlations of correlations of correlations ...
inline constexpr int kMaxCorrelationChain = 16;

// The good ones, each behind those that it refers to. One that names a rule
// that is not there, or itself, or is grouped by what its correlations are not
// grouped by, is reported, counted in `refused` and left out. Rules that only
// take part in correlations no longer alert.
std::vector<Correlation> LinkCorrelations(
    std::vector<SigmaCorrelation> correlations, std::vector<Rule>& rules,
    RuleDiagnostics& diagnostics, uint64_t& refused);

}  // namespace oddverb

#endif  // ODDVERB_RULES_CORRELATION_LINKER_H_
