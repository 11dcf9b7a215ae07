#include "detectors/shell_arithmetic.h"

#include <utility>

#include "absl/strings/ascii.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr int kMaxDepth = 32;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// bash: 0-9, a-z, A-Z (from base 37 on apart from a-z), '@', '_'.
int DigitValue(char c, uint64_t base) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + (base <= 36 ? 10 : 36);
  if (c == '@') return 62;
  return c == '_' ? 63 : 99;
}

std::optional<int64_t> ReadDigits(string_view digits, uint64_t base) {
  if (digits.empty()) return std::nullopt;
  uint64_t value = 0;  // wraps, as the shells' does
  for (char c : digits) {
    int digit = DigitValue(c, base);
    if (static_cast<uint64_t>(digit) >= base) return std::nullopt;
    value = value * base + static_cast<uint64_t>(digit);
  }
  return static_cast<int64_t>(value);
}

struct Operator {
  string_view text;
  int binds = 0;  // stronger first
};
// Longer ones before their beginnings.
constexpr Operator kOperators[] = {
    {"**", 11}, {"<<", 8}, {">>", 8}, {"<=", 7}, {">=", 7},
    {"==", 6},  {"!=", 6}, {"&&", 2}, {"||", 1}, {"*", 10},
    {"/", 10},  {"%", 10}, {"+", 9},  {"-", 9},  {"<", 7},
    {">", 7},   {"&", 5},  {"^", 4},  {"|", 3},
};

uint64_t U(int64_t value) { return static_cast<uint64_t>(value); }

int64_t Sum(int64_t a, int64_t b) { return static_cast<int64_t>(U(a) + U(b)); }

int64_t Power(int64_t base, int64_t exponent) {
  uint64_t result = 1;
  for (int64_t i = 0; i < exponent && i < 64; ++i) result *= U(base);
  return static_cast<int64_t>(result);
}

std::optional<int64_t> Apply(string_view op, int64_t a, int64_t b) {
  if (op == "**") return Power(a, b);
  if (op == "*") return static_cast<int64_t>(U(a) * U(b));
  if (op == "+") return static_cast<int64_t>(U(a) + U(b));
  if (op == "-") return static_cast<int64_t>(U(a) - U(b));
  if (op == "/" || op == "%") {
    if (b == 0 || b == -1) return std::nullopt;
    return op == "/" ? a / b : a % b;
  }
  if (op == "<<") return static_cast<int64_t>(U(a) << (U(b) & 63));
  if (op == ">>") return a >> (U(b) & 63);
  if (op == "&") return a & b;
  if (op == "|") return a | b;
  if (op == "^") return a ^ b;
  if (op == "<") return a < b;
  if (op == ">") return a > b;
  if (op == "<=") return a <= b;
  if (op == ">=") return a >= b;
  if (op == "==") return a == b;
  if (op == "!=") return a != b;
  if (op == "&&") return a != 0 && b != 0;
  return a != 0 || b != 0;
}

class Evaluator {
 public:
  Evaluator(string_view text, const ArithmeticVariables& variables,
            FoldBudget& budget)
      : text_(text), variables_(variables), budget_(budget) {}

  std::optional<int64_t> All() {
    std::optional<int64_t> value = List();
    SkipBlanks();
    return at_ == text_.size() ? value : std::nullopt;
  }

