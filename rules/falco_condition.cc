#include "rules/falco_condition.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/canonical_number.h"
#include "rules/falco_check.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {
namespace {

// "403", "-1.5e+3", "0x1F".
bool IsNumber(std::string_view text) {
  bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  if (!is_hex) return Number::Parse(text).has_value();
  text.remove_prefix(2);
  return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") ==
                              std::string_view::npos;
}

// A grammar mistake ends the reading (nullopt); a field or a macro that cannot
// be had is complained of, and the reading goes on.
class ConditionParser {
 public:
  ConditionParser(std::string_view text, const FalcoScope& scope)
      : cursor_(text), scope_(scope) {}

  FalcoCondition Parse() {
    std::optional<Predicate> whole = ParseOr();
    if (whole.has_value() && !cursor_.AtEnd()) {
      whole = Fail(cursor_.at(), "expected \"and\", \"or\" or the end");
    }
    if (whole.has_value()) condition_.predicate = *std::move(whole);
    return std::move(condition_);
  }

 private:
  using Parsed = std::optional<Predicate>;

  std::nullopt_t Fail(size_t at, std::string message) {
    Complain(at, std::move(message));
    return std::nullopt;
  }
  void Complain(size_t at, std::string message) {
    condition_.failed = true;
    if (condition_.complaints.size() >= kMaxFalcoComplaints) return;
    condition_.complaints.push_back({at, std::move(message)});
  }

  // Takes "and", "or", "not" where a blank or a parenthesis follows.
  bool TakeWord(std::string_view word) {
    cursor_.SkipBlanks();
    std::string_view rest = cursor_.Rest();
    if (!rest.starts_with(word)) return false;
    std::string_view behind = rest.substr(word.size());
    if (behind.find_first_of("( \t\r\n\f\v") != 0) return false;
    cursor_.Skip(word.size());
    return true;
  }

  Parsed ParseOr() {
    std::vector<Predicate> parts;
    do {
      Parsed part = ParseAnd();
      if (!part.has_value()) return std::nullopt;
      parts.push_back(*std::move(part));
    } while (TakeWord("or"));
    return Joined(Predicate::Or(std::move(parts)));
  }

  Parsed ParseAnd() {
    std::vector<Predicate> parts;
    do {
      Parsed part = ParseNot();
      if (!part.has_value()) return std::nullopt;
      parts.push_back(*std::move(part));
    } while (TakeWord("and"));
    return Joined(Predicate::And(std::move(parts)));
  }

  Parsed Joined(Predicate predicate) {
    if (predicate.tests() > Predicate::kMaxTests) {
      return Fail(cursor_.at(), absl::StrCat("more than ", Predicate::kMaxTests,
                                             " comparisons, macros included"));
    }
    if (predicate.depth() > Predicate::kMaxDepth) {
      return Fail(cursor_.at(),
                  absl::StrCat("nested deeper than ", Predicate::kMaxDepth,
                               " levels, macros included"));
    }
    return predicate;
  }

  Parsed ParseNot() {
    bool negated = false;
    while (TakeWord("not")) negated = !negated;
    Parsed inner = ParseCheck();
    if (!inner.has_value() || !negated) return inner;
    if (!Spend(inner->tests())) return std::nullopt;
    return Predicate::Not(*inner);
  }

  Parsed ParseCheck() {
    cursor_.SkipBlanks();
    size_t start = cursor_.at();
    if (cursor_.Take("(")) {
      if (++depth_ > kMaxFalcoNesting) {
        return Fail(start, absl::StrCat("nested deeper than ", kMaxFalcoNesting,
                                        " levels"));
      }
      Parsed inner = ParseOr();
      if (!inner.has_value()) return std::nullopt;
      --depth_;
      cursor_.SkipBlanks();
      if (!cursor_.Take(")")) return Fail(cursor_.at(), "expected \")\"");
      return inner;
    }
    FalcoFieldParser parser(cursor_);
    std::string_view name = cursor_.PeekName();
    bool is_field = name.find('.') != name.npos || parser.AtFunction();
    if (name == "and" || name == "or" || name == "not" || name.empty()) {
      return Fail(start, "expected a comparison, a macro or \"(\"");
    }
    if (!is_field) return ParseMacro();
    std::optional<FalcoField> field = parser.Parse();
    if (!field.has_value()) {
      Complain(parser.complaint().offset, parser.complaint().message);
      if (name.find('.') == name.npos) return std::nullopt;
      // The rest may hold more mistakes: any field does for reading on.
      if (cursor_.Take("[")) return std::nullopt;
      field = FindFalcoField("ka.verb", std::nullopt).value();
    }
    return ParseComparison(*field);
  }

  Parsed ParseMacro() {
    size_t start = cursor_.at();
    std::string_view name = cursor_.TakeName();
    // "verb = get": a field whose prefix was left out.
    FalcoCursor ahead = cursor_;
    ahead.SkipBlanks();
    if (std::string_view("=<>!").find(ahead.Peek()) != std::string_view::npos &&
        !ahead.AtEnd()) {
      return Fail(start, absl::StrCat("no such field: ", QuotedName(name),
                                      NearestHint(absl::StrCat("ka.", A(name)),
                                                  FalcoFieldNames())));
    }
    absl::StatusOr<Predicate> macro = scope_.macro(name);
    if (!macro.ok()) {
      Complain(start, std::string(macro.status().message()));
      return Predicate::False();
    }
    if (!Spend(macro->tests())) return std::nullopt;
    return *std::move(macro);
  }

  bool Spend(size_t amount) {
    if (scope_.spend(amount)) return true;
    Complain(cursor_.at(), "too much in all: macros or lists grow too large");
    return false;
  }

