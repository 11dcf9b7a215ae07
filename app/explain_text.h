// What `oddverb explain` prints: docs/explain.md, which is inside of the
// program, one rule or detector at a time. The page is the only place of these
// words; a test holds it against the list of rules.
#ifndef ODDVERB_APP_EXPLAIN_TEXT_H_
#define ODDVERB_APP_EXPLAIN_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace oddverb {

// What is said of each rule, in this order.
inline constexpr std::string_view kExplanationParts[] = {
    "What",   "Why",      "Mathematics", "Tuning",
    "ATT&CK", "Practice", "Blind spots", "Next steps"};

struct Explanation {
  struct Part {
    std::string_view name;  // empty for a detector
    std::string text;
  };
  std::string_view name;  // of the rule or detector
  std::string_view detector;
  std::vector<Part> parts;
};

// All of the page, in its order: each detector, then its rules.
std::vector<Explanation> AllExplanations();

// For people, at most 80 columns wide. A detector's is followed by what its
// rules find. InvalidArgument with the nearest name for one that is none.
absl::StatusOr<std::string> ExplainText(const std::string& name);

}  // namespace oddverb

#endif  // ODDVERB_APP_EXPLAIN_TEXT_H_
