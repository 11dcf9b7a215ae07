// Sigma documents as rules: metadata, log source, detection; and filters, which
// change the rules that they name. Correlations are handed on as they are.
#ifndef ODDVERB_RULES_SIGMA_RULE_H_
#define ODDVERB_RULES_SIGMA_RULE_H_

#include <optional>
#include <string>
#include <vector>

#include "rules/rule.h"
#include "rules/sigma_detection.h"
#include "rules/sigma_source.h"

namespace oddverb {

// What a log is, in Sigma's words; empty = not said.
struct SigmaLogSource {
  std::string product, service, category;
};

struct SigmaOptions {
  SigmaPlaceholders placeholders = {};
  // Rules for other sources are left out; empty parts accept every rule.
  SigmaLogSource source = {"kubernetes", "audit", "application"};
};

struct SigmaFilter {
  std::string title;
  SigmaLogSource source;
  bool any_rule = false;
  std::vector<std::string> rules;  // ids or names
  std::vector<YamlNode> rule_nodes;
  KeptLines lines;  // of these
  RulePlace place;
  // What has to hold for a rule to count: "NOT condition", or the condition
  // itself where it is "not ..." already.
  Predicate keeps = Predicate::True();
};

// What every kind of Sigma document says of itself; matches nothing.
Rule ReadSigmaMetadata(const SigmaMapping& document, const std::string& file,
                       const SigmaOptions& options, SigmaReporter& reporter);

// nullopt after an error, which `reporter` has.
std::optional<Rule> ReadSigmaRule(const SigmaMapping& document,
                                  const std::string& file,
                                  const SigmaOptions& options,
                                  SigmaReporter& reporter);
std::optional<SigmaFilter> ReadSigmaFilter(const SigmaMapping& document,
                                           const std::string& file,
                                           const SigmaOptions& options,
                                           SigmaReporter& reporter);

// Whether a rule with this log source is meant for that log: no part that both
// name differs.
bool FitsLogSource(const SigmaLogSource& rule, const SigmaLogSource& log);

// Whether the filter is meant for the rule: its log source says nothing that
// the rule's does not say as well, and it names the rule.
bool FilterApplies(const SigmaFilter& filter, const Rule& rule);

}  // namespace oddverb

#endif  // ODDVERB_RULES_SIGMA_RULE_H_
