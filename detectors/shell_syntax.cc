#include "detectors/shell_syntax.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace oddverb {
namespace {

using std::string_view;

// Deeper substitutions are read as bytes.
constexpr int kMaxDepth = 12;

bool IsMeta(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';' ||
         c == '&' || c == '|' || c == '<' || c == '>' || c == '(' || c == ')';
}

size_t Unit(string_view text, size_t at, int depth);

// Up to the unescaped `quote`.
size_t Escaped(string_view text, size_t at, char quote) {
  for (; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      return at + 1;
    }
  }
  return text.size();
}

size_t DoubleQuoted(string_view text, size_t at, int depth) {
  while (at < text.size() && text[at] != '"') {
    bool is_unit = text[at] == '\\' || text[at] == '`' || text[at] == '$';
    bool is_ansi = text[at] == '$' && at + 1 < text.size() &&
                   (text[at + 1] == '\'' || text[at + 1] == '"');
    at = is_unit && !is_ansi ? Unit(text, at, depth) : at + 1;
  }
  return std::min(at + 1, text.size());
}

size_t Closed(string_view text, size_t open, int depth) {
  char close = text[open] == '(' ? ')' : '}';
  bool at_word = true;
  for (size_t at = open + 1; at < text.size();) {
    char c = text[at];
    if (c == close) return at + 1;
    if (c == '#' && at_word && close == ')') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    at_word = IsMeta(c);
    if (c == '(' && close == ')' && depth < kMaxDepth) {
      at = Closed(text, at, depth + 1);
      if (at == text.npos) return at;
      continue;
    }
    at = Unit(text, at, depth);
  }
  return text.npos;
}

size_t Unit(string_view text, size_t at, int depth) {
  char c = text[at];
  size_t rest = text.size() - at;
  if (depth >= kMaxDepth) return at + 1;
  if (c == '\\') return std::min(at + 2, text.size());
  if (c == '\'') {
    size_t close = text.find('\'', at + 1);
    return close == text.npos ? text.size() : close + 1;
  }
  if (c == '"') return DoubleQuoted(text, at + 1, depth + 1);
  if (c == '`') return Escaped(text, at + 1, '`');
  if (c != '$' || rest < 2) return at + 1;
  char next = text[at + 1];
  if (next == '\'') return Escaped(text, at + 2, '\'');
  if (next == '(' || next == '{') {
    return std::min(Closed(text, at + 1, depth + 1), text.size());
  }
  return at + 1;
}

// Of one word; more of them are no disguise that a shell would be bothered
// with.
constexpr int kMaxBraceGroups = 8;
constexpr size_t kMaxBraceBytes = 2048;

void Braces(string_view word, int depth, std::vector<std::string>& out);

// "1..3", "a..e", "1..9..2"
bool AddRange(string_view inside, string_view head, string_view tail, int depth,
              std::vector<std::string>& out) {
  size_t dots = inside.find("..");
  if (dots == inside.npos) return false;
  string_view from = inside.substr(0, dots);
  string_view to = inside.substr(dots + 2);
  int64_t step = 1;
  size_t more = to.find("..");
  if (more != to.npos) {
    if (!absl::SimpleAtoi(A(to.substr(more + 2)), &step)) return false;
    to = to.substr(0, more);
  }
  bool letters = from.size() == 1 && to.size() == 1 &&
                 absl::ascii_isalpha(static_cast<unsigned char>(from[0]));
  int64_t a = 0;
  int64_t b = 0;
  if (letters) {
    a = from[0];
    b = to[0];
  } else if (!absl::SimpleAtoi(A(from), &a) || !absl::SimpleAtoi(A(to), &b)) {
    return false;
  }
  constexpr int64_t kMost = 1'000'000'000'000;
  if (std::abs(a) > kMost || std::abs(b) > kMost) return false;
  step = std::clamp<int64_t>(std::abs(step), 1, kMost);
  if (a > b) step = -step;
  for (int64_t i = a; step > 0 ? i <= b : i >= b; i += step) {
    if (out.size() >= kMaxBraceWords) break;
    std::string one =
        letters ? std::string(1, static_cast<char>(i)) : absl::StrCat(i);
    Braces(absl::StrCat(A(head), one, A(tail)), depth + 1, out);
  }
  return true;
}

void Braces(string_view word, int depth, std::vector<std::string>& out) {
  if (out.size() >= kMaxBraceWords) return;
  bool expands = depth < kMaxBraceGroups && word.size() <= kMaxBraceBytes;
  for (size_t open = 0; expands && open < word.size();) {
    if (word[open] != '{') {
      open = SkipShellUnit(word, open);
      continue;
    }
    std::vector<size_t> commas;
    size_t nested = 0;
    size_t at = open;
    for (; at < word.size(); at = SkipShellUnit(word, at)) {
      if (word[at] == '{') ++nested;
      if (word[at] == ',' && nested == 1) commas.push_back(at);
      if (word[at] == '}' && --nested == 0) break;
    }
    if (at >= word.size()) break;
    string_view head = word.substr(0, open);
    string_view tail = word.substr(at + 1);
    string_view inside = word.substr(open + 1, at - open - 1);
    if (commas.empty()) {
      if (AddRange(inside, head, tail, depth, out)) return;
      ++open;
      continue;
    }
    commas.push_back(at);
    size_t begin = open + 1;
    for (size_t comma : commas) {
      if (out.size() >= kMaxBraceWords) break;
      Braces(
          absl::StrCat(A(head), A(word.substr(begin, comma - begin)), A(tail)),
          depth + 1, out);
      begin = comma + 1;
    }
    return;
  }
  out.emplace_back(word);
}

}  // namespace

size_t SkipShellUnit(string_view text, size_t at) { return Unit(text, at, 0); }

size_t SkipShellParentheses(string_view text, size_t open) {
  return Closed(text, open, 0);
}

size_t SkipShellBraces(string_view text, size_t open) {
  return Closed(text, open, 0);
}

size_t SkipShellWord(string_view text, size_t at) {
  while (at < text.size() && !IsMeta(text[at])) {
    at = SkipShellUnit(text, at);
    // name=(...)
    if (at < text.size() && text[at] == '(' && text[at - 1] == '=') {
      at = std::min(SkipShellParentheses(text, at), text.size());
    }
  }
  return at;
}

bool IsShellBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool IsShellNameByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}
bool IsShellName(string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), IsShellNameByte) &&
         !absl::ascii_isdigit(static_cast<unsigned char>(text[0]));
}

std::optional<ShellBody> ReadShellBody(string_view text, size_t at,
                                       string_view open, string_view close) {
  size_t begin = at;
  int depth = 1;
  while (at < text.size()) {
    if (IsMeta(text[at])) {
      ++at;
      continue;
    }
    if (text[at] == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    size_t end = SkipShellWord(text, at);
    string_view word = text.substr(at, end - at);
    if (word == open) ++depth;
    if (word == close && --depth == 0) {
      return ShellBody{text.substr(begin, at - begin), end};
    }
    at = end;
  }
  return std::nullopt;
}

void ExpandBraces(string_view word, std::vector<std::string>& out) {
  Braces(word, 0, out);
}

}  // namespace oddverb
