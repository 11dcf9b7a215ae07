// The disguises that command_composer.h is made of. Pure functions.
#ifndef ODDVERB_TESTS_SUPPORT_COMMAND_SPELLING_H_
#define ODDVERB_TESTS_SUPPORT_COMMAND_SPELLING_H_

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace oddverb::command_spelling {

inline std::string Base64(const std::string& bytes) {
  const char* digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k) {
      three = three << 8 |
              (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k])
                                    : 0u);
    }
    for (size_t k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : digits[three >> (18 - 6 * k) & 63];
    }
  }
  return text;
}

inline std::string Formatted(const char* format, unsigned value) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

inline std::string Hex(const std::string& bytes) {
  std::string text;
  for (char c : bytes) {
    text += Formatted("%02x", static_cast<unsigned char>(c));
  }
  return text;
}

inline std::string Escaped(const std::string& bytes, const char* format) {
  std::string text;
  for (char c : bytes) {
    text += Formatted(format, static_cast<unsigned char>(c));
  }
  return text;
}

inline std::string Reversed(std::string text) {
  std::reverse(text.begin(), text.end());
  return text;
}

inline std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (char c : text)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

inline bool IsNumber(const std::string& text) {
  return !text.empty() && text.size() < 10 &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isdigit(c); }) &&
         (text.size() == 1 || text[0] != '0');
}

inline std::vector<unsigned> Bytes(const std::string& v4) {
  std::vector<unsigned> bytes(4);
  std::sscanf(v4.c_str(), "%u.%u.%u.%u", &bytes[0], &bytes[1], &bytes[2],
              &bytes[3]);
  return bytes;
}

}  // namespace oddverb::command_spelling

#endif  // ODDVERB_TESTS_SUPPORT_COMMAND_SPELLING_H_
