#include "base/json_writer.h"

#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace oddverb {
namespace {

// \uXXXX, where `unit` is one UTF-16 unit.
void AppendUnit(uint32_t unit, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const char escape[] = {'\\',
                         'u',
                         kDigits[unit >> 12 & 15],
                         kDigits[unit >> 8 & 15],
                         kDigits[unit >> 4 & 15],
                         kDigits[unit & 15]};
  out.append(escape, sizeof(escape));
}

void AppendHexEscape(char32_t value, std::string& out) {
  if (value < 0x10000) {
    AppendUnit(value, out);
    return;
  }
  AppendUnit(0xd800 + ((value - 0x10000) >> 10), out);
  AppendUnit(0xdc00 + ((value - 0x10000) & 0x3ff), out);
}

bool IsPlain(char c) {
  unsigned char byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

}  // namespace

void AppendJsonEscaped(std::string_view value, std::string& out) {
  while (!value.empty()) {
    size_t plain = 0;
    while (plain < value.size() && IsPlain(value[plain])) ++plain;
    out.append(value.substr(0, plain));
    value.remove_prefix(plain);
    if (value.empty()) return;

    CodePoint c = DecodeUtf8(value);
    if (!c.valid) {
      AppendUtf8(0xfffd, out);
    } else if (c.value == '"' || c.value == '\\') {
      out += '\\';
      out += value[0];
    } else if (IsVisible(c.value)) {
      out.append(value.substr(0, c.bytes));
    } else {
      // Most may stand in JSON as they are, but act on a terminal, break a
      // line of JavaScript, or show the text in another order than it has.
      AppendHexEscape(c.value, out);
    }
    value.remove_prefix(c.bytes);
  }
}

void JsonWriter::Separate() {
  if (needs_comma_) text_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::BeginObject() {
  Separate();
  text_ += '{';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::EndObject() {
  text_ += '}';
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::BeginArray() {
  Separate();
  text_ += '[';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::EndArray() {
  text_ += ']';
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  String(key);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  Separate();
  text_ += '"';
  AppendJsonEscaped(value, text_);
  text_ += '"';
  return *this;
}

JsonWriter& JsonWriter::Int(int64_t value) {
  Separate();
  text_ += std::to_string(value);
  return *this;
}

JsonWriter& JsonWriter::Double(double value) {
  if (!std::isfinite(value)) return Null();
  Separate();
  char digits[32];  // the longest is -2.2250738585072014e-308
  std::to_chars_result end =
      std::to_chars(digits, digits + sizeof(digits), value);
  text_.append(digits, end.ptr);
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) {
  Separate();
  text_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::Null() {
  Separate();
  text_ += "null";
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  text_.append(json);
  return *this;
}

}  // namespace oddverb
