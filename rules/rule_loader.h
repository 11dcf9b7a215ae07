// Texts of rules as a RuleSet. A broken rule is reported with its place and
// left out; it never costs another one. One thread.
//
//   RuleLoader loader(options);
//   loader.Add("rules/a.yml", text);
//   LoadedRules loaded = std::move(loader).Finish();
//
// A text with maps is Sigma's, one with a list is Falco's. Falco's rules stand
// behind all of Sigma's, as what one file says another may change. AddRule()
// takes rules that another front end has made.
#ifndef ODDVERB_RULES_RULE_LOADER_H_
#define ODDVERB_RULES_RULE_LOADER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/correlation_set.h"
#include "rules/falco_loader.h"
#include "rules/rule_diagnostics.h"
#include "rules/rule_documents.h"
#include "rules/rule_selection.h"
#include "rules/rule_set.h"
#include "rules/sigma_correlation.h"
#include "rules/sigma_rule.h"

namespace oddverb {

struct LoadedRules {
  std::shared_ptr<const RuleSet> rules;
  RuleDiagnostics diagnostics;
  uint64_t documents = 0;      // of all kinds
  uint64_t refused = 0;        // with an error
  uint64_t other_sources = 0;  // for logs of other products
  uint64_t not_selected = 0;
  // Of the selection: messages about names that no rule has.
  std::vector<std::string> unmatched;
  // Of Sigma: over the matches of `rules`.
  std::shared_ptr<const CorrelationSet> correlations;
};

class RuleLoader {
 public:
  // Of one text, and of all together.
  static constexpr size_t kMaxTextBytes = 16 * 1024 * 1024;
  static constexpr size_t kMaxRules = 100'000;

  explicit RuleLoader(SigmaOptions options, FalcoOptions falco = {},
                      RuleSelection selection = {});
  RuleLoader(const RuleLoader&) = delete;
  RuleLoader& operator=(const RuleLoader&) = delete;

  // Reads every document in `text`. `file` is what messages call it.
  void Add(std::string_view file, std::string_view text);
  // A rule of another language. Its place in the order is behind those read
  // before. False, with an error at `line`, if it cannot be had.
  bool AddRule(const RuleText& text, Rule rule);

  RuleDiagnostics& diagnostics() { return loaded_.diagnostics; }

  // Applies filters, looks for dead rules, builds the set.
  LoadedRules Finish() &&;

 private:
  void AddDocument(const RuleText& text, const YamlNode& document);
  void AddList(const RuleText& text, const YamlNode& list);
  void AddBrokenList(const RuleText& text, const RuleDocument& document,
                     std::string_view message);
  void RefuseYaml(const RuleText& text, std::string_view message);
  void AddFalcoRules();
  void ReadDocument(const RuleText& text, const SigmaMapping& document);
  void ReadRule(const RuleText& text, const SigmaMapping& document);
  void ReadCorrelation(const RuleText& text, const SigmaMapping& document);
  // Whether this id or name was there before; says so.
  bool IsTaken(const RuleText& text, const YamlNode& node,
               const RulePlace& place);
  void ApplyFilters();
  // Leaves out what is not selected, but for what a selected correlation
  // counts; returns the places of those, which must not alert.
  std::set<std::string> ApplySelection();
  void Lint(const RuleText& text, const Rule& rule);

  SigmaOptions options_;
  RuleMatching matching_;
  RuleSelector selector_;
  LoadedRules loaded_;
  FalcoLoader falco_;
  std::vector<Rule> rules_;
  std::vector<SigmaFilter> filters_;
  std::vector<SigmaCorrelation> correlations_;
  std::map<std::string, std::string, std::less<>> places_;  // of ids, names
  std::vector<YamlNode> global_;  // of the text being read
  YamlNode previous_;             // for "action: repeat"
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_LOADER_H_
