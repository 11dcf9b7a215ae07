// A Sigma correlation: what it counts, of which rules, grouped by what, within
// which time. Plain data.
#ifndef ODDVERB_RULES_CORRELATION_H_
#define ODDVERB_RULES_CORRELATION_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "rules/rule.h"

namespace oddverb {

enum class CorrelationType : uint8_t {
  kEventCount,       // how many matches
  kValueCount,       // how many distinct values of a field (or of several)
  kTemporal,         // how many of the rules, or an expression over them
  kTemporalOrdered,  // all rules, in their order
  kValueSum,
  kValueAvg,
  kValuePercentile  // by nearest rank
};

// One half of a condition such as "gte: 3, lt: 10".
struct CorrelationLimit {
  enum class Op : uint8_t { kEq, kGt, kGte, kLt, kLte, kNeq };
  Op op = Op::kGte;
  double value = 0;

  bool Holds(double number) const;
  // Whether more can make it false again, so that only a window that is over
  // can be judged.
  bool NeedsEnd() const { return op != Op::kGt && op != Op::kGte; }
};

// "a and (b or not c)" over the rules of a correlation. At most
// Predicate::kMaxDepth deep.
struct RuleExpression {
  enum class Kind : uint8_t { kTrue, kFalse, kMember, kNot, kAnd, kOr };
  Kind kind = Kind::kTrue;
  uint32_t member = 0;  // of kMember
  std::vector<RuleExpression> parts = {};

  // `seen` by member.
  bool Holds(const std::vector<bool>& seen) const;
  bool HasNot() const;
  // One text for one expression.
  std::string ToString() const;
};

// "5m", "90s", "12h", "7d", also "2w", "1M" (30 days), "1y" (365 days).
std::optional<absl::Duration> ParseTimespan(std::string_view text);

struct CorrelationMember {
  // Of the rules, or where `is_correlation` of the correlations.
  uint32_t index = 0;
  bool is_correlation = false;
  // Of a rule: what an event is grouped by, and what is counted.
  std::vector<Field> group = {};
  std::vector<Field> values = {};
  // Of a correlation: the same as positions in its own `group_by`.
  std::vector<size_t> group_positions = {};
  std::vector<size_t> value_positions = {};
};

struct Correlation {
  // What it says of itself; matches nothing. `rule.alerts` is false where it
  // only takes part in other correlations.
  Rule rule;
  CorrelationType type = CorrelationType::kEventCount;
  std::vector<std::string> rules;  // names or ids, as written
  std::vector<std::string> group_by;
  // Alias -> name or id of a rule -> field.
  std::map<std::string, std::map<std::string, std::string>> aliases;
  absl::Duration timespan;
  std::vector<CorrelationLimit> limits;  // all of them hold
  std::optional<RuleExpression> expression;
  std::vector<std::string> fields;  // that values come from
  double percentile = 50;
  bool generate = false;
  // Known once it is linked.
  std::vector<CorrelationMember> members;

  bool Holds(double number) const;
  // Judged when its window is over, not at each match.
  bool JudgesAtEnd() const;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_CORRELATION_H_
