// Numbers as rules compare them: 64-bit integers exactly, everything else as a
// double. Pure functions.
#ifndef ODDVERB_RULES_CANONICAL_NUMBER_H_
#define ODDVERB_RULES_CANONICAL_NUMBER_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oddverb {

struct Number {
  bool is_integer = true;
  int64_t integer = 0;
  double real = 0;  // where it is no 64-bit integer

  // The whole of `text` in JSON's form (leading zeros are let pass); nullopt
  // for other text and for what overflows a double.
  static std::optional<Number> Parse(std::string_view text);
};

std::partial_ordering operator<=>(const Number& a, const Number& b);
bool operator==(const Number& a, const Number& b);

// One spelling for each value: "403" for 403, 403.0 and 4.03e2. nullopt where
// Number::Parse() has none.
std::optional<std::string> CanonicalNumber(std::string_view text);

// Whether the text of a JSON number is canonical as it stands: plain digits.
bool IsPlainInteger(std::string_view text);

}  // namespace oddverb

#endif  // ODDVERB_RULES_CANONICAL_NUMBER_H_
