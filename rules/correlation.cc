#include "rules/correlation.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_cat.h"

namespace oddverb {

bool CorrelationLimit::Holds(double number) const {
  switch (op) {
    case Op::kEq:
      return number == value;
    case Op::kGt:
      return number > value;
    case Op::kGte:
      return number >= value;
    case Op::kLt:
      return number < value;
    case Op::kLte:
      return number <= value;
    case Op::kNeq:
      return number != value;
  }
  return false;
}

bool RuleExpression::Holds(const std::vector<bool>& seen) const {
  auto holds = [&seen](const RuleExpression& part) { return part.Holds(seen); };
  switch (kind) {
    case Kind::kTrue:
      return true;
    case Kind::kFalse:
      return false;
    case Kind::kMember:
      return seen[member];
    case Kind::kNot:
      return !parts[0].Holds(seen);
    case Kind::kAnd:
      return std::all_of(parts.begin(), parts.end(), holds);
    case Kind::kOr:
      return std::any_of(parts.begin(), parts.end(), holds);
  }
  return false;
}

bool RuleExpression::HasNot() const {
  return kind == Kind::kNot ||
         std::any_of(parts.begin(), parts.end(),
                     [](const RuleExpression& part) { return part.HasNot(); });
}

std::optional<absl::Duration> ParseTimespan(std::string_view text) {
  int64_t count = 0;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || count <= 0 || stop + 1 != end) {
    return std::nullopt;
  }
  switch (*stop) {
    case 's':
      return absl::Seconds(count);
    case 'm':
      return absl::Minutes(count);
    case 'h':
      return absl::Hours(count);
    case 'd':
      return absl::Hours(24) * count;
    case 'w':
      return absl::Hours(24 * 7) * count;
    case 'M':
      return absl::Hours(24 * 30) * count;
    case 'y':
      return absl::Hours(24 * 365) * count;
    default:
      return std::nullopt;
  }
}

std::string RuleExpression::ToString() const {
  std::string text = absl::StrCat(static_cast<int>(kind), ":", member, "(");
  for (const RuleExpression& part : parts) text += part.ToString();
  return text + ")";
}

bool Correlation::Holds(double number) const {
  return std::all_of(
      limits.begin(), limits.end(),
      [number](const CorrelationLimit& limit) { return limit.Holds(number); });
}

bool Correlation::JudgesAtEnd() const {
  bool by_limit = std::any_of(
      limits.begin(), limits.end(),
      [](const CorrelationLimit& limit) { return limit.NeedsEnd(); });
  return by_limit || (expression.has_value() && expression->HasNot());
}

}  // namespace oddverb
