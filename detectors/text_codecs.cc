#include "detectors/text_codecs.h"

#include <algorithm>

namespace oddverb {
namespace {

using std::string_view;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Up to `most` digits of `base` from `begin` on; `length` = how many.
uint32_t ReadDigits(string_view text, size_t most, int base, size_t& length) {
  uint32_t value = 0;
  length = 0;
  while (length < most && length < text.size()) {
    int digit = HexValue(text[length]);
    if (digit < 0 || digit >= base) break;
    value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
    ++length;
  }
  return value;
}

Escape HexEscape(string_view text) {
  char kind = text[1];
  size_t most = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
  string_view digits = text.substr(2);
  bool in_braces = digits.starts_with('{');  // JavaScript, Perl, Ruby
  if (in_braces) digits.remove_prefix(1);
  size_t length = 0;
  uint32_t value = ReadDigits(digits, in_braces ? 8 : most, 16, length);
  if (length == 0) return {2, std::string(text.substr(0, 2))};
  Escape escape{2 + length + (in_braces ? 1u : 0u), {}};
  if (in_braces && digits.substr(length).starts_with('}')) ++escape.length;
  if (kind == 'x' && !in_braces) {
    escape.text = static_cast<char>(value);
  } else {
    AppendUtf8(value, escape.text);
  }
  return escape;
}

}  // namespace

std::string DecodeBase64Digits(string_view digits) {
  std::string bytes;
  bytes.reserve(digits.size() / 4 * 3 + 3);
  uint32_t bits = 0;
  int bit_count = 0;
  for (char c : digits) {
    bits = bits << 6 | static_cast<uint32_t>(Base64Value(c));
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    bytes += static_cast<char>(bits >> bit_count & 0xff);
  }
  return bytes;
}

std::string DecodeBase64Text(string_view text) {
  std::string bytes;
  std::string digits;
  for (char c : text) {
    if (Base64Value(c) >= 0) digits += c;
    if (c != '=') continue;
    bytes += DecodeBase64Digits(digits);  // the next one can follow
    digits.clear();
  }
  return bytes + DecodeBase64Digits(digits);
}

std::string DecodeHexText(string_view text) {
  std::string bytes;
  int high = -1;
  for (char c : text) {
    int digit = HexValue(c);
    if (digit < 0 && !IsBlank(c)) break;
    if (digit < 0) continue;
    if (high >= 0) bytes += static_cast<char>(high << 4 | digit);
    high = high >= 0 ? -1 : digit;
  }
  return bytes;
}

void AppendUtf8(uint32_t code, std::string& out) {
  auto add = [&out](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else if (code < 0x110000) {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

Escape ReadEscape(string_view text, EscapeStyle style) {
  if (text.size() < 2 || text[0] != '\\') return {};
  char kind = text[1];
  if (kind == 'x' || kind == 'u' || kind == 'U') return HexEscape(text);
  if (kind >= '0' && kind <= '7') {
    size_t length = 0;
    uint32_t value = ReadDigits(
        text.substr(1), kind == '0' && style == EscapeStyle::kEcho ? 4 : 3, 8,
        length);
    return {1 + length, std::string(1, static_cast<char>(value & 0xff))};
  }
  constexpr string_view kLetters = "abefnrtv";
  constexpr string_view kMeanings = "\a\b\033\f\n\r\t\v";
  size_t letter = kLetters.find(kind);
  if (letter != kLetters.npos) return {2, std::string(1, kMeanings[letter])};
  return {2, std::string(1, kind)};
}

std::string UndoEscapes(string_view text, EscapeStyle style) {
  std::string plain;
  for (size_t i = 0; i < text.size();) {
    Escape escape = ReadEscape(text.substr(i), style);
    if (escape.length == 0) {
      plain += text[i++];
      continue;
    }
    plain += escape.text;
    i += escape.length;
  }
  return plain;
}

namespace {

// Of "[...]" at `at`: whether it holds `c`, and where it ends; npos = it is no
// set.
struct SetReading {
  bool holds = false;
  size_t end = string_view::npos;
};
SetReading ReadSet(string_view pattern, size_t at, char c) {
  SetReading reading;
  size_t i = at + 1;
  bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  for (size_t first = i; i < pattern.size(); ++i) {
    if (pattern[i] == ']' && i > first) {
      reading.end = i + 1;
      reading.holds = reading.holds != negated;
      return reading;
    }
    if (pattern.substr(i).starts_with("[:")) {
      size_t close = pattern.find(":]", i);
      if (close != pattern.npos) {
        string_view name = pattern.substr(i + 2, close - i - 2);
        bool digit = c >= '0' && c <= '9';
        bool alpha = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        reading.holds |= (name == "digit" && digit) ||
                         (name == "alpha" && alpha) ||
                         (name == "alnum" && (alpha || digit)) ||
                         (name == "space" && IsBlank(c)) ||
                         (name == "punct" && c > ' ' && !alpha && !digit);
        i = close + 1;
        continue;
      }
    }
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' &&
        pattern[i + 2] != ']') {
      reading.holds |= c >= pattern[i] && c <= pattern[i + 2];
      i += 2;
    } else {
      reading.holds |= c == pattern[i];
    }
  }
  return {};
}

// The end of what matches one byte at `at`, or npos.
size_t MatchOne(string_view pattern, size_t at, char c) {
  char p = pattern[at];
  if (p == '?') return at + 1;
  if (p == '\\' && at + 1 < pattern.size()) {
    return pattern[at + 1] == c ? at + 2 : string_view::npos;
  }
  if (p == '[') {
    SetReading set = ReadSet(pattern, at, c);
    if (set.end != string_view::npos) {
      return set.holds ? set.end : string_view::npos;
    }
  }
  return p == c ? at + 1 : string_view::npos;
}

}  // namespace

bool GlobMatches(string_view pattern, string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
      continue;
    }
    size_t next =
        p < pattern.size() ? MatchOne(pattern, p, text[t]) : string_view::npos;
    if (next != string_view::npos) {
      p = next;
      ++t;
    } else if (star != string_view::npos) {
      p = star;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace oddverb
