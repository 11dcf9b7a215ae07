// Reads UTF-8 one code point at a time, and knows which code points a person
// can see. For text that an attacker wrote: any bytes are fine. Pure functions.
#ifndef ODDVERB_BASE_UTF8_H_
#define ODDVERB_BASE_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace oddverb {

struct CodePoint {
  char32_t value = 0;  // the byte itself where it is not valid UTF-8
  size_t bytes = 0;    // 1 where it is not valid UTF-8
  bool valid = false;
};

// The first code point of `text`, which is not empty. Overlong forms,
// surrogates and values above U+10FFFF are not valid (RFC 3629).
CodePoint DecodeUtf8(std::string_view text);

// Appends a valid code point.
void AppendUtf8(char32_t value, std::string& out);

// `text` with each byte that is not valid UTF-8 replaced by U+FFFD.
std::string ReplaceBadUtf8(std::string_view text);

// Longest prefix of at most `max_bytes` that does not split a code point.
std::string_view Utf8Prefix(std::string_view text, size_t max_bytes);

// False for what hides or rearranges text on a terminal: control characters
// (C0, DEL, C1), line separators, zero-width and bidirectional format
// characters (CVE-2021-42574), fillers and tags.
bool IsVisible(char32_t value);

// Cells of a terminal: 0 for combining marks, 2 for East Asian wide characters
// and emoji (Unicode 14, UAX #11), else 1. The combining marks of rarer
// scripts are counted as 1: a column is then too narrow, never too wide.
int CellWidth(char32_t value);

}  // namespace oddverb

#endif  // ODDVERB_BASE_UTF8_H_
