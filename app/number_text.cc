#include "app/number_text.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/strings.h"

namespace oddverb {
namespace {

// Three significant digits with the largest unit that leaves at least one.
std::string Scaled(double value, std::string_view suffix) {
  constexpr std::array<std::string_view, 5> kUnits = {"", "k", "M", "G", "T"};
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::string number = unit == 0 || value >= 99.95
                           ? absl::StrFormat("%.0f", value)
                       : value >= 9.995 ? absl::StrFormat("%.1f", value)
                                        : absl::StrFormat("%.2f", value);
  std::string_view prefix = kUnits[unit];
  if (prefix.empty() && suffix.empty()) return number;
  return absl::StrCat(number, " ", A(prefix), A(suffix));
}

}  // namespace

std::string WithCommas(uint64_t number) {
  std::string digits = absl::StrCat(number);
  for (size_t i = digits.size(); i > 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

std::string BytesText(uint64_t bytes) {
  return Scaled(static_cast<double>(bytes), "B");
}

std::string RateText(double per_second) { return Scaled(per_second, ""); }

std::string Counted(uint64_t number, std::string_view noun) {
  return absl::StrCat(WithCommas(number), " ", A(noun), number == 1 ? "" : "s");
}

}  // namespace oddverb