 private:
  void SkipBlanks() {
    while (at_ < text_.size() &&
           (absl::ascii_isspace(static_cast<unsigned char>(text_[at_])) ||
            text_[at_] == '"' || text_[at_] == '\'')) {
      ++at_;
    }
  }
  bool Accept(string_view token) {
    SkipBlanks();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  std::optional<int64_t> List() {
    std::optional<int64_t> value = Choice();
    while (value && Accept(",")) value = Choice();
    return value;
  }

  std::optional<int64_t> Choice() {
    if (depth_ >= kMaxDepth || !budget_.Take(1)) return std::nullopt;
    ++depth_;
    std::optional<int64_t> value = Binary(1);
    if (value && Accept("?")) {
      std::optional<int64_t> yes = Choice();
      if (!yes || !Accept(":")) return std::nullopt;
      std::optional<int64_t> no = Choice();
      value = *value != 0 ? yes : no;
    }
    --depth_;
    return value;
  }

  const Operator* Peek() {
    SkipBlanks();
    for (const Operator& op : kOperators) {
      if (text_.substr(at_).starts_with(op.text)) return &op;
    }
    return nullptr;
  }

  std::optional<int64_t> Binary(int binds) {
    std::optional<int64_t> left = Unary();
    for (const Operator* op = Peek(); left && op != nullptr; op = Peek()) {
      if (op->binds < binds || !budget_.Take(1)) break;
      at_ += op->text.size();
      std::optional<int64_t> right = Binary(op->binds + 1);
      if (!right) return std::nullopt;
      left = Apply(op->text, *left, *right);
    }
    return left;
  }

  std::optional<int64_t> Unary() {
    if (depth_ >= kMaxDepth || !budget_.Take(1)) return std::nullopt;
    ++depth_;
    std::optional<int64_t> value = UnaryBelow();
    --depth_;
    return value;
  }

  std::optional<int64_t> UnaryBelow() {
    SkipBlanks();
    if (text_.substr(at_).starts_with("++") ||
        text_.substr(at_).starts_with("--")) {
      int64_t step = text_[at_] == '+' ? 1 : -1;
      at_ += 2;
      string_view name = Name();
      if (name.empty()) return std::nullopt;
      return Store(name, Sum(Load(name), step));
    }
    if (Accept("-")) {
      auto value = Unary();
      return value ? std::optional(static_cast<int64_t>(0 - U(*value))) : value;
    }
    if (Accept("+")) return Unary();
    if (Accept("~")) {
      auto value = Unary();
      return value ? std::optional(~*value) : value;
    }
    if (Accept("!")) {
      auto value = Unary();
      return value ? std::optional<int64_t>(*value == 0) : value;
    }
    if (Accept("(")) {
      auto value = List();
      return Accept(")") ? value : std::nullopt;
    }
    return Operand();
  }

  string_view Name() {
    SkipBlanks();
    size_t begin = at_;
    while (at_ < text_.size() && IsNameByte(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::optional<int64_t> Operand() {
    SkipBlanks();
    Accept("$");
    size_t begin = at_;
    if (at_ < text_.size() && IsDigit(text_[at_])) {
      while (at_ < text_.size() && (IsNameByte(text_[at_]) ||
                                    text_[at_] == '#' || text_[at_] == '@')) {
        ++at_;
      }
      return ReadShellInteger(text_.substr(begin, at_ - begin));
    }
    string_view name = Name();
    if (name.empty()) return std::nullopt;
    for (string_view step : {"++", "--"}) {
      if (!Accept(step)) continue;
      int64_t value = Load(name);
      Store(name, Sum(value, step == "++" ? 1 : -1));
      return value;
    }
    for (string_view op :
         {"+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^"}) {
      SkipBlanks();
      string_view rest = text_.substr(at_);
      if (!rest.starts_with(op) || !rest.substr(op.size()).starts_with("=")) {
        continue;
      }
      at_ += op.size() + 1;
      std::optional<int64_t> value = Choice();
      if (value) value = Apply(op, Load(name), *value);
      if (!value) return value;
      return Store(name, *value);
    }
    SkipBlanks();
    string_view rest = text_.substr(at_);
    if (rest.starts_with("=") && !rest.starts_with("==")) {
      ++at_;
      std::optional<int64_t> value = Choice();
      if (!value) return value;
      return Store(name, *value);
    }
    return Load(name);
  }

  int64_t Load(string_view name) {
    return ReadShellInteger(variables_.get(name)).value_or(0);
  }
  int64_t Store(string_view name, int64_t value) {
    variables_.set(name, value);
    return value;
  }

  string_view text_;
  const ArithmeticVariables& variables_;
  FoldBudget& budget_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::optional<int64_t> ReadShellInteger(string_view text) {
  bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::optional<int64_t> value;
  size_t hash = text.find('#');
  if (hash != text.npos) {
    std::optional<int64_t> base = ReadDigits(text.substr(0, hash), 10);
    if (!base || *base < 2 || *base > 64) return std::nullopt;
    value = ReadDigits(text.substr(hash + 1), U(*base));
  } else if (text.starts_with("0x") || text.starts_with("0X")) {
    value = ReadDigits(text.substr(2), 16);
  } else if (text.size() > 1 && text[0] == '0') {
    value = ReadDigits(text, 8);
  } else {
    value = ReadDigits(text, 10);
  }
  if (value && negative) value = static_cast<int64_t>(0 - U(*value));
  return value;
}

std::optional<int64_t> EvaluateArithmetic(string_view text,
                                          const ArithmeticVariables& variables,
                                          FoldBudget& budget) {
  return Evaluator(text, variables, budget).All();
}

}  // namespace oddverb
