// The modifiers of Sigma 2.1 by name. A constant table.
#ifndef ODDVERB_RULES_SIGMA_MODIFIER_TABLE_H_
#define ODDVERB_RULES_SIGMA_MODIFIER_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/predicate.h"
#include "rules/sigma_encoding.h"

namespace oddverb {

enum class SigmaModifier : uint8_t {
  kAll,
  kBase64,
  kBase64Offset,
  kCased,
  kCidr,
  kContains,
  kEndsWith,
  kExists,
  kExpand,
  kFieldRef,
  kDotAll,
  kIgnoreCase,
  kMultiline,
  kNeq,
  kNumber,
  kRe,
  kStartsWith,
  kTimePart,
  kUtf16,
  kWindash,
};

struct SigmaModifierRow {
  std::string_view name;
  SigmaModifier modifier = SigmaModifier::kAll;
  Comparison comparison = Comparison::kEquals;  // of kNumber
  TimePart part = TimePart::kNone;              // of kTimePart
  Utf16Form form = Utf16Form::kLittleEndian;    // of kUtf16
};

// As YAML 1.1 has them: true, yes, on, in any case.
std::optional<bool> ParseSigmaBool(std::string_view text);

// nullptr if there is none of this name.
const SigmaModifierRow* FindSigmaModifier(std::string_view name);

// Sorted.
std::vector<std::string> SigmaModifierNames();

}  // namespace oddverb

#endif  // ODDVERB_RULES_SIGMA_MODIFIER_TABLE_H_