  std::optional<FalcoOperator> ParseOperator() {
    cursor_.SkipBlanks();
    size_t start = cursor_.at();
    std::string word;
    for (std::string_view symbol : {"<=", ">=", "==", "!=", "<", ">", "="}) {
      if (!word.empty() || !cursor_.Take(symbol)) continue;
      word = std::string(symbol);
    }
    if (word.empty()) word = std::string(cursor_.TakeName());
    if (word.empty()) return Fail(start, "expected an operator");
    absl::StatusOr<FalcoOperator> op = FindFalcoOperator(word);
    if (!op.ok()) return Fail(start, std::string(op.status().message()));
    cursor_.SkipBlanks();
    if (auto modifier = FindFalcoModifier(cursor_.PeekName())) {
      FalcoCursor ahead = cursor_;
      ahead.TakeName();
      ahead.SkipBlanks();
      if (ahead.Peek() == '(') {
        cursor_.TakeName();
        op->modifier = *modifier;
      }
    }
    return *op;
  }

  Parsed ParseComparison(const FalcoField& field) {
    cursor_.SkipBlanks();
    size_t start = cursor_.at();
    std::optional<FalcoOperator> op = ParseOperator();
    if (!op.has_value()) return std::nullopt;
    cursor_.SkipBlanks();
    FalcoFieldParser parser(cursor_);
    if (op->kind != FalcoOperator::Kind::kExists && parser.AtFunction()) {
      std::optional<FalcoField> other = parser.Parse();
      if (!other.has_value()) {
        return Fail(parser.complaint().offset, parser.complaint().message);
      }
      return Checked(start, MakeFalcoFieldCheck(field, *op, *other));
    }
    std::vector<std::string> values;
    size_t values_at = cursor_.at();
    if (op->kind != FalcoOperator::Kind::kExists && !ParseValues(*op, values)) {
      return std::nullopt;
    }
    if (!Spend(values.size() + 1)) return std::nullopt;
    WarnOfOrder(field, *op, values_at);
    return Checked(start, MakeFalcoCheck(field, *op, values));
  }

  Parsed Checked(size_t at, absl::StatusOr<Predicate> predicate) {
    if (predicate.ok()) return *std::move(predicate);
    Complain(at, std::string(predicate.status().message()));
    return Predicate::False();
  }

  void WarnOfOrder(const FalcoField& field, FalcoOperator op, size_t at) {
    // Status codes always have three digits.
    bool is_text_order = op.TakesNumber() &&
                         field.type == FalcoField::Type::kText &&
                         field.name != "ka.response.code";
    if (!is_text_order) return;
    if (condition_.complaints.size() >= kMaxFalcoComplaints) return;
    condition_.complaints.push_back(
        {at,
         absl::StrCat(QuotedName(field.name),
                      " is a text, and compared by letters as in Falco: "
                      "\"1000\" comes before \"99\""),
         true});
  }

  bool ParseValues(FalcoOperator op, std::vector<std::string>& values) {
    if (op.TakesList() && cursor_.Take("(")) return ParseList(values);
    size_t start = cursor_.at();
    if (op.TakesList() && op.modifier != FalcoOperator::Modifier::kNone) {
      Complain(start, "expected \"(\"");
      return false;
    }
    if (!ParseValue(values)) return false;
    if (op.TakesList()) return true;
    if (values.size() != 1) {
      Complain(start, absl::StrCat("one value is expected, and the list has ",
                                   values.size()));
      return false;
    }
    if (op.TakesNumber() && !IsNumber(values[0])) {
      Complain(start,
               absl::StrCat("expected a number, not ", QuotedName(values[0])));
      return false;
    }
    return true;
  }

  bool ParseList(std::vector<std::string>& values) {
    cursor_.SkipBlanks();
    if (cursor_.Take(")")) return true;
    do {
      cursor_.SkipBlanks();
      if (!ParseValue(values)) return false;
      cursor_.SkipBlanks();
    } while (cursor_.Take(","));
    if (cursor_.Take(")")) return true;
    Complain(cursor_.at(), "expected \",\" or \")\"");
    return false;
  }

  bool ParseValue(std::vector<std::string>& values) {
    size_t start = cursor_.at();
    if (auto quoted = cursor_.TakeQuoted()) {
      values.push_back(*std::move(quoted));
      return true;
    }
    std::string_view bare = cursor_.TakeBare();
    if (bare.empty()) {
      char next = cursor_.Peek();
      Complain(start, next == '"' || next == '\'' ? "a quote that nothing ends"
                                                  : "expected a value");
      return false;
    }
    const std::vector<std::string>* list = scope_.list(bare);
    if (list == nullptr) {
      values.emplace_back(bare);
      return true;
    }
    if (!Spend(list->size())) return false;
    AppendFalcoValue(bare, scope_, values);
    return true;
  }

  FalcoCursor cursor_;
  const FalcoScope& scope_;
  FalcoCondition condition_;
  size_t depth_ = 0;
};

std::string_view WithoutQuotes(std::string_view text) {
  bool quoted = text.size() >= 2 && text.front() == text.back() &&
                (text.front() == '"' || text.front() == '\'');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

FalcoCondition ParseFalcoCondition(std::string_view text,
                                   const FalcoScope& scope) {
  return ConditionParser(text, scope).Parse();
}

void AppendFalcoValue(std::string_view text, const FalcoScope& scope,
                      std::vector<std::string>& out) {
  const std::vector<std::string>* list = scope.list(text);
  if (list == nullptr) {
    out.emplace_back(WithoutQuotes(text));
    return;
  }
  for (const std::string& item : *list) out.emplace_back(WithoutQuotes(item));
}

}  // namespace oddverb
