// Long because: the expansions of one word, which call one another.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "detectors/shell_arithmetic.h"
#include "detectors/shell_interpreter.h"
#include "detectors/shell_syntax.h"
#include "detectors/text_codecs.h"

namespace oddverb {

using std::string_view;

namespace {

constexpr size_t kMaxPatternBytes = 256;
constexpr size_t kMaxPatternText = 4096;

bool IsSpecialParameter(char c) {
  return c == '@' || c == '*' || c == '#' || c == '?' || c == '$' || c == '!' ||
         c == '-';
}

// The length of a parameter's name at the beginning of `text`.
size_t ParameterLength(string_view text) {
  if (text.empty()) return 0;
  if (absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) return 1;
  size_t end = 0;
  while (end < text.size() && IsShellNameByte(text[end])) ++end;
  if (end > 0) return end;
  return IsSpecialParameter(text[0]) ? 1 : 0;
}

std::string Unescaped(string_view text, string_view which) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    bool escaped = text[i] == '\\' && i + 1 < text.size() &&
                   which.find(text[i + 1]) != which.npos;
    if (escaped) ++i;
    plain += text[i];
  }
  return plain;
}

// What ${x#p}, ${x##p}, ${x%p}, ${x%%p} leave of `value`.
string_view Trimmed(string_view value, string_view pattern, bool at_front,
                    bool longest) {
  for (size_t i = 0; i <= value.size(); ++i) {
    size_t length = longest ? value.size() - i : i;
    string_view part = at_front ? value.substr(0, length)
                                : value.substr(value.size() - length);
    if (!GlobMatches(pattern, part)) continue;
    return at_front ? value.substr(length)
                    : value.substr(0, value.size() - length);
  }
  return value;
}

// ${x/p/r}; the longest match at each place.
std::string Replaced(string_view value, string_view pattern, string_view with,
                     bool all) {
  bool has_star = pattern.find('*') != pattern.npos;
  const size_t longest = has_star ? value.size() : pattern.size();
  std::string result;
  for (size_t i = 0; i < value.size();) {
    size_t length = std::min(value.size() - i, longest);
    while (length > 0 && !GlobMatches(pattern, value.substr(i, length))) {
      --length;
    }
    if (length == 0) {
      result += value[i++];
      continue;
    }
    result += with;
    i += length;
    if (all) continue;
    result += value.substr(i);
    break;
  }
  return result;
}

std::string Cased(std::string value, string_view operation) {
  bool all = operation.size() > 1;
  bool upper = operation[0] == '^';
  for (size_t i = 0; i < value.size() && (all || i == 0); ++i) {
    auto c = static_cast<unsigned char>(value[i]);
    value[i] = upper ? absl::ascii_toupper(c) : absl::ascii_tolower(c);
  }
  return value;
}

}  // namespace

// The fields that a word becomes.
class ShellInterpreter::Fields {
 public:
  Fields(std::string dividers, ShellWords& out)
      : dividers_(std::move(dividers)), out_(out) {}

  void Add(string_view text) {
    current_ += text;
    has_ = true;
  }
  // Divided where the shell's IFS says.
  void AddSplit(string_view text, bool splits) {
    if (!splits) return Add(text);
    for (char c : text) {
      if (dividers_.find(c) == dividers_.npos) {
        current_ += c;
        has_ = true;
      } else if (has_ || !(c == ' ' || c == '\t' || c == '\n')) {
        Break();
      }
    }
  }
  void Break() {
    out_.push_back(std::move(current_));
    current_.clear();
    has_ = false;
  }
  void Quote() { has_ = true; }
  void End() {
    if (has_) Break();
  }

 private:
  std::string dividers_;
  ShellWords& out_;
  std::string current_;
  bool has_ = false;
};

ShellWords ShellInterpreter::Values(string_view name) const {
  if (name == "@" || name == "*") {
    return {positional_.begin() + (positional_.empty() ? 0 : 1),
            positional_.end()};
  }
  if (name == "#") return {absl::StrCat(positional_.size() - 1)};
  if (name == "?") return {"0"};
  if (!name.empty() &&
      absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) {
    size_t index = 0;
    for (char c : name.substr(0, 4)) {
      index = index * 10 + static_cast<size_t>(c - '0');
    }
    if (index >= positional_.size()) return {};
    return {positional_[index]};
  }
  auto found = variables_.find(name);
  return found == variables_.end() ? ShellWords() : found->second;
}

