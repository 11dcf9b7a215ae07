// The grammar behind code_fold.h: a cursor over the code, the variables so far,
// and what was folded. Statements are in code_fold.cc, expressions in
// code_expressions.cc, literals, names and calls in code_literals.cc. Used
// once; one thread.
#ifndef ODDVERB_DETECTORS_CODE_FOLDER_H_
#define ODDVERB_DETECTORS_CODE_FOLDER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/code_fold.h"
#include "detectors/code_values.h"
#include "detectors/fold_budget.h"

namespace oddverb {

class CodeFolder {
 public:
  CodeFolder(std::string_view code, const CodeContext& context,
             FoldBudget& budget, int code_depth)
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
  using string_view = std::string_view;
  using Result = std::optional<CodeValue>;

  static constexpr int kMaxDepth = 24;
  static constexpr int kMaxCodeDepth = 3;  // exec() of code in code
  static constexpr size_t kMaxRounds = 256;

  static bool IsOneOf(string_view word,
                      std::initializer_list<string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  }
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }
  static bool IsSpace(char c) {
    return absl::ascii_isspace(static_cast<unsigned char>(c));
  }
  static bool IsNameStart(char c) {
    return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_';
  }
  static bool IsNameByte(char c) { return IsNameStart(c) || IsDigit(c); }

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
  string_view Name();

  void Emit(string_view text) {
    if (budget_.Take(text.size())) result_.text += text;
  }
  void EmitValue(const CodeValue& value);

  // One statement's worth of progress: an expression, a name, or a byte.
  void Step();

  bool IsComment() const;

  // "my $x = 'a' . 'b'", "x += 'c'", "const x = ..."; "a, b = 1, 2".
  bool Assignment();

  void Remember(string_view name, CodeValue value);

  // Calls that matter for what they do: print, system, exec.
  bool Statement();

  // connect((HOST, 80)), PeerAddr => HOST: any number there is a host.
  bool Connection(size_t start);

  void Print(string_view name, const std::vector<CodeValue>& values);

  void RunCode(const std::string& code);

  void RunShell(const std::vector<CodeValue>& values);

  // "(a, b)", or "a, b" where the language needs no parentheses; what follows
  // constants is passed over.
  Result CallArguments();

  // Perl's lists have no lists in them.
  void Append(CodeValue& list, CodeValue value) const {
    if (value.is_list() && Is(CodeLanguage::kPerl)) {
      for (CodeValue& item : value.items) list.items.push_back(std::move(item));
    } else {
      list.items.push_back(std::move(value));
    }
  }

  Result Expression(int binds);

  // left op right; false if nothing constant follows.
  bool Extend(CodeValue& left, int binds);

  bool IsOperatorHere(string_view op) const;

  Result Apply(string_view op, const CodeValue& a, const CodeValue& b);
  Result Repeated(const CodeValue& what, const CodeValue& times);

  Result Unary();

  // ".name(...)", "[...]" behind a value.
  bool Postfix(CodeValue& value);

  bool Index(CodeValue& value);

  // Evaluates the expression at `begin` for each item, as `name`; it must end
  // at `end` if that is given.
  Result ForEach(const CodeValue& list, string_view name, size_t begin,
                 size_t& end);

  // .map(x => ...), .map { |x| ... }, .map(&:chr)
  bool MapMethod(CodeValue& value);

  // What stands up to `close`, which is passed over: expressions, or one
  // comprehension.
  Result ListBody(char close);

  // Up to the next ',' or `close`; false if neither comes.
  bool SkipArgument(size_t start, char close);

  // "EXPRESSION for NAME in LIST" up to `close`.
  Result Comprehension(char close);

  Result Primary();

  // "(x,)" is a list to Python.
  bool HasTrailingComma() const { return at_ >= 2 && code_[at_ - 2] == ','; }

  Result NumberLiteral();

  // v49.54.57 is "169".
  static Result VersionString(string_view text);

  // $x, @x, $x[0], $ENV{X}, @{[...]}
  Result Sigil();

  Result Field(int64_t number);

  Result Environment(const std::string& name) {
    std::string value = context_.environment ? context_.environment(name) : "";
    if (value.empty()) return std::nullopt;
    return CodeValue::Text(std::move(value));
  }

  // `...`: a template in JavaScript, a command elsewhere.
  Result BackQuoted();

  Result Literal(string_view prefix);

  // "$x", "${x}", "#{...}", "{...}"; unknown ones stay.
  std::string Interpolated(string_view inside, string_view prefix);

  static std::string Spaced(const CodeValue& list);

  Result ValueOf(string_view code);

  // qw(a b), q(...), qq{...}
  Result PerlQuote(string_view name);

  // map { chr } LIST, map { chr($_) } LIST, map chr, LIST
  Result PerlMap();

  Result NamePrimary();

  Result ProgramArguments(string_view path);

  // environ['X'], environ.get('X'), env.X, getenv('X')
  Result EnvironmentItem();

  // A call of a function that is known; its name was read.
  Result Call(string_view name);

  // "chr, LIST)" or "lambda x: chr(x), LIST)" behind "map(".
  Result PythonMap();

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

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_CODE_FOLDER_H_
