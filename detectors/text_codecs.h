// The codecs that hide a constant from a reader: base64, digits of hexadecimal,
// escapes of shells and languages, glob patterns. Pure; thread-safe.
#ifndef ODDVERB_DETECTORS_TEXT_CODECS_H_
#define ODDVERB_DETECTORS_TEXT_CODECS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace oddverb {

namespace text_codecs_internal {

// -1 = no digit. Inline: they are asked for each byte of long texts.
using DigitValues = std::array<int8_t, 256>;
constexpr DigitValues ValuesOf(std::string_view digits) {
  DigitValues values{};
  values.fill(-1);
  for (size_t i = 0; i < digits.size(); ++i) {
    values[static_cast<unsigned char>(digits[i])] = static_cast<int8_t>(i);
  }
  return values;
}
inline constexpr DigitValues kBase64Values = [] {
  DigitValues values = ValuesOf(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  values['-'] = 62;
  values['_'] = 63;
  return values;
}();
inline constexpr DigitValues kHexValues = [] {
  DigitValues values = ValuesOf("0123456789abcdef");
  for (size_t i = 0; i < 6; ++i) {
    values['A' + i] = static_cast<int8_t>(10 + i);
  }
  return values;
}();

}  // namespace text_codecs_internal

// The value of a base64 or base64url digit, else -1.
inline int Base64Value(char c) {
  return text_codecs_internal::kBase64Values[static_cast<unsigned char>(c)];
}
// Of digits and nothing else; what is no whole byte is dropped.
std::string DecodeBase64Digits(std::string_view digits);
// As `base64 -d -i` does: other bytes are skipped, '=' ends it.
std::string DecodeBase64Text(std::string_view text);

// The value of a hexadecimal digit, else -1.
inline int HexValue(char c) {
  return text_codecs_internal::kHexValues[static_cast<unsigned char>(c)];
}
// As `xxd -r -p` does: blanks are skipped, other bytes end it.
std::string DecodeHexText(std::string_view text);

void AppendUtf8(uint32_t code_point, std::string& out);

struct Escape {
  size_t length = 0;  // of its spelling; 0 = none
  std::string text;
};
// What "\\x31", "\\061", "\\u0031", "\\n" and so on at the beginning of `text`
// mean to bash, Python, Perl, JavaScript. An unknown one means its character.
// echo and printf %b want a zero before octal digits, which does not count.
enum class EscapeStyle : uint8_t { kLiteral, kEcho };
Escape ReadEscape(std::string_view text,
                  EscapeStyle style = EscapeStyle::kLiteral);
std::string UndoEscapes(std::string_view text,
                        EscapeStyle style = EscapeStyle::kLiteral);

// Whether the shell pattern (*, ?, [...], \c) matches all of `text`. At most
// pattern.size() * text.size() steps.
bool GlobMatches(std::string_view pattern, std::string_view text);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_TEXT_CODECS_H_
