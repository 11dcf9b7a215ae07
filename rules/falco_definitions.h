// The objects of Falco's rule files: rules, macros, lists, and what later files
// change of them (append, override, redefinition). One thread.
#ifndef ODDVERB_RULES_FALCO_DEFINITIONS_H_
#define ODDVERB_RULES_FALCO_DEFINITIONS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/falco_source.h"

namespace oddverb {

// Falco's words, the most urgent first.
enum class FalcoPriority : uint8_t {
  kEmergency,
  kAlert,
  kCritical,
  kError,
  kWarning,
  kNotice,
  kInformational,
  kDebug
};
std::string_view FalcoPriorityName(FalcoPriority priority);
std::vector<std::string> FalcoPriorityNames();
// In any case; also "INFO". nullopt for other words.
std::optional<FalcoPriority> ParseFalcoPriority(std::string_view word);

struct FalcoList {
  std::string name;
  std::vector<FalcoNode> items;
  FalcoNode place;
};

struct FalcoMacro {
  std::string name;
  FalcoText condition;
  FalcoNode place;
  // A macro sees those that were first defined before it was last written.
  uint32_t defined = 0;
  uint32_t written = 0;
};

struct FalcoException {
  std::string name;
  FalcoNode fields, comps;
  std::vector<FalcoNode> values;
  FalcoNode place;
};

struct FalcoRuleText {
  std::string name;
  FalcoText condition, output;
  std::string description;
  FalcoPriority priority = FalcoPriority::kDebug;
  std::string source;
  std::vector<std::string> tags;
  std::vector<FalcoException> exceptions;
  bool enabled = true;
  bool skip_if_unknown_filter = false;
  FalcoNode place;
};

class FalcoDefinitions {
 public:
  // What of Falco is spoken here.
  static constexpr int kEngineMajor = 0;
  static constexpr int kEngineMinor = 62;

  explicit FalcoDefinitions(RuleDiagnostics& diagnostics)
      : diagnostics_(diagnostics) {}

  // Whether a list of YAML is one of rules of Falco.
  static bool IsFalco(const YamlNode& list);

  // Reads the objects of a file, in their order. A bad one is reported and
  // counted, and costs no other; a file for a newer Falco is not read on.
  void Read(const FalcoNode& list);

  const std::vector<FalcoList>& lists() const { return lists_; }
  const std::vector<FalcoMacro>& macros() const { return macros_; }
  const std::vector<FalcoRuleText>& rules() const { return rules_; }
  // Reported and counted; what else they say can be checked.
  const std::vector<FalcoRuleText>& broken_rules() const {
    return broken_rules_;
  }
  // nullptr where there is none.
  const FalcoList* FindList(std::string_view name) const;
  const FalcoMacro* FindMacro(std::string_view name) const;
  uint64_t refused() const { return refused_; }

 private:
  friend class FalcoObjectReader;
  using Index = std::map<std::string, size_t, std::less<>>;

  RuleDiagnostics& diagnostics_;
  std::vector<FalcoList> lists_;
  std::vector<FalcoMacro> macros_;
  std::vector<FalcoRuleText> rules_, broken_rules_;
  Index list_numbers_, macro_numbers_, rule_numbers_;
  uint32_t written_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_DEFINITIONS_H_
