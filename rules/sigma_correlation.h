// Sigma's correlation documents (version 2.1), and their links to the rules
// that they name. Pure functions.
#ifndef ODDVERB_RULES_SIGMA_CORRELATION_H_
#define ODDVERB_RULES_SIGMA_CORRELATION_H_

#include <optional>
#include <string>
#include <vector>

#include "rules/correlation.h"
#include "rules/sigma_rule.h"

namespace oddverb {

// A correlation with the places of what it says.
struct SigmaCorrelation {
  Correlation correlation;
  SigmaMapping document;
  std::vector<YamlNode> rule_nodes;
  KeptLines lines;  // of these
  YamlNode condition;
};

// Thresholds beyond are refused: so much would have to be kept of each group.
inline constexpr size_t kMaxCorrelationThreshold = 10'000;
inline constexpr size_t kMaxCorrelationRules = 256;
inline constexpr size_t kMaxGroupFields = 16;
inline constexpr absl::Duration kMaxTimespan = absl::Hours(24 * 366);

// nullopt after an error, which `reporter` has.
std::optional<SigmaCorrelation> ReadSigmaCorrelation(
    const SigmaMapping& document, const std::string& file,
    const SigmaOptions& options, SigmaReporter& reporter);

}  // namespace oddverb

#endif  // ODDVERB_RULES_SIGMA_CORRELATION_H_
