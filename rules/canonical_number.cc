#include "rules/canonical_number.h"

#include <array>
#include <charconv>
#include <cmath>

namespace oddverb {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// What from_chars() would take beyond JSON: "inf", "nan", hexadecimal.
bool LooksLikeNumber(std::string_view text) {
  std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || !IsDigit(digits.front())) return false;
  return text.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
}

template <class T>
std::optional<T> ParseWhole(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// Exact for every int64_t and every double on the platforms that we build for
// (long double has 64 bits of mantissa or more).
long double Widened(const Number& number) {
  return number.is_integer ? static_cast<long double>(number.integer)
                           : static_cast<long double>(number.real);
}

}  // namespace

std::optional<Number> Number::Parse(std::string_view text) {
  if (!LooksLikeNumber(text)) return std::nullopt;
  if (auto integer = ParseWhole<int64_t>(text)) {
    return Number{.is_integer = true, .integer = *integer, .real = 0};
  }
  std::optional<double> real = ParseWhole<double>(text);
  if (!real.has_value() || !std::isfinite(*real)) return std::nullopt;
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (*real == std::floor(*real) && *real >= -kLimit && *real < kLimit) {
    return Number{
        .is_integer = true, .integer = static_cast<int64_t>(*real), .real = 0};
  }
  return Number{.is_integer = false, .integer = 0, .real = *real};
}

std::partial_ordering operator<=>(const Number& a, const Number& b) {
  if (a.is_integer && b.is_integer) return a.integer <=> b.integer;
  return Widened(a) <=> Widened(b);
}

bool operator==(const Number& a, const Number& b) { return (a <=> b) == 0; }

std::optional<std::string> CanonicalNumber(std::string_view text) {
  std::optional<Number> number = Number::Parse(text);
  if (!number.has_value()) return std::nullopt;
  if (number->is_integer) return std::to_string(number->integer);
  std::array<char, 32> buffer{};
  auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number->real);
  return std::string(buffer.data(), result.ptr);
}

bool IsPlainInteger(std::string_view text) {
  std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || digits.size() > 18) return false;
  if (digits.front() == '0') return text == "0";
  for (char c : digits) {
    if (!IsDigit(c)) return false;
  }
  return true;
}

}  // namespace oddverb