std::string ShellInterpreter::Value(string_view name) const {
  ShellWords values = Values(name);
  if (name == "@" || name == "*") return absl::StrJoin(values, " ");
  return values.empty() ? std::string() : std::move(values[0]);
}

bool ShellInterpreter::IsSet(string_view name) const {
  return !Values(name).empty();
}

void ShellInterpreter::Set(string_view name, ShellWords values) {
  size_t size = 16;
  for (const std::string& value : values) size += value.size();
  if (!budget_.Take(size)) return;
  auto [at, added] = variables_.try_emplace(std::string(name));
  at->second = std::move(values);
}

void ShellInterpreter::Expand(string_view raw, ShellWords& out) {
  if (!budget_.Take(raw.size() + 1)) return;
  std::vector<std::string> words;
  if (raw.find('{') == raw.npos) {
    words.emplace_back(raw);
  } else {
    ExpandBraces(raw, words);
    if (!budget_.Take(words.size() * raw.size())) return;
  }
  std::string dividers = IsSet("IFS") ? Value("IFS") : " \t\n";
  for (const std::string& word : words) {
    Fields fields(dividers, out);
    ExpandInto(word, false, fields);
    fields.End();
  }
}

std::string ShellInterpreter::ExpandText(string_view raw, bool in_quotes) {
  if (!budget_.Take(raw.size() + 1)) return "";
  ShellWords words;
  Fields fields("", words);
  ExpandInto(raw, in_quotes, fields);
  fields.End();
  return absl::StrJoin(words, " ");
}

void ShellInterpreter::ExpandInto(string_view raw, bool in_quotes,
                                  Fields& fields) {
  for (size_t i = 0; i < raw.size() && !budget_.exhausted;) {
    char c = raw[i];
    if (c == '\\' && i + 1 < raw.size()) {
      constexpr string_view kInQuotes = "$`\"\\\n";
      bool stays = in_quotes && kInQuotes.find(raw[i + 1]) == kInQuotes.npos;
      if (stays) fields.Add("\\");
      if (raw[i + 1] != '\n') fields.Add(raw.substr(i + 1, 1));
      i += 2;
    } else if (c == '\'' && !in_quotes) {
      size_t end = SkipShellUnit(raw, i);
      bool closed = end > i + 1 && raw[end - 1] == '\'';
      if (!closed) is_sure_ = false;
      fields.Add(raw.substr(i + 1, end - i - (closed ? 2 : 1)));
      i = end;
    } else if (c == '"' && !in_quotes) {
      size_t end = SkipShellUnit(raw, i);
      bool closed = end > i + 1 && raw[end - 1] == '"';
      if (!closed) is_sure_ = false;
      fields.Quote();
      ExpandInto(raw.substr(i + 1, end - i - (closed ? 2 : 1)), true, fields);
      i = end;
    } else if (c == '`') {
      size_t end = SkipShellUnit(raw, i);
      bool closed = end > i + 1 && raw[end - 1] == '`';
      string_view inside = raw.substr(i + 1, end - i - (closed ? 2 : 1));
      fields.AddSplit(
          CommandOutput(Unescaped(inside, in_quotes ? "$`\\\"" : "$`\\")),
          !in_quotes);
      i = end;
    } else if (c == '$') {
      i = ExpandDollar(raw, i, in_quotes, fields);
    } else {
      size_t end = raw.find_first_of("\\'\"`$", i + 1);
      end = std::min(end, raw.size());
      fields.Add(raw.substr(i, end - i));
      i = end;
    }
  }
}

