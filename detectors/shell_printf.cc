#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/gunzip.h"
#include "base/strings.h"
#include "detectors/shell_arithmetic.h"
#include "detectors/shell_filters.h"
#include "detectors/text_codecs.h"

namespace oddverb {

using std::string_view;

std::string EchoOutput(const ShellWords& words, bool escapes) {
  size_t first = 1;
  bool newline = true;
  for (; first < words.size(); ++first) {
    string_view word = words[first];
    bool is_option = word.size() > 1 && word[0] == '-' &&
                     word.find_first_not_of("neE", 1) == word.npos;
    if (!is_option) break;
    if (word.find('n') != word.npos) newline = false;
    if (word.find('e') != word.npos) escapes = true;
    if (word.find('E') != word.npos) escapes = false;
  }
  std::string text;
  for (size_t i = first; i < words.size(); ++i) {
    if (i > first) text += ' ';
    text += words[i];
  }
  if (escapes) text = UndoEscapes(text, EscapeStyle::kEcho);
  size_t stop = escapes ? text.find("\\c") : text.npos;
  if (stop != text.npos) text.resize(stop);
  if (newline) text += '\n';
  return text;
}

namespace {

std::string Formatted(char kind, string_view flags, string_view argument) {
  bool zero = flags.starts_with('0');
  bool left = flags.find('-') != flags.npos;
  size_t dot = flags.find('.');
  size_t width = 0;
  size_t precision = SIZE_MAX;
  string_view head = flags.substr(0, dot);
  while (!head.empty() && (head[0] < '1' || head[0] > '9'))
    head.remove_prefix(1);
  if (!absl::SimpleAtoi(A(head), &width)) width = 0;
  if (dot != flags.npos &&
      !absl::SimpleAtoi(A(flags.substr(dot + 1)), &precision)) {
    precision = 0;
  }
  width = std::min<size_t>(width, 256);
  std::string text;
  if (kind == 's' || kind == 'b' || kind == 'q' || kind == 'c') {
    text = kind == 'b' ? UndoEscapes(argument, EscapeStyle::kEcho)
                       : std::string(argument);
    if (kind == 'c') precision = 1;
    if (precision < text.size()) text.resize(precision);
    zero = false;
  } else {
    bool is_character =
        argument.size() > 1 && (argument[0] == '\'' || argument[0] == '"');
    int64_t value = is_character ? static_cast<unsigned char>(argument[1])
                                 : ReadShellInteger(argument).value_or(0);
    auto bits = static_cast<uint64_t>(value);
    bool prefix = flags.find('#') != flags.npos;
    if (kind == 'x' || kind == 'X') {
      text = kind == 'x' ? absl::StrFormat("%x", bits)
                         : absl::StrFormat("%X", bits);
      if (prefix) text = "0x" + text;
    } else if (kind == 'o') {
      text = absl::StrFormat("%s%o", prefix ? "0" : "", bits);
    } else {
      text = absl::StrCat(value);
    }
    if (precision != SIZE_MAX && precision < 64 && text.size() < precision) {
      text.insert(0, precision - text.size(), '0');
    }
  }
  if (text.size() < width) {
    size_t missing = width - text.size();
    text.insert(left ? text.size() : 0, missing, zero && !left ? '0' : ' ');
  }
  return text;
}

}  // namespace

std::string PrintfOutput(const ShellWords& words, size_t format,
                         FoldBudget& budget) {
  if (format >= words.size()) return "";
  string_view text = words[format];
  size_t next = format + 1;
  std::string output;
  // The format is used again until all arguments are.
  do {
    size_t before = next;
    for (size_t i = 0; i < text.size();) {
      if (text[i] == '\\') {
        Escape escape = ReadEscape(text.substr(i));
        output += escape.length > 0 ? escape.text : "\\";
        i += std::max<size_t>(escape.length, 1);
        continue;
      }
      if (text[i] != '%') {
        output += text[i++];
        continue;
      }
      size_t begin = ++i;
      while (i < text.size() &&
             string_view("-+ #0123456789.*'").find(text[i]) !=
                 string_view::npos) {
        ++i;
      }
      if (i >= text.size()) break;
      char kind = text[i++];
      if (kind == '%') {
        output += '%';
        continue;
      }
      string_view argument =
          next < words.size() ? string_view(words[next]) : "";
      ++next;
      output += Formatted(kind, text.substr(begin, i - 1 - begin), argument);
    }
    if (next == before || !budget.Take(output.size() + text.size())) break;
  } while (next < words.size());
  return output;
}

}  // namespace oddverb
