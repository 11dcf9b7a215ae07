// Loads Sigma rules from text in tests, and asks one rule about one record.
#ifndef ODDVERB_TESTS_SUPPORT_SIGMA_RULES_H_
#define ODDVERB_TESTS_SUPPORT_SIGMA_RULES_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rules/rule_loader.h"

namespace oddverb {

// For any log source.
inline LoadedRules LoadSigma(std::string_view text,
                             SigmaOptions options = {.placeholders = {},
                                                     .source = {}}) {
  RuleLoader loader(std::move(options));
  loader.Add("rules.yml", text);
  return std::move(loader).Finish();
}

inline std::string Messages(const LoadedRules& loaded) {
  std::string text;
  for (const RuleDiagnostic& diagnostic : loaded.diagnostics.kept()) {
    text += diagnostic.ToString() + "\n";
  }
  return text;
}

// A whole rule of this detection section, whose lines need no indentation.
inline std::string RuleOf(std::string_view detection,
                          std::string_view more = "") {
  std::string text = "title: T\nlogsource: {product: test}\n";
  text += std::string(more) + "detection:\n  ";
  for (char c : detection) {
    text += c;
    if (c == '\n') text += "  ";
  }
  return text + "\n";
}

inline bool MatchesRecord(const LoadedRules& loaded, std::string_view json) {
  EXPECT_EQ(loaded.diagnostics.errors(), 0u) << Messages(loaded);
  if (loaded.rules->rules().empty()) return false;
  RuleMatcher matcher(loaded.rules);
  return !matcher.Match(RawJson{json}).empty();
}

// "sel: {a: b}" -> does it match?
inline bool Selects(std::string_view selection, std::string_view json) {
  std::string detection =
      "sel:\n  " + std::string(selection) + "\ncondition: sel";
  LoadedRules loaded = LoadSigma(RuleOf(detection));
  return MatchesRecord(loaded, json);
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_SIGMA_RULES_H_
