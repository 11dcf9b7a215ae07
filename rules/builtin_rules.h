// The rules that come with the program: Sigma, for the nine practices, in
// rules/content/. Thread-safe; the texts live as long as the program.
#ifndef ODDVERB_RULES_BUILTIN_RULES_H_
#define ODDVERB_RULES_BUILTIN_RULES_H_

#include <span>
#include <string_view>

namespace oddverb {

struct BuiltinRuleFile {
  std::string_view name;  // "builtin/rbac.yaml": what messages call it
  std::string_view text;
};

// Sorted by name.
std::span<const BuiltinRuleFile> BuiltinRuleFiles();

}  // namespace oddverb

#endif  // ODDVERB_RULES_BUILTIN_RULES_H_
