#include "rules/falco_expression.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/falco_transform.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {
namespace {

bool IsLetter(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c));
}
bool IsNameByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

}  // namespace

bool FalcoCursor::SkipBlanks() {
  size_t before = at_;
  while (!AtEnd() && absl::ascii_isspace(static_cast<unsigned char>(Peek()))) {
    ++at_;
  }
  return at_ > before;
}

bool FalcoCursor::Take(std::string_view token) {
  if (!Rest().starts_with(token)) return false;
  at_ += token.size();
  return true;
}

std::string_view FalcoCursor::PeekName() const {
  std::string_view rest = Rest();
  size_t end = 0;
  while (end < rest.size() && IsLetter(rest[end])) {
    while (end < rest.size() && IsNameByte(rest[end])) ++end;
    bool goes_on =
        end + 1 < rest.size() && rest[end] == '.' && IsLetter(rest[end + 1]);
    if (!goes_on) break;
    ++end;
  }
  return rest.substr(0, end);
}

std::string_view FalcoCursor::TakeName() {
  std::string_view name = PeekName();
  at_ += name.size();
  return name;
}

std::optional<std::string> FalcoCursor::TakeQuoted() {
  char quote = Peek();
  if (quote != '"' && quote != '\'') return std::nullopt;
  std::string text;
  for (size_t i = at_ + 1; i < text_.size(); ++i) {
    if (text_[i] == quote) {
      at_ = i + 1;
      return text;
    }
    if (text_[i] != '\\' || i + 1 == text_.size()) {
      text += text_[i];
      continue;
    }
    constexpr std::string_view kEscapes = "bfnrt";
    constexpr std::string_view kMeanings = "\b\f\n\r\t";
    size_t known = kEscapes.find(text_[++i]);
    text += known == std::string_view::npos ? text_[i] : kMeanings[known];
  }
  return std::nullopt;
}

std::string_view FalcoCursor::TakeBare() {
  size_t end =
      std::min(text_.find_first_of("()\"'=, \t\r\n\f\v", at_), text_.size());
  std::string_view text = text_.substr(at_, end - at_);
  at_ = end;
  return text;
}

std::nullopt_t FalcoFieldParser::Fail(size_t at, std::string message) {
  complaint_ = {at, std::move(message)};
  return std::nullopt;
}

bool FalcoFieldParser::AtFunction() const {
  std::string_view name = cursor_.PeekName();
  std::string_view behind = cursor_.Rest().substr(name.size());
  return !name.empty() && name.find('.') == name.npos &&
         behind.starts_with('(');
}

std::optional<FalcoField> FalcoFieldParser::Parse() { return ParseNested(0); }

std::optional<FalcoField> FalcoFieldParser::ParseNested(int depth) {
  return AtFunction() ? ParseFunction(depth) : ParsePlain();
}

std::optional<FalcoField> FalcoFieldParser::ParsePlain() {
  size_t start = cursor_.at();
  std::string_view name = cursor_.TakeName();
  if (name.empty()) return Fail(start, "expected a field");
  std::string argument;
  bool has_argument = cursor_.Take("[");
  if (has_argument) {
    if (auto quoted = cursor_.TakeQuoted()) {
      argument = *std::move(quoted);
    } else {
      std::string_view rest = cursor_.Rest();
      size_t end = rest.find_first_of("[]\"' \t\r\n");
      argument = std::string(rest.substr(0, end));
      cursor_.Skip(argument.size());
    }
    if (!cursor_.Take("]")) return Fail(cursor_.at(), "expected \"]\"");
  }
  auto field = FindFalcoField(
      name,
      has_argument ? std::optional<std::string_view>(argument) : std::nullopt);
  if (!field.ok()) return Fail(start, std::string(field.status().message()));
  return *std::move(field);
}

std::optional<FalcoField> FalcoFieldParser::ParseFunction(int depth) {
  size_t start = cursor_.at();
  if (depth >= kMaxNested) return Fail(start, "functions nested too deeply");
  std::string name(cursor_.TakeName());
  cursor_.Take("(");
  std::vector<FalcoOperand> operands;
  do {
    cursor_.SkipBlanks();
    FalcoOperand& operand = operands.emplace_back();
    if (auto text = cursor_.TakeQuoted()) {
      operand.text = *std::move(text);
      continue;
    }
    operand.field = ParseNested(depth + 1);
    if (!operand.field.has_value()) return std::nullopt;
  } while (cursor_.SkipBlanks(), cursor_.Take(","));
  if (!cursor_.Take(")")) {
    return Fail(cursor_.at(),
                absl::StrCat("expected \")\" to end \"", name, "(\""));
  }
  auto field = TransformFalcoField(name, std::move(operands));
  if (!field.ok()) return Fail(start, std::string(field.status().message()));
  return *std::move(field);
}

}  // namespace oddverb
