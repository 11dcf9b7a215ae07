// Falco's rule files as rules: macros and lists resolved, exceptions applied,
// fields looked up. A broken object is reported with its place and left out; it
// costs no other. One thread.
#ifndef ODDVERB_RULES_FALCO_LOADER_H_
#define ODDVERB_RULES_FALCO_LOADER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/falco_condition.h"
#include "rules/falco_definitions.h"
#include "rules/rule.h"

namespace oddverb {

struct FalcoOptions {
  // Less urgent rules are left out.
  FalcoPriority min_priority = FalcoPriority::kDebug;
  // Falco's `rules:`, in their order: rules by name ("*" and "?" stand for
  // letters) or by tag; an empty pattern is none.
  struct Selection {
    bool enable = true;
    std::string rule = {};
    std::string tag = {};
  };
  std::vector<Selection> selections = {};
  RuleMatching matching = RuleMatching::kAll;
};

class FalcoLoader {
 public:
  // Macros within macros, lists within lists.
  static constexpr int kMaxReferences = 100;
  // Comparisons and values of all rules and macros together, counted each time
  // that a macro is used: what a few lines can grow to by doubling. The stock
  // rules take 683.
  static constexpr size_t kMaxGrowth = 1'000'000;
  // The event source that rules have to be for.
  static constexpr std::string_view kSource = "k8s_audit";

  struct Loaded {
    Rule rule;
    std::shared_ptr<const FalcoFile> file;
  };

  FalcoLoader(FalcoOptions options, RuleDiagnostics& diagnostics);

  void Add(const FalcoNode& list) { definitions_.Read(list); }
  // The rules in the order of their first definition.
  std::vector<Loaded> Finish();

  uint64_t refused() const { return definitions_.refused() + refused_; }
  uint64_t other_sources() const { return other_sources_; }

 private:
  enum class Progress : uint8_t { kUntouched, kBegun, kGood, kBroken };
  struct ListState {
    Progress progress = Progress::kUntouched;
    std::vector<std::string> items;
  };
  struct MacroState {
    Progress progress = Progress::kUntouched;
    Predicate predicate = Predicate::False();
  };

  bool Spend(size_t amount);
  const std::vector<std::string>* ItemsOf(std::string_view name);
  void ResolveList(const FalcoList& list, ListState& state);
  absl::StatusOr<Predicate> MacroOf(std::string_view name, uint32_t written);
  void CompileMacro(const FalcoMacro& macro, MacroState& state);
  FalcoScope ScopeOf(uint32_t written);
  bool IsWanted(const FalcoRuleText& rule) const;
  void CompileRule(const FalcoRuleText& text, std::vector<Loaded>& out);
  // Of a rule that is refused already: what else is wrong with it.
  void ComplainOfMore(const FalcoRuleText& text);
  bool AddExceptions(const FalcoRuleText& text, Predicate& predicate);
  void ErrorAt(const FalcoNode& node, std::string message);

  FalcoOptions options_;
  RuleDiagnostics& diagnostics_;
  FalcoDefinitions definitions_;
  std::map<std::string, ListState, std::less<>> lists_;
  std::map<std::string, MacroState, std::less<>> macros_;
  int references_ = 0;
  size_t spent_ = 0;
  uint64_t refused_ = 0;
  uint64_t other_sources_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_LOADER_H_
