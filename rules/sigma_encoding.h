// How Sigma's modifiers rewrite a value: Base64, UTF-16, dashes. Pure
// functions.
#ifndef ODDVERB_RULES_SIGMA_ENCODING_H_
#define ODDVERB_RULES_SIGMA_ENCODING_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/glob.h"

namespace oddverb {

std::string Base64Of(std::string_view bytes);

// The part that is the same wherever `bytes` lies in a longer text, for each of
// the three ways to lie. By bytes, not characters.
std::array<std::string, 3> Base64AtOffsets(std::string_view bytes);

enum class Utf16Form : uint8_t { kLittleEndian, kBigEndian, kWithMark };
std::string Utf16Of(std::string_view utf8, Utf16Form form);

// Each "-", "/", en dash, em dash and horizontal bar that begins a word, in all
// five forms. nullopt where that would be more than kMaxDashVariants.
inline constexpr size_t kMaxDashVariants = 625;
std::optional<std::vector<Glob>> DashVariants(const Glob& value);

}  // namespace oddverb

#endif  // ODDVERB_RULES_SIGMA_ENCODING_H_