size_t ShellInterpreter::ExpandDollar(string_view raw, size_t at,
                                      bool in_quotes, Fields& fields) {
  char next = at + 1 < raw.size() ? raw[at + 1] : '\0';
  if (next == '\'' && !in_quotes) {
    size_t end = SkipShellUnit(raw, at);
    fields.Add(UndoEscapes(raw.substr(at + 2, end - at - 3)));
    return end;
  }
  if (next == '"' && !in_quotes) return at + 1;  // a translated string
  if (next == '(') return ExpandParentheses(raw, at, in_quotes, fields);
  if (next == '{') {
    size_t end = SkipShellBraces(raw, at + 1);
    if (end == raw.npos) {
      is_sure_ = false;
      return raw.size();
    }
    ExpandParameter(raw.substr(at + 2, end - at - 3), in_quotes, fields);
    return end;
  }
  if (next == '[') {
    size_t close = raw.find(']', at);
    auto value = close == raw.npos
                     ? std::nullopt
                     : Arithmetic(raw.substr(at + 2, close - at - 2));
    if (value) {
      fields.Add(*value);
      return close + 1;
    }
  }
  size_t length = ParameterLength(raw.substr(at + 1));
  if (length == 0) {
    fields.Add("$");
    return at + 1;
  }
  ExpandParameter(raw.substr(at + 1, length), in_quotes, fields);
  return at + 1 + length;
}

size_t ShellInterpreter::ExpandParentheses(string_view raw, size_t at,
                                           bool in_quotes, Fields& fields) {
  size_t end = SkipShellParentheses(raw, at + 1);
  if (end == raw.npos) {
    is_sure_ = false;
    return raw.size();
  }
  string_view inside = raw.substr(at + 2, end - at - 3);
  if (inside.starts_with('(') && inside.ends_with(')')) {
    auto value = Arithmetic(inside.substr(1, inside.size() - 2));
    if (value) {
      fields.Add(*value);
      return end;
    }
  }
  fields.AddSplit(CommandOutput(inside), !in_quotes);
  return end;
}

std::optional<std::string> ShellInterpreter::Arithmetic(string_view text) {
  std::string expanded = ExpandText(text, true);
  ArithmeticVariables variables{
      [this](string_view name) { return Value(name); },
      [this](string_view name, int64_t value) {
        Set(name, {absl::StrCat(value)});
      }};
  auto value = EvaluateArithmetic(expanded, variables, budget_);
  if (!value) return std::nullopt;
  return absl::StrCat(*value);
}

std::string ShellInterpreter::CommandOutput(string_view script) {
  string_view rest = S(absl::StripAsciiWhitespace(A(script)));
  if (rest.starts_with('<')) {
    auto file = files_.find(
        ExpandText(S(absl::StripAsciiWhitespace(A(rest.substr(1)))), false));
    return file == files_.end()
               ? std::string()
               : std::string(
                     absl::StripTrailingAsciiWhitespace(A(file->second)));
  }
  std::string output = Run(script, nullptr);
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

void ShellInterpreter::ExpandParameter(string_view inside, bool in_quotes,
                                       Fields& fields) {
  bool counts = inside.size() > 1 && inside[0] == '#' &&
                ParameterLength(inside.substr(1)) > 0;
  if (counts) inside.remove_prefix(1);
  bool is_indirect = inside.size() > 1 && inside[0] == '!';
  if (is_indirect) inside.remove_prefix(1);
  size_t length = ParameterLength(inside);
  // ${10}
  while (length > 0 && length < inside.size() &&
         absl::ascii_isdigit(static_cast<unsigned char>(inside[0])) &&
         absl::ascii_isdigit(static_cast<unsigned char>(inside[length]))) {
    ++length;
  }
  std::string name(inside.substr(0, length));
  string_view operation = inside.substr(length);
  if (is_indirect) name = Value(name);
  ShellWords values = Values(name);
  bool is_list = name == "@" || name == "*";
  if (operation.starts_with('[')) {
    size_t close = std::min(operation.find(']'), operation.size() - 1);
    string_view index = operation.substr(1, close - 1);
    operation.remove_prefix(close + 1);
    is_list = index == "@" || index == "*";
    if (!is_list) {
      int64_t at =
          ReadShellInteger(Arithmetic(index).value_or("0")).value_or(0);
      if (at < 0) at += static_cast<int64_t>(values.size());
      bool there = at >= 0 && static_cast<size_t>(at) < values.size();
      values =
          there ? ShellWords{values[static_cast<size_t>(at)]} : ShellWords();
    }
  } else if (!is_list && values.size() > 1) {
    values.resize(1);
  }
  if (counts) {
    size_t count = is_list          ? values.size()
                   : values.empty() ? 0
                                    : values[0].size();
    return fields.Add(absl::StrCat(count));
  }
  // ${@:2:3}, ${a[@]:1}
  bool slices = operation.size() > 1 && operation[0] == ':' &&
                string_view("-=+?").find(operation[1]) == string_view::npos;
  if (is_list && slices) {
    string_view from = operation.substr(1);
    int64_t begin =
        ReadShellInteger(
            Arithmetic(from.substr(0, from.find(':'))).value_or("0"))
            .value_or(0);
    if (name == "@" || name == "*") --begin;
    auto skip = static_cast<size_t>(std::max<int64_t>(begin, 0));
    values.erase(values.begin(), values.begin() + static_cast<int64_t>(std::min(
                                                      skip, values.size())));
    if (from.find(':') != from.npos) {
      auto most = ReadShellInteger(
          Arithmetic(from.substr(from.find(':') + 1)).value_or("0"));
      values.resize(std::min(
          values.size(),
          static_cast<size_t>(std::max<int64_t>(most.value_or(0), 0))));
    }
    operation = {};
  }
  bool null_too = operation.starts_with(':');
  string_view word = operation.substr(null_too ? 1 : 0);
  char kind = word.empty() || slices ? '\0' : word[0];
  bool missing = values.empty() || (null_too && values[0].empty());
  if (kind == '-' || kind == '=' || kind == '?' || kind == '+') {
    if (missing == (kind != '+')) {
      if (kind == '?') return;
      std::string text = ExpandText(word.substr(1), in_quotes);
      if (kind == '=') Set(name, {text});
      return fields.AddSplit(text, !in_quotes);
    }
    if (kind == '+') return;
    operation = {};
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && in_quotes && (name == "*" || !is_list)) fields.Add(" ");
    if (i > 0 && is_list && name != "*") fields.Break();
    fields.AddSplit(
        operation.empty() ? values[i] : Modified(values[i], operation),
        !in_quotes);
  }
}

