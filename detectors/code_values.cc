#include "detectors/code_values.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/gunzip.h"
#include "base/strings.h"
#include "base/uri.h"
#include "detectors/shell_arithmetic.h"
#include "detectors/text_codecs.h"

namespace oddverb {

using std::string_view;

namespace {

// "" for what is no code point.
std::string Character(int64_t code) {
  std::string text;
  if (code >= 0 && code <= 0x10ffff) {
    AppendUtf8(static_cast<uint32_t>(code), text);
  }
  return text;
}

}  // namespace

CodeValue CodeValue::Text(std::string text) {
  CodeValue value;
  value.text = std::move(text);
  return value;
}
CodeValue CodeValue::Number(int64_t number) {
  CodeValue value;
  value.kind = Kind::kNumber;
  value.number = number;
  return value;
}
CodeValue CodeValue::List(std::vector<CodeValue> items) {
  CodeValue value;
  value.kind = Kind::kList;
  value.items = std::move(items);
  return value;
}

std::string CodeValue::AsText() const {
  if (is_text()) return text;
  if (is_number()) return absl::StrCat(number);
  std::string all;
  for (const CodeValue& item : items) all += item.AsText();
  return all;
}

int64_t CodeValue::AsNumber() const {
  if (is_number()) return number;
  int64_t value = 0;
  string_view digits = text;
  digits = digits.substr(0, digits.find_first_not_of("0123456789"));
  return absl::SimpleAtoi(A(digits), &value) ? value : 0;
}

std::optional<std::string> FormatValues(string_view format,
                                        CodeArguments values) {
  std::string text;
  size_t next = 0;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 >= format.size()) {
      text += format[i];
      continue;
    }
    size_t begin = ++i;
    if (format[i] == '%') {
      text += '%';
      continue;
    }
    while (i < format.size() &&
           string_view("-+ #0123456789.lhv").find(format[i]) != format.npos) {
      ++i;
    }
    if (i >= format.size()) return std::nullopt;
    string_view flags = format.substr(begin, i - begin);
    char kind = format[i];
    if (next >= values.size()) return std::nullopt;
    const CodeValue& value = values[next++];
    size_t width = 0;
    string_view digits =
        flags.substr(std::min(flags.find_first_of("123456789"), flags.size()));
    if (!absl::SimpleAtoi(
            A(digits.substr(0, digits.find_first_not_of("0123456789"))),
            &width)) {
      width = 0;
    }
    std::string one;
    if (kind == 'd' || kind == 'i' || kind == 'u') {
      bool dotted = flags.starts_with('v');  // Perl's version strings
      if (dotted) {
        for (char c : value.AsText()) {
          absl::StrAppend(&one, one.empty() ? "" : ".",
                          static_cast<int>(static_cast<unsigned char>(c)));
        }
      } else {
        one = absl::StrCat(value.AsNumber());
      }
    } else if (kind == 'x') {
      one = absl::StrFormat("%x", value.AsNumber());
    } else if (kind == 'X') {
      one = absl::StrFormat("%X", value.AsNumber());
    } else if (kind == 'o') {
      one = absl::StrFormat("%o", value.AsNumber());
    } else if (kind == 'c') {
      one = value.is_number() ? Character(value.AsNumber()) : value.AsText();
    } else if (kind == 's' || kind == 'r') {
      one = value.AsText();
    } else {
      return std::nullopt;
    }
    if (flags.find('#') != flags.npos) {
      one = (kind == 'x' ? "0x" : kind == 'o' ? "0o" : "") + one;
    }
    if (one.size() < width && width < 256) {
      one.insert(0, width - one.size(), flags.starts_with('0') ? '0' : ' ');
    }
    text += one;
  }
  return text;
}

CodeValue Sliced(const CodeValue& value, const CodeSlice& slice) {
  CodeValue whole = value.is_number() ? CodeValue::Text(value.AsText()) : value;
  auto size = static_cast<int64_t>(whole.is_list() ? whole.items.size()
                                                   : whole.text.size());
  bool backwards = slice.step < 0;
  auto place = [&](std::optional<int64_t> at, int64_t otherwise) {
    if (!at) return otherwise;
    int64_t index = *at < 0 ? *at + size : *at;
    return std::clamp<int64_t>(index, backwards ? -1 : 0,
                               backwards ? size - 1 : size);
  };
  int64_t i = place(slice.begin, backwards ? size - 1 : 0);
  int64_t end = place(slice.end, backwards ? -1 : size);
  int64_t step = slice.step == 0
                     ? 1
                     : std::clamp<int64_t>(slice.step, -size - 1, size + 1);
  CodeValue result =
      whole.is_list() ? CodeValue::List({}) : CodeValue::Text("");
  for (; backwards ? i > end : i < end; i += step) {
    auto at = static_cast<size_t>(i);
    if (whole.is_list()) {
      result.items.push_back(whole.items[at]);
    } else {
      result.text += whole.text[at];
    }
  }
  return result;
}

std::optional<CodeValue> ItemAt(const CodeValue& value, int64_t index) {
  auto size = static_cast<int64_t>(value.is_list() ? value.items.size()
                                                   : value.text.size());
  if (index < 0) index += size;
  if (value.is_number() || index < 0 || index >= size) return std::nullopt;
  auto at = static_cast<size_t>(index);
  if (value.is_list()) return value.items[at];
  return CodeValue::Text(std::string(1, value.text[at]));
}

}  // namespace oddverb
