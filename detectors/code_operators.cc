// The operators of CodeFolder's expressions, over two constants.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/code_folder.h"
#include "detectors/code_values.h"
#include "detectors/shell_arithmetic.h"

namespace oddverb {
namespace {

using std::string_view;

struct Operator {
  string_view text;
  int binds = 0;
};
// Longer ones before their beginnings.
constexpr Operator kOperators[] = {
    {"**", 9}, {"<<", 5}, {">>", 5}, {"//", 7}, {"*", 7}, {"/", 7}, {"%", 7},
    {"+", 6},  {"-", 6},  {".", 6},  {"x", 7},  {"&", 4}, {"^", 3}, {"|", 2},
};

// What a copy of it costs.
size_t WorkOf(const CodeValue& value) {
  size_t work = 1 + value.text.size();
  for (const CodeValue& item : value.items) work += WorkOf(item);
  return work;
}

}  // namespace

bool CodeFolder::Extend(CodeValue& left, int binds) {
  SkipSpace();
  constexpr int kJoins = 6;
  bool literal = Peek() == '"' || Peek() == '\'';
  bool juxtaposed = (Is(CodeLanguage::kAwk) && (literal || Peek() == '$')) ||
                    (literal && left.is_text() &&
                     (Is(CodeLanguage::kPython) || Is(CodeLanguage::kRuby)));
  if (juxtaposed && binds <= kJoins) {
    Result right = Expression(kJoins + 1);
    Result joined;
    if (right) joined = CodeValue::Text(left.AsText() + right->AsText());
    if (!joined || !budget_.Take(joined->text.size())) return false;
    left = std::move(*joined);
    return true;
  }
  for (const Operator& op : kOperators) {
    if (!Rest().starts_with(op.text)) continue;
    if (op.binds < binds || !IsOperatorHere(op.text)) return false;
    at_ += op.text.size();
    Result right = Expression(op.text == "**" ? op.binds : op.binds + 1);
    if (!right) return false;
    Result value = Apply(op.text, left, *right);
    if (!value) return false;
    left = std::move(*value);
    return true;
  }
  return false;
}

bool CodeFolder::IsOperatorHere(string_view op) const {
  char next = Peek(op.size());
  if (next == '=') return false;
  if (op == ".") return HasDotOperator();
  if (op == "x") return Is(CodeLanguage::kPerl) && !IsNameStart(next);
  if (op == "//") return Is(CodeLanguage::kPython);
  return !((op == "&" || op == "|") && next == op[0]);
}

CodeFolder::Result CodeFolder::Apply(string_view op, const CodeValue& a,
                                     const CodeValue& b) {
  if (!budget_.Take(8 + WorkOf(a) + WorkOf(b))) return std::nullopt;
  if (op == "." || (op == "+" && !(a.is_number() && b.is_number()))) {
    if (a.is_list() && b.is_list()) {
      CodeValue list = a;
      list.items.insert(list.items.end(), b.items.begin(), b.items.end());
      return list;
    }
    if (a.is_list() || b.is_list()) return std::nullopt;
    return CodeValue::Text(a.AsText() + b.AsText());
  }
  if (op == "%" && a.is_text()) {
    CodeArguments values =
        b.is_list() ? CodeArguments(b.items) : CodeArguments(&b, 1);
    auto text = FormatValues(a.text, values);
    if (!text) return std::nullopt;
    return CodeValue::Text(*text);
  }
  if (op == "x" || (op == "*" && !(a.is_number() && b.is_number()))) {
    if (a.is_list() && b.is_text() && Is(CodeLanguage::kRuby)) {
      return CallMethod("join", a, {&b, 1}, budget_);
    }
    const bool counts_behind = op == "x" || !a.is_number();
    return Repeated(counts_behind ? a : b, counts_behind ? b : a);
  }
  if (a.is_list() || b.is_list()) return std::nullopt;
  bool perl = HasDotOperator();
  if (!perl && (a.is_text() || b.is_text())) return std::nullopt;
  // The same as the shells', over two constants.
  ArithmeticVariables variables{
      [&](string_view name) {
        return absl::StrCat(name == "a" ? a.AsNumber() : b.AsNumber());
      },
      [](string_view, int64_t) {}};
  if (op == "//") op = "/";
  auto value =
      EvaluateArithmetic(absl::StrCat("a", A(op), "b"), variables, budget_);
  if (!value) return std::nullopt;
  return CodeValue::Number(*value);
}

// 'ab' * 2 and ['a', 'b'] * 2.
CodeFolder::Result CodeFolder::Repeated(const CodeValue& what,
                                        const CodeValue& times) {
  constexpr int64_t kMaxTimes = 4096;
  const int64_t count = std::min(times.AsNumber(), kMaxTimes);
  if (times.is_list() || count < 0 ||
      !budget_.Take(WorkOf(what) * static_cast<size_t>(count))) {
    return std::nullopt;
  }
  if (!what.is_list()) {
    std::string repeated;
    for (int64_t i = 0; i < count; ++i) repeated += what.AsText();
    return CodeValue::Text(repeated);
  }
  CodeValue list = CodeValue::List({});
  for (int64_t i = 0; i < count; ++i) {
    list.items.insert(list.items.end(), what.items.begin(), what.items.end());
  }
  return list;
}

}  // namespace oddverb
