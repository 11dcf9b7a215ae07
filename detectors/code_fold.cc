// Long because: one grammar of expressions, whose rules call one another.
#include "detectors/code_fold.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/code_values.h"
#include "detectors/shell_arithmetic.h"
#include "detectors/text_codecs.h"

namespace oddverb {
namespace {

using std::string_view;
using Result = std::optional<CodeValue>;

constexpr int kMaxDepth = 24;
constexpr int kMaxCodeDepth = 3;  // exec() of code in code
constexpr size_t kMaxRounds = 256;

bool IsOneOf(string_view word, std::initializer_list<string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) {
  return absl::ascii_isspace(static_cast<unsigned char>(c));
}
bool IsNameStart(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_';
}
bool IsNameByte(char c) { return IsNameStart(c) || IsDigit(c); }

struct Operator {
  string_view text;
  int binds = 0;
};
// Longer ones before their beginnings.
constexpr Operator kOperators[] = {
    {"**", 9}, {"<<", 5}, {">>", 5}, {"//", 7}, {"*", 7}, {"/", 7}, {"%", 7},
    {"+", 6},  {"-", 6},  {".", 6},  {"x", 7},  {"&", 4}, {"^", 3}, {"|", 2},
};

// A word of a shell that stands for itself.
std::string Quoted(string_view text) {
  std::string quoted = "'";
  for (char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

class Folder {
 public:
  Folder(string_view code, const CodeContext& context, FoldBudget& budget,
         int code_depth)
      : code_(code),
        context_(context),
        budget_(budget),
        code_depth_(code_depth) {
    CodeValue arguments = CodeValue::List({});
    for (const std::string& text : context.arguments) {
      arguments.items.push_back(CodeValue::Text(text));
    }
    variables_["ARGV"] = arguments;
    if (Is(CodeLanguage::kPerl) || Is(CodeLanguage::kRuby)) {
      variables_["_"] = CodeValue::Text(context.input);
    }
  }

  FoldedCode Run() {
    while (at_ < code_.size() && budget_.Take(1)) Step();
    return std::move(result_);
  }

 private:
  bool Is(CodeLanguage language) const { return context_.language == language; }
  bool HasDotOperator() const {
    return Is(CodeLanguage::kPerl) || Is(CodeLanguage::kPhp);
  }
  bool HasSigils() const { return HasDotOperator() || Is(CodeLanguage::kRuby); }
  string_view Rest() const { return code_.substr(at_); }
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < code_.size() ? code_[at_ + ahead] : '\0';
  }
  void SkipSpace() {
    size_t begin = at_;
    while (IsSpace(Peek())) ++at_;
    budget_.Take(at_ - begin);
  }
  bool Accept(string_view token) {
    SkipSpace();
    if (!Rest().starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  string_view Name() {
    size_t begin = at_;
    if (IsNameStart(Peek())) {
      while (IsNameByte(Peek())) ++at_;
    }
    budget_.Take(at_ - begin);
    return code_.substr(begin, at_ - begin);
  }

  void Emit(string_view text) {
    if (budget_.Take(text.size())) result_.text += text;
  }
  void EmitValue(const CodeValue& value) {
    if (value.is_number()) return Emit(value.AsText());
    if (value.is_text()) return Emit(absl::StrCat("'", value.text, "'"));
    Emit("[");
    for (const CodeValue& item : value.items) {
      EmitValue(item);
      Emit(", ");
    }
    Emit("]");
  }

  // One statement's worth of progress: an expression, a name, or a byte.
  void Step() {
    char c = Peek();
    if (IsComment()) {
      at_ = std::min(code_.find('\n', at_), code_.size());
      return;
    }
    bool begins = IsNameByte(c) || c == '"' || c == '\'' || c == '`' ||
                  c == '(' || c == '[' || c == '$' || c == '@';
    // Of a call that is not known: its arguments, one by one.
    bool is_call = c == '(' && at_ > 0 && IsNameByte(code_[at_ - 1]);
    if (!begins || is_call) {
      Emit(code_.substr(at_++, 1));
      return;
    }
    size_t start = at_;
    if (IsNameByte(c) || c == '$' || c == '@') {
      if (Assignment()) return;
      at_ = start;
      if (Statement()) return;
      at_ = start;
    }
    Result value = Expression(0);
    if (value && at_ > start) {
      EmitValue(*value);
      return;
    }
    at_ = start;
    string_view name = Name();
    if (name.empty()) ++at_;
    while (name.empty() && IsDigit(c) && IsNameByte(Peek())) ++at_;
    Emit(code_.substr(start, at_ - start));
  }

  bool IsComment() const {
    char before = at_ > 0 ? code_[at_ - 1] : '\n';
    bool hash = Peek() == '#' && !Is(CodeLanguage::kJavaScript) &&
                (IsSpace(before) || before == ';');
    return hash || (Rest().starts_with("//") &&
                    (Is(CodeLanguage::kJavaScript) || Is(CodeLanguage::kPhp)) &&
                    (IsSpace(before) || before == ';'));
  }

  // "my $x = 'a' . 'b'", "x += 'c'", "const x = ..."; "a, b = 1, 2".
  bool Assignment() {
    size_t start = at_;
    string_view name = Name();
    if (IsOneOf(name, {"my", "our", "local", "const", "let", "var"})) {
      SkipSpace();
      start = at_;
      name = {};
    }
    char sigil = '\0';
    if (name.empty() && (Peek() == '$' || Peek() == '@' || Peek() == '%')) {
      sigil = code_[at_++];
    }
    if (name.empty()) name = Name();
    std::vector<string_view> names = {name};
    while (!name.empty() && sigil == '\0' && Peek() == ',') {
      ++at_;
      SkipSpace();
      names.push_back(Name());
      if (names.back().empty() || names.size() > 16) return false;
    }
    SkipSpace();
    string_view op;
    for (string_view each : {"+=", ".=", "="}) {
      if (Rest().starts_with(each)) {
        op = each;
        break;
      }
    }
    char behind = Peek(op.size());
    if (name.empty() || op.empty() || behind == '=' || behind == '~' ||
        behind == '>') {
      return false;
    }
    at_ += op.size();
    Result value = Expression(0);
    if (value && names.size() > 1) {
      CodeValue list = CodeValue::List({*value});
      while (value && Accept(",")) {
        value = Expression(0);
        if (value) list.items.push_back(*value);
      }
      if (list.items.size() == 1 && list.items[0].is_list())
        list = list.items[0];
      if (!value || list.items.size() != names.size()) return false;
      for (size_t i = 0; i < names.size(); ++i) {
        Remember(names[i], std::move(list.items[i]));
      }
      Emit(code_.substr(start, at_ - start));
      return true;
    }
    if (!value) {
      variables_.erase(name);
      return false;
    }
    if (op != "=") {
      auto known = variables_.find(name);
      if (known == variables_.end()) return false;
      value = Apply(op == "+=" ? "+" : ".", known->second, *value);
      if (!value) return false;
    }
    EmitValue(CodeValue::Text(std::string(name)));
    Emit("=");
    EmitValue(*value);
    if (sigil == '@' && !value->is_list()) value = CodeValue::List({*value});
    Remember(name, std::move(*value));
    return true;
  }

  void Remember(string_view name, CodeValue value) {
    if (!budget_.Take(name.size() + value.text.size() +
                      8 * value.items.size())) {
      return;
    }
    auto [at, added] = variables_.try_emplace(std::string(name));
    at->second = std::move(value);
  }

  // Calls that matter for what they do: print, system, exec.
  bool Statement() {
    size_t start = at_;
    string_view name = Name();
    if (name.empty()) return false;
    while (Peek() == '.' && IsNameStart(Peek(1)) && !HasDotOperator()) {
      ++at_;
      name = Name();
    }
    bool prints = IsOneOf(
        name, {"print", "puts", "say", "echo", "printf", "log", "write"});
    bool runs_code =
        name == "eval" || (name == "exec" && Is(CodeLanguage::kPython));
    bool runs_shell =
        !runs_code &&
        IsOneOf(name, {"system",     "popen",           "exec",
                       "execSync",   "execFileSync",    "execFile",
                       "spawn",      "spawnSync",       "call",
                       "run",        "check_output",    "check_call",
                       "getoutput",  "getstatusoutput", "Popen",
                       "shell_exec", "passthru",        "execl",
                       "execlp",     "execv",           "execvp",
                       "proc_open"});
    bool connects =
        IsOneOf(name, {"create_connection", "HTTPConnection", "HTTPSConnection",
                       "connect", "connect_ex", "getaddrinfo", "gethostbyname",
                       "PeerAddr", "PeerHost", "inet_aton", "fsockopen",
                       "createConnection", "open_connection", "Telnet",
                       "TCPSocket", "host", "hostname"});
    if (connects) return Connection(start);
    if (!prints && !runs_code && !runs_shell) return false;
    size_t behind = at_;
    Result arguments = CallArguments();
    if (!arguments || arguments->items.empty()) return false;
    if (prints) {
      Print(name, arguments->items);
    } else if (runs_code) {
      if (arguments->items[0].is_number()) return false;
      RunCode(arguments->items[0].AsText());
    } else {
      RunShell(arguments->items);
    }
    Emit(code_.substr(start, behind - start));
    EmitValue(*arguments);
    return true;
  }

  // connect((HOST, 80)), PeerAddr => HOST: any number there is a host.
  bool Connection(size_t start) {
    size_t behind = at_;
    Result arguments;
    if (Accept("=>") || Accept(":")) {
      arguments = Expression(0);
    } else {
      Accept(".new");  // Ruby
      arguments = CallArguments();
    }
    while (arguments && arguments->is_list() && !arguments->items.empty()) {
      CodeValue first = std::move(arguments->items[0]);
      arguments = std::move(first);
    }
    if (!arguments || arguments->is_list()) return false;
    std::string host = arguments->AsText();
    bool is_ipv6 =
        std::count(host.begin(), host.end(), ':') > 1 && !host.starts_with('[');
    if (is_ipv6) host = absl::StrCat("[", host, "]");
    Emit(code_.substr(start, behind - start));
    Emit(absl::StrCat(" tcp://", host, " "));
    return true;
  }

  void Print(string_view name, const std::vector<CodeValue>& values) {
    std::string text;
    if (name == "printf") {
      text = FormatValues(values[0].AsText(), CodeArguments(values).subspan(1))
                 .value_or("");
    } else {
      bool spaced = Is(CodeLanguage::kPython) || Is(CodeLanguage::kAwk) ||
                    Is(CodeLanguage::kJavaScript);
      for (size_t i = 0; i < values.size(); ++i) {
        if (i > 0 && spaced) text += separator_;
        text += values[i].AsText();
      }
      bool ends_line = name != "write" && name != "echo" &&
                       !(name == "print" && Is(CodeLanguage::kPerl)) &&
                       !(name == "print" && Is(CodeLanguage::kPhp));
      if (ends_line) text += '\n';
    }
    if (budget_.Take(text.size())) result_.output += text;
  }

  void RunCode(const std::string& code) {
    if (code_depth_ >= kMaxCodeDepth) {
      budget_.exhausted = true;
      return;
    }
    FoldedCode inner = Folder(code, context_, budget_, code_depth_ + 1).Run();
    Emit(inner.text);
    Emit(" ");
    result_.output += inner.output;
    for (std::string& script : inner.scripts) {
      result_.scripts.push_back(std::move(script));
    }
  }

  void RunShell(const std::vector<CodeValue>& values) {
    std::vector<std::string> words;
    for (const CodeValue& value : values) {
      if (value.is_list()) {
        for (const CodeValue& item : value.items)
          words.push_back(item.AsText());
      } else {
        words.push_back(value.AsText());
      }
    }
    if (words.empty()) return;
    bool is_script = values[0].is_text() && words.size() == 1;
    std::string script = is_script ? words[0] : "";
    for (size_t i = 0; !is_script && i < words.size(); ++i) {
      script += Quoted(words[i]) + " ";
    }
    if (budget_.Take(script.size()))
      result_.scripts.push_back(std::move(script));
  }

  // "(a, b)", or "a, b" where the language needs no parentheses; what follows
  // constants is passed over.
  Result CallArguments() {
    SkipSpace();
    bool closes = Peek() == '(';
    if (!closes &&
        (Is(CodeLanguage::kPython) || Is(CodeLanguage::kJavaScript))) {
      return std::nullopt;
    }
    if (closes) {
      size_t start = at_;
      ++at_;
      if (Result list = ListBody(')')) return list;
      at_ = start + 1;
    }
    CodeValue list = CodeValue::List({});
    do {
      SkipSpace();
      size_t start = at_;
      Result value = Expression(0);
      if (!value) {
        at_ = start;
        break;
      }
      Append(list, std::move(*value));
    } while (Accept(","));
    if (list.items.empty()) return std::nullopt;
    return list;
  }

  // Perl's lists have no lists in them.
  void Append(CodeValue& list, CodeValue value) const {
    if (value.is_list() && Is(CodeLanguage::kPerl)) {
      for (CodeValue& item : value.items) list.items.push_back(std::move(item));
    } else {
      list.items.push_back(std::move(value));
    }
  }

  Result Expression(int binds) {
    if (depth_ >= kMaxDepth || !budget_.Take(1)) return std::nullopt;
    ++depth_;
    Result left = Unary();
    while (left) {
      size_t before = at_;
      if (!Extend(*left, binds)) {
        at_ = before;
        break;
      }
    }
    --depth_;
    return left;
  }

  // left op right; false if nothing constant follows.
  bool Extend(CodeValue& left, int binds) {
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

  bool IsOperatorHere(string_view op) const {
    char next = Peek(op.size());
    if (next == '=') return false;
    if (op == ".") return HasDotOperator();
    if (op == "x") return Is(CodeLanguage::kPerl) && !IsNameStart(next);
    if (op == "//") return Is(CodeLanguage::kPython);
    return !((op == "&" || op == "|") && next == op[0]);
  }

  Result Apply(string_view op, const CodeValue& a, const CodeValue& b) {
    if (!budget_.Take(8 + a.text.size() + b.text.size())) return std::nullopt;
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
    if (op == "x" || (op == "*" && (a.is_text() || b.is_text()))) {
      const CodeValue& text = a.is_text() || op == "x" ? a : b;
      int64_t count = (&text == &a ? b : a).AsNumber();
      if (text.is_list() || count < 0 ||
          !budget_.Take(
              text.text.size() *
              static_cast<size_t>(std::min<int64_t>(count, 1 << 20)))) {
        return std::nullopt;
      }
      std::string repeated;
      for (int64_t i = 0; i < count && i < 4096; ++i) repeated += text.AsText();
      return CodeValue::Text(repeated);
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

  Result Unary() {
    SkipSpace();
    char c = Peek();
    if (c == '-' && IsDigit(Peek(1))) {
      ++at_;
      Result value = Primary();
      if (!value || !value->is_number()) return std::nullopt;
      return CodeValue::Number(
          static_cast<int64_t>(0 - static_cast<uint64_t>(value->number)));
    }
    if (c == '*' && Is(CodeLanguage::kPython)) ++at_;  // *list
    Result value = Primary();
    while (value) {
      size_t before = at_;
      if (!Postfix(*value)) {
        at_ = before;
        break;
      }
    }
    return value;
  }

  // ".name(...)", "[...]" behind a value.
  bool Postfix(CodeValue& value) {
    if (!budget_.Take(1)) return false;
    if (Peek() == '[') {
      ++at_;
      return Index(value);
    }
    SkipSpace();
    bool arrow = Rest().starts_with("->");
    if (arrow && Peek(2) == '[') {
      at_ += 3;
      return Index(value);
    }
    if (!arrow && (Peek() != '.' || HasDotOperator())) return false;
    at_ += arrow ? 2 : 1;
    SkipSpace();
    string_view name = Name();
    if (name.empty()) return false;
    if (name == "map" || name == "collect" || name == "each")
      return MapMethod(value);
    CodeValue arguments = CodeValue::List({});
    if (Peek() == '(') {
      ++at_;
      SkipSpace();
      if (Accept(")")) {
      } else if (Result list = ListBody(')')) {
        arguments = std::move(*list);
      } else {
        return false;
      }
    } else if (Is(CodeLanguage::kPython)) {
      return false;
    }
    Result called = CallMethod(name, value, arguments.items, budget_);
    if (!called) return false;
    value = std::move(*called);
    return true;
  }

  bool Index(CodeValue& value) {
    CodeSlice slice;
    std::optional<int64_t> parts[3];
    size_t part = 0;
    SkipSpace();
    while (!Accept("]")) {
      SkipSpace();
      if (Peek() == ':' && part < 2) {
        ++part;
        ++at_;
        continue;
      }
      bool dots = Rest().starts_with("..");
      if (dots && part < 2) {  // Ruby's ranges
        at_ += 2;
        ++part;
        continue;
      }
      bool negative = Accept("-");
      Result number = Expression(0);
      if (!number || !number->is_number()) return false;
      parts[part] = negative ? -number->number : number->number;
    }
    if (part == 0) {
      if (!parts[0]) return false;
      Result item = ItemAt(value, *parts[0]);
      if (!item) return false;
      value = std::move(*item);
      return true;
    }
    slice.begin = parts[0];
    slice.end = parts[1];
    slice.step = parts[2].value_or(1);
    if (!budget_.Take(value.text.size() + 4 * value.items.size())) return false;
    value = Sliced(value, slice);
    return true;
  }

  // Evaluates the expression at `begin` for each item, as `name`; it must end
  // at `end` if that is given.
  Result ForEach(const CodeValue& list, string_view name, size_t begin,
                 size_t& end) {
    std::vector<CodeValue> items = list.items;
    if (list.is_text()) {
      for (char c : list.text.substr(0, kMaxRounds)) {
        items.push_back(CodeValue::Text(std::string(1, c)));
      }
    }
    if (list.is_number() || items.empty() || items.size() > kMaxRounds) {
      return std::nullopt;
    }
    CodeValue result = CodeValue::List({});
    for (CodeValue& item : items) {
      Remember(name, std::move(item));
      at_ = begin;
      Result value = Expression(0);
      if (!value) return std::nullopt;
      SkipSpace();
      if (end != string_view::npos && at_ != end) return std::nullopt;
      Append(result, std::move(*value));
    }
    end = at_;
    return result;
  }

  // .map(x => ...), .map { |x| ... }, .map(&:chr)
  bool MapMethod(CodeValue& value) {
    SkipSpace();
    bool block = Peek() == '{';
    if (!block && Peek() != '(') return false;
    ++at_;
    SkipSpace();
    if (Accept("&:")) {
      string_view name = Name();
      CodeValue list = CodeValue::List({});
      for (const CodeValue& item : value.items) {
        Result called = CallMethod(name, item, {}, budget_);
        if (!called) return false;
        list.items.push_back(std::move(*called));
      }
      value = std::move(list);
      return Accept(")");
    }
    bool parenthesized = Accept(block ? "|" : "(");
    SkipSpace();
    string_view name = Name();
    if (parenthesized && !Accept(block ? "|" : ")")) return false;
    if (!block && !Accept("=>")) return false;
    SkipSpace();
    size_t end = string_view::npos;
    Result list = ForEach(value, name, at_, end);
    if (!list) return false;
    at_ = end;
    value = std::move(*list);
    return Accept(block ? "}" : ")");
  }

  // What stands up to `close`, which is passed over: expressions, or one
  // comprehension.
  Result ListBody(char close) {
    CodeValue list = CodeValue::List({});
    if (Result comprehended = Comprehension(close)) {
      if (close == ']') return comprehended;
      list.items.push_back(std::move(*comprehended));  // one argument
      return list;
    }
    while (true) {
      SkipSpace();
      if (Peek() == close) {
        ++at_;
        return list;
      }
      // Python's name=value, as in run('...', shell=True).
      size_t start = at_;
      string_view name = Name();
      SkipSpace();
      bool keyword =
          !name.empty() && Peek() == '=' && Peek(1) != '=' && Peek(1) != '>';
      if (keyword) {
        ++at_;
        start = at_;
      }
      at_ = start;
      Result value = Expression(0);
      if (value && name == "sep" && keyword) {
        separator_ = value->AsText();
      } else if (value && !(keyword && name == "end")) {
        Append(list, std::move(*value));
      } else if (!keyword || !SkipArgument(start, close)) {
        return std::nullopt;
      }
      SkipSpace();
      if (Peek() == ',') {
        ++at_;
      } else if (Rest().starts_with("=>")) {
        at_ += 2;
      } else if (Peek() != close) {
        return std::nullopt;
      }
    }
  }

  // Up to the next ',' or `close`; false if neither comes.
  bool SkipArgument(size_t start, char close) {
    int nested = 0;
    for (at_ = start; at_ < code_.size(); ++at_) {
      char c = Peek();
      if (nested == 0 && (c == ',' || c == close)) return true;
      if (c == '(' || c == '[') ++nested;
      if (c == ')' || c == ']') --nested;
      if (!budget_.Take(1)) return false;
    }
    return false;
  }

  // "EXPRESSION for NAME in LIST" up to `close`.
  Result Comprehension(char close) {
    if (!Is(CodeLanguage::kPython)) return std::nullopt;
    size_t begin = at_;
    size_t keyword = string_view::npos;
    int nested = 0;
    for (size_t i = at_; i < code_.size(); ++i) {
      char c = code_[i];
      if (c == '"' || c == '\'') {
        i = std::min(code_.find(c, i + 1), code_.size());
        continue;
      }
      if (c == '(' || c == '[' || c == '{') ++nested;
      if ((c == ')' || c == ']' || c == '}') && --nested < 0) break;
      if (nested == 0 && c == 'f' && code_.substr(i).starts_with("for ") &&
          i > at_ && !IsNameByte(code_[i - 1])) {
        keyword = i;
        break;
      }
      if (!budget_.Take(1)) return std::nullopt;
    }
    if (keyword == string_view::npos) return std::nullopt;
    at_ = keyword + 4;
    SkipSpace();
    string_view name = Name();
    SkipSpace();
    if (!Rest().starts_with("in")) return at_ = begin, std::nullopt;
    at_ += 2;
    Result list = Expression(0);
    SkipSpace();
    size_t behind = at_;
    if (!list || Peek() != close) return at_ = begin, std::nullopt;
    size_t end = keyword;
    Result result = ForEach(*list, name, begin, end);
    at_ = result ? behind + 1 : begin;
    return result;
  }

  Result Primary() {
    if (depth_ >= kMaxDepth || !budget_.Take(1)) return std::nullopt;
    char c = Peek();
    if (c == '"' || c == '\'') return Literal("");
    if (c == '`') return BackQuoted();
    if (IsDigit(c)) return NumberLiteral();
    if (c == '(' || c == '[') {
      ++at_;
      ++depth_;
      Result list = ListBody(c == '(' ? ')' : ']');
      --depth_;
      if (list && c == '(' && list->items.size() == 1 && at_ >= 2 &&
          !HasTrailingComma()) {
        return std::move(list->items[0]);
      }
      return list;
    }
    if (c == '$' || c == '@') return Sigil();
    if (IsNameStart(c)) return NamePrimary();
    return std::nullopt;
  }

  // "(x,)" is a list to Python.
  bool HasTrailingComma() const { return at_ >= 2 && code_[at_ - 2] == ','; }

  Result NumberLiteral() {
    size_t begin = at_;
    while (IsNameByte(Peek())) ++at_;
    size_t dots = 0;
    while (Peek() == '.' && IsDigit(Peek(1))) {
      ++dots;
      ++at_;
      while (IsDigit(Peek())) ++at_;
    }
    if (!budget_.Take(at_ - begin)) return std::nullopt;
    std::string text(code_.substr(begin, at_ - begin));
    if (dots == 1) return CodeValue::Text(text);
    if (dots > 1) {
      if (!Is(CodeLanguage::kPerl)) return std::nullopt;
      return VersionString(text);
    }
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    std::optional<int64_t> value;
    if (text.starts_with("0b")) {
      value = ReadShellInteger("2#" + text.substr(2));
    } else if (text.starts_with("0o")) {
      value = ReadShellInteger("8#" + text.substr(2));
    } else {
      value = ReadShellInteger(text);
    }
    if (!value) return std::nullopt;
    return CodeValue::Number(*value);
  }

  // v49.54.57 is "169".
  static Result VersionString(string_view text) {
    std::string characters;
    while (!text.empty()) {
      size_t dot = text.find('.');
      auto code = ReadShellInteger(text.substr(0, dot));
      if (!code || *code < 0 || *code > 0x10ffff) return std::nullopt;
      AppendUtf8(static_cast<uint32_t>(*code), characters);
      text.remove_prefix(dot == text.npos ? text.size() : dot + 1);
    }
    return CodeValue::Text(characters);
  }

  // $x, @x, $x[0], $ENV{X}, @{[...]}
  Result Sigil() {
    char sigil = code_[at_++];
    if (Is(CodeLanguage::kAwk)) {
      Result index = NumberLiteral();
      if (!index) return std::nullopt;
      return Field(index->AsNumber());
    }
    if (sigil == '@' && Rest().starts_with("{[")) {
      at_ += 2;
      Result list = ListBody(']');
      return Accept("}") ? list : std::nullopt;
    }
    bool braced = Peek() == '{';
    if (braced) ++at_;
    string_view name = Name();
    if (braced && !Accept("}")) return std::nullopt;
    if (name.empty()) return std::nullopt;
    if (name == "ENV" && (Peek() == '{' || Peek() == '[')) {
      char close = Peek() == '{' ? '}' : ']';
      ++at_;
      while (Peek() == '\'' || Peek() == '"') ++at_;
      std::string key(Name());
      while (Peek() == '\'' || Peek() == '"') ++at_;
      if (Peek() != close) return std::nullopt;
      ++at_;
      return Environment(key);
    }
    auto known = variables_.find(name);
    if (known == variables_.end()) return std::nullopt;
    return known->second;
  }

  Result Field(int64_t number) {
    std::string line = context_.input.substr(0, context_.input.find('\n'));
    if (number == 0) return CodeValue::Text(line);
    std::string dividers = context_.divider.empty() ? " \t" : context_.divider;
    string_view rest = line;
    for (int64_t i = 1; i < number && i < 64; ++i) {
      size_t stop = rest.find_first_of(dividers);
      if (stop == rest.npos) return CodeValue::Text("");
      rest.remove_prefix(stop + 1);
    }
    return CodeValue::Text(
        std::string(rest.substr(0, rest.find_first_of(dividers))));
  }

  Result Environment(const std::string& name) {
    std::string value = context_.environment ? context_.environment(name) : "";
    if (value.empty()) return std::nullopt;
    return CodeValue::Text(std::move(value));
  }

  // `...`: a template in JavaScript, a command elsewhere.
  Result BackQuoted() {
    if (Is(CodeLanguage::kJavaScript)) return Literal("f");
    size_t close = code_.find('`', at_ + 1);
    if (!budget_.Take(std::min(close, code_.size()) - at_)) return std::nullopt;
    if (close == code_.npos) return std::nullopt;
    std::string script =
        Interpolated(code_.substr(at_ + 1, close - at_ - 1), "f");
    at_ = close + 1;
    if (budget_.Take(script.size()))
      result_.scripts.push_back(std::move(script));
    return std::nullopt;
  }

  Result Literal(string_view prefix) {
    char quote = Peek();
    std::string mark(1, quote);
    bool triple = Rest().starts_with(std::string(3, quote)) && quote != '`';
    if (triple) mark = std::string(3, quote);
    at_ += mark.size();
    size_t begin = at_;
    while (at_ < code_.size() && !Rest().starts_with(mark)) {
      at_ += Peek() == '\\' ? 2 : 1;
    }
    if (at_ >= code_.size()) {
      budget_.Take(code_.size() - begin);
      at_ = code_.size();
      return std::nullopt;
    }
    string_view inside = code_.substr(begin, at_ - begin);
    at_ += mark.size();
    if (!budget_.Take(inside.size())) return std::nullopt;
    bool raw = prefix.find_first_of("rR") != prefix.npos;
    bool plain = quote == '\'' && HasSigils();
    if (raw) return CodeValue::Text(std::string(inside));
    if (plain) {
      std::string text;
      for (size_t i = 0; i < inside.size(); ++i) {
        bool escaped = inside[i] == '\\' && i + 1 < inside.size() &&
                       (inside[i + 1] == '\'' || inside[i + 1] == '\\');
        if (escaped) ++i;
        text += inside[i];
      }
      return CodeValue::Text(std::move(text));
    }
    bool interpolates =
        HasSigils() || prefix.find_first_of("fF") != prefix.npos;
    if (interpolates) return CodeValue::Text(Interpolated(inside, prefix));
    return CodeValue::Text(UndoEscapes(inside));
  }

  // "$x", "${x}", "#{...}", "{...}"; unknown ones stay.
  std::string Interpolated(string_view inside, string_view prefix) {
    std::string text;
    bool python = Is(CodeLanguage::kPython);
    bool ruby = Is(CodeLanguage::kRuby);
    for (size_t i = 0; i < inside.size();) {
      if (!budget_.Take(1)) break;
      Escape escape = ReadEscape(inside.substr(i));
      if (escape.length > 0) {
        text += escape.text;
        i += escape.length;
        continue;
      }
      char c = inside[i];
      size_t open = string_view::npos;
      if (python && c == '{') open = i;
      if (ruby && inside.substr(i).starts_with("#{")) open = i + 1;
      if (!python && !ruby && inside.substr(i).starts_with("${")) open = i + 1;
      if (open != string_view::npos) {
        size_t close = inside.find('}', open);
        string_view code = close == inside.npos
                               ? string_view()
                               : inside.substr(open + 1, close - open - 1);
        if (python) code = code.substr(0, code.find('!'));
        Result value = ValueOf(code);
        if (!value && Is(CodeLanguage::kPerl))
          value = ValueOf(absl::StrCat("$", A(code)));
        if (value) {
          text += value->AsText();
          i = close + 1;
          continue;
        }
      }
      bool sigil = HasDotOperator() && (c == '$' || c == '@') && prefix != "b";
      if (sigil) {
        size_t end = i + 1;
        bool computed = inside.substr(end).starts_with("{[");
        if (computed)
          end = std::min(inside.find("]}", end), inside.size() - 2) + 2;
        while (!computed && end < inside.size() && IsNameByte(inside[end]))
          ++end;
        if (end < inside.size() && inside[end] == '[' && !computed) {
          size_t close = inside.find(']', end);
          if (close != inside.npos && close > end + 1 &&
              IsDigit(inside[end + 1])) {
            end = close + 1;
          }
        }
        if (auto value = ValueOf(inside.substr(i, end - i))) {
          text += value->is_list() ? Spaced(*value) : value->AsText();
          i = end;
          continue;
        }
      }
      text += c;
      ++i;
    }
    return text;
  }

  static std::string Spaced(const CodeValue& list) {
    std::string text;
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) text += ' ';
      text += list.items[i].AsText();
    }
    return text;
  }

  Result ValueOf(string_view code) {
    if (code.empty()) return std::nullopt;
    std::string owned(code);
    string_view outer = std::exchange(code_, owned);
    size_t at = std::exchange(at_, 0);
    Result value = Expression(0);
    SkipSpace();
    if (at_ != code_.size()) value.reset();
    code_ = outer;
    at_ = at;
    return value;
  }

  // qw(a b), q(...), qq{...}
  Result PerlQuote(string_view name) {
    SkipSpace();
    char open = Peek();
    if (open == '\0' || IsNameByte(open) || open == ',' || open == '=')
      return std::nullopt;
    char close = open == '('   ? ')'
                 : open == '{' ? '}'
                 : open == '[' ? ']'
                 : open == '<' ? '>'
                               : open;
    size_t end = code_.find(close, at_ + 1);
    if (!budget_.Take(std::min(end, code_.size()) - at_)) return std::nullopt;
    if (end == code_.npos) return std::nullopt;
    string_view inside = code_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    if (name == "q") return CodeValue::Text(std::string(inside));
    if (name == "qq") return CodeValue::Text(Interpolated(inside, "f"));
    if (name == "qx") {
      result_.scripts.push_back(Interpolated(inside, "f"));
      return std::nullopt;
    }
    CodeValue list = CodeValue::List({});
    while (!inside.empty()) {
      size_t stop = inside.find_first_of(" \t\n");
      if (stop != 0)
        list.items.push_back(
            CodeValue::Text(std::string(inside.substr(0, stop))));
      inside.remove_prefix(stop == inside.npos ? inside.size() : stop + 1);
    }
    return list;
  }

  // map { chr } LIST, map { chr($_) } LIST, map chr, LIST
  Result PerlMap() {
    SkipSpace();
    bool parenthesized = Accept("(");
    SkipSpace();
    bool block = Accept("{");
    SkipSpace();
    size_t begin = at_;
    int nested = 0;
    while (at_ < code_.size()) {
      char c = Peek();
      if (block ? (c == '}' && nested == 0) : (c == ',' && nested == 0)) break;
      if (c == '(' || c == '{' || c == '[') ++nested;
      if (c == ')' || c == '}' || c == ']') --nested;
      ++at_;
      if (!budget_.Take(1)) return std::nullopt;
    }
    size_t end = at_;
    if (at_ >= code_.size()) return std::nullopt;
    ++at_;
    Accept(",");
    // The list: all that follows.
    CodeValue list = CodeValue::List({});
    do {
      Result value = Expression(0);
      if (!value) return std::nullopt;
      Append(list, std::move(*value));
    } while (Accept(","));
    if (parenthesized && !Accept(")")) return std::nullopt;
    size_t behind = at_;
    while (end > begin && IsSpace(code_[end - 1])) --end;
    std::string body(code_.substr(begin, end - begin));
    if (IsOneOf(body, {"chr", "hex", "oct", "ord", "lc", "uc"})) body += "($_)";
    CodeValue result = CodeValue::List({});
    if (list.items.size() > kMaxRounds) return std::nullopt;
    for (CodeValue& item : list.items) {
      Remember("_", std::move(item));
      Result value = ValueOf(body);
      if (!value) return std::nullopt;
      Append(result, std::move(*value));
    }
    at_ = behind;
    return result;
  }

  Result NamePrimary() {
    size_t begin = at_;
    string_view name = Name();
    char next = Peek();
    bool quoted = next == '"' || next == '\'';
    if (quoted && name.size() <= 2 && Is(CodeLanguage::kPython) &&
        name.find_first_not_of("rRbBfFuU") == name.npos) {
      return Literal(name);
    }
    if (Is(CodeLanguage::kPerl)) {
      if (IsOneOf(name, {"q", "qq", "qw", "qx"})) return PerlQuote(name);
      if (name == "map") return PerlMap();
      if (name.size() > 1 && name[0] == 'v' && IsDigit(name[1])) {
        while (Peek() == '.' && IsDigit(Peek(1))) {
          ++at_;
          while (IsDigit(Peek())) ++at_;
        }
        return VersionString(code_.substr(begin + 1, at_ - begin - 1));
      }
    }
    if (name == "new") {
      SkipSpace();
      return NamePrimary();
    }
    auto known = variables_.find(name);
    if (known != variables_.end() && !HasDotOperator() && next != '(') {
      return known->second;
    }
    // __import__('base64').b64decode(...), require('x').y(...)
    if (name == "__import__" || name == "require" || name == "import_module") {
      if (next != '(') return std::nullopt;
      size_t close = code_.find(')', at_);
      if (close == code_.npos || code_.substr(close + 1, 1) != ".")
        return std::nullopt;
      at_ = close + 2;
      name = Name();
    }
    string_view path = code_.substr(begin, at_ - begin);
    while (!name.empty() &&
           ((Peek() == '.' && !HasDotOperator() && IsNameStart(Peek(1))) ||
            Rest().starts_with("::") || Rest().starts_with("->"))) {
      at_ += Peek() == '.' ? 1 : 2;
      name = Name();
      path = code_.substr(begin, at_ - begin);
      if (path == "sys.argv" || path == "process.argv")
        return ProgramArguments(path);
      if (path.ends_with("os.environ") || path == "process.env")
        return EnvironmentItem();
    }
    if (name == "ENV") return EnvironmentItem();
    if (name == "getenv" && Peek() == '(') {
      return EnvironmentItem();
    }
    if (path.ends_with("stdin.read") || path == "input") {
      Accept("(");
      if (!Accept(")") || context_.input.empty()) return std::nullopt;
      return CodeValue::Text(context_.input);
    }
    return Call(name);
  }

  Result ProgramArguments(string_view path) {
    CodeValue list = CodeValue::List({CodeValue::Text("-c")});
    if (path == "process.argv") list.items.push_back(CodeValue::Text("node"));
    if (path == "process.argv") list.items.erase(list.items.begin());
    for (const std::string& argument : context_.arguments) {
      list.items.push_back(CodeValue::Text(argument));
    }
    return list;
  }

  // environ['X'], environ.get('X'), env.X, getenv('X')
  Result EnvironmentItem() {
    while (at_ < code_.size() &&
           string_view("[(.'\"").find(Peek()) != string_view::npos) {
      ++at_;
    }
    std::string key(Name());
    if (key == "get") return EnvironmentItem();
    while (at_ < code_.size() &&
           string_view("'\"").find(Peek()) != string_view::npos)
      ++at_;
    if (Peek() == ']' || Peek() == ')') ++at_;
    return key.empty() ? std::nullopt : Environment(key);
  }

  // A call of a function that is known; its name was read.
  Result Call(string_view name) {
    SkipSpace();
    if (Peek() == '(') {
      const size_t body = ++at_;
      ++depth_;
      Result list = ListBody(')');
      // map(chr, [...]): the function itself is an argument.
      if (!list && name == "map" && Is(CodeLanguage::kPython)) {
        at_ = body;
        list = PythonMap();
      }
      --depth_;
      if (!list) return std::nullopt;
      return CallFunction(name, list->items, budget_);
    }
    // Perl and Ruby need no parentheses.
    bool bare = (Is(CodeLanguage::kPerl) || Is(CodeLanguage::kRuby)) &&
                IsOneOf(name, {"join", "chr", "ord", "hex", "oct", "lc", "uc",
                               "reverse", "pack", "sprintf", "scalar", "substr",
                               "decode_base64", "format"});
    if (!bare) return std::nullopt;
    bool unary = IsOneOf(
        name, {"chr", "ord", "hex", "oct", "lc", "uc", "decode_base64"});
    CodeValue list = CodeValue::List({});
    do {
      size_t before = at_;
      Result value = Expression(unary ? 7 : 0);
      if (!value && name == "reverse" && list.items.empty()) {
        at_ = before;
        value = variables_["_"];
      }
      if (!value) return std::nullopt;
      Append(list, std::move(*value));
    } while (!unary && Accept(","));
    return CallFunction(name, list.items, budget_);
  }

  // "chr, LIST)" or "lambda x: chr(x), LIST)" behind "map(".
  Result PythonMap() {
    SkipSpace();
    string_view name = Name();
    if (name == "lambda") {
      SkipSpace();
      string_view parameter = Name();
      if (!Accept(":")) return std::nullopt;
      size_t begin = at_;
      Remember(parameter, CodeValue::Number(0));
      if (!Expression(0) || !Accept(",")) return std::nullopt;
      Result list = Expression(0);
      if (!list || !Accept(")")) return std::nullopt;
      size_t behind = at_;
      size_t end = string_view::npos;
      Result mapped = ForEach(*list, parameter, begin, end);
      at_ = behind;
      if (!mapped) return std::nullopt;
      return CodeValue::List({CodeValue::Text("str"), std::move(*mapped)});
    }
    if (!Accept(",")) return std::nullopt;
    Result list = Expression(0);
    if (!list || !Accept(")")) return std::nullopt;
    return CodeValue::List(
        {CodeValue::Text(std::string(name)), std::move(*list)});
  }

  string_view code_;
  const CodeContext& context_;
  FoldBudget& budget_;
  const int code_depth_;
  StringMap<CodeValue> variables_;
  FoldedCode result_;
  std::string separator_ = " ";  // what print() puts between its arguments
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

FoldedCode FoldCode(string_view code, const CodeContext& context,
                    FoldBudget& budget) {
  return Folder(code, context, budget, 0).Run();
}

}  // namespace oddverb