std::string ShellInterpreter::Modified(std::string value,
                                       string_view operation) {
  char kind = operation[0];
  bool doubled = operation.size() > 1 && operation[1] == kind;
  if (kind == '^' || kind == ',') return Cased(std::move(value), operation);
  if (kind == '@') {
    if (operation == "@U") return Cased(std::move(value), "^^");
    if (operation == "@L") return Cased(std::move(value), ",,");
    return operation == "@E" ? UndoEscapes(value) : value;
  }
  if (kind == ':') {
    string_view from = operation.substr(1);
    size_t colon = from.find(':');
    auto size = static_cast<int64_t>(value.size());
    auto number = [&](string_view text) {
      return ReadShellInteger(Arithmetic(text).value_or("0")).value_or(0);
    };
    int64_t begin = number(from.substr(0, colon));
    if (begin < 0) begin += size;
    begin = std::clamp<int64_t>(begin, 0, size);
    int64_t length = colon == from.npos ? size : number(from.substr(colon + 1));
    if (length < 0) length += size - begin;
    length = std::clamp<int64_t>(length, 0, size - begin);
    return value.substr(static_cast<size_t>(begin),
                        static_cast<size_t>(length));
  }
  size_t skip = doubled ? 2 : 1;
  std::string pattern = std::string(operation.substr(skip));
  std::string with;
  if (kind == '/') {
    size_t slash = 0;
    while (slash < pattern.size() && pattern[slash] != '/') {
      slash = SkipShellUnit(pattern, slash);
    }
    if (slash < pattern.size())
      with = ExpandText(pattern.substr(slash + 1), false);
    pattern.resize(std::min(slash, pattern.size()));
  }
  // A quoted pattern matches itself; its special characters are rare.
  bool escapes = pattern.find('\\') != pattern.npos;
  if (!escapes) pattern = ExpandText(pattern, false);
  if (pattern.size() > kMaxPatternBytes || value.size() > kMaxPatternText) {
    budget_.exhausted = true;
    return value;
  }
  // Matching tries all lengths.
  bool has_star = pattern.find('*') != pattern.npos;
  size_t tries = has_star ? value.size() : pattern.size();
  if (!budget_.Take(value.size() * (tries + 1))) return value;
  if (kind == '#' || kind == '%') {
    return std::string(Trimmed(value, pattern, kind == '#', doubled));
  }
  if (kind != '/' || pattern.empty()) return value;
  return Replaced(value, pattern, with, doubled);
}

}  // namespace oddverb
