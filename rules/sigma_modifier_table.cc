#include "rules/sigma_modifier_table.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "base/strings.h"

namespace oddverb {
namespace {

using Modifier = SigmaModifier;

// Sorted by name.
constexpr SigmaModifierRow kModifiers[] = {
    {"all", Modifier::kAll},
    {"base64", Modifier::kBase64},
    {"base64offset", Modifier::kBase64Offset},
    {"cased", Modifier::kCased},
    {"cidr", Modifier::kCidr},
    {"contains", Modifier::kContains},
    {"day", Modifier::kTimePart, Comparison::kEquals, TimePart::kDay},
    {"dotall", Modifier::kDotAll},
    {"endswith", Modifier::kEndsWith},
    {"exists", Modifier::kExists},
    {"expand", Modifier::kExpand},
    {"fieldref", Modifier::kFieldRef},
    {"gt", Modifier::kNumber, Comparison::kGreater},
    {"gte", Modifier::kNumber, Comparison::kGreaterEqual},
    {"hour", Modifier::kTimePart, Comparison::kEquals, TimePart::kHour},
    {"i", Modifier::kIgnoreCase},
    {"ignorecase", Modifier::kIgnoreCase},
    {"lt", Modifier::kNumber, Comparison::kLess},
    {"lte", Modifier::kNumber, Comparison::kLessEqual},
    {"m", Modifier::kMultiline},
    {"minute", Modifier::kTimePart, Comparison::kEquals, TimePart::kMinute},
    {"month", Modifier::kTimePart, Comparison::kEquals, TimePart::kMonth},
    {"multiline", Modifier::kMultiline},
    {"neq", Modifier::kNeq},
    {"re", Modifier::kRe},
    {"s", Modifier::kDotAll},
    {"startswith", Modifier::kStartsWith},
    {"utf16", Modifier::kUtf16, Comparison::kEquals, TimePart::kNone,
     Utf16Form::kWithMark},
    {"utf16be", Modifier::kUtf16, Comparison::kEquals, TimePart::kNone,
     Utf16Form::kBigEndian},
    {"utf16le", Modifier::kUtf16},
    {"week", Modifier::kTimePart, Comparison::kEquals, TimePart::kWeek},
    {"wide", Modifier::kUtf16},
    {"windash", Modifier::kWindash},
    {"year", Modifier::kTimePart, Comparison::kEquals, TimePart::kYear},
};

}  // namespace

const SigmaModifierRow* FindSigmaModifier(std::string_view name) {
  const SigmaModifierRow* row = std::lower_bound(
      std::begin(kModifiers), std::end(kModifiers), name,
      [](const SigmaModifierRow& r, std::string_view n) { return r.name < n; });
  bool found = row != std::end(kModifiers) && row->name == name;
  return found ? row : nullptr;
}

std::optional<bool> ParseSigmaBool(std::string_view text) {
  const std::string word = absl::AsciiStrToLower(A(text));
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  return std::nullopt;
}

std::vector<std::string> SigmaModifierNames() {
  std::vector<std::string> names;
  for (const SigmaModifierRow& row : kModifiers) names.emplace_back(row.name);
  return names;
}

}  // namespace oddverb
