// Loads Sigma correlations over three small rules in tests.
#ifndef ODDVERB_TESTS_SUPPORT_CORRELATION_RULES_H_
#define ODDVERB_TESTS_SUPPORT_CORRELATION_RULES_H_

#include <string>
#include <string_view>

#include "tests/support/sigma_rules.h"

namespace oddverb {

// Rules a (verb a), b and c, and then these correlations.
inline LoadedRules LoadCorrelations(const std::string& correlations) {
  std::string text;
  for (const char* name : {"a", "b", "c"}) {
    text += std::string("title: Rule ") + name + "\nname: " + name +
            "\nlogsource: {product: kubernetes}\ndetection:\n  sel: {verb: " +
            name + "}\n  condition: sel\n---\n";
  }
  RuleLoader loader({});
  loader.Add("c.yml", text + correlations);
  return std::move(loader).Finish();
}

// A document with this section.
inline std::string Correlating(std::string_view section,
                               std::string_view more = "title: C\n") {
  return std::string(more) + "correlation: " + std::string(section) + "\n---\n";
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_CORRELATION_RULES_H_
