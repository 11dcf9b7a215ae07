// A rule as its author wrote it, apart from the language: what it says of
// itself, and the predicate that it comes to. Plain data.
#ifndef ODDVERB_RULES_RULE_H_
#define ODDVERB_RULES_RULE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/predicate.h"

namespace oddverb {

class FalcoOutput;

enum class RuleLanguage : uint8_t { kSigma, kFalco };

// Sigma's levels.
enum class RuleLevel : uint8_t {
  kUnspecified,
  kInformational,
  kLow,
  kMedium,
  kHigh,
  kCritical
};
std::string_view RuleLevelName(RuleLevel level);

// What of a request a rule judges. One request can be logged at several stages:
// a Sigma rule judges it once, a rule that names `stage`, and each of Falco's,
// judges all.
enum class Occasion : uint8_t { kRequest, kEvent };

// Of Falco's rules that match an event: all, or as Falco does unless it is told
// otherwise, only the first in the order of definition.
enum class RuleMatching : uint8_t { kAll, kFirst };

// Where a rule stands in its text.
struct RulePlace {
  std::string file;
  uint32_t line = 1;

  std::string ToString() const;  // "file:line"
};

struct Rule {
  RuleLanguage language = RuleLanguage::kSigma;
  std::string id;     // Sigma: a UUID, mostly; may be empty
  std::string name;   // what other rules call it; may be empty
  std::string title;  // Sigma's title, Falco's name
  std::string description;
  std::string status;
  RuleLevel level = RuleLevel::kUnspecified;
  std::vector<std::string> tags;
  std::vector<std::string> falsepositives;
  std::vector<std::string> references;
  std::string author;
  std::string date;
  std::string product, service, category;  // log source; empty = not named
  RulePlace place;
  Occasion occasion = Occasion::kRequest;
  // False for one that only takes part in correlations.
  bool alerts = true;
  Predicate predicate = Predicate::False();
  // Falco's only: the priority in its words, and the text of an alert.
  std::string priority;
  std::shared_ptr<const FalcoOutput> output;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_H_
