#include "rules/sigma_condition.h"

#include <charconv>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/glob.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {
namespace {

constexpr size_t kMaxTextBytes = 64 * 1024;
constexpr int kMaxDepth = 60;
// "2 of them" is written out in AND and OR; so many tests at most.
constexpr size_t kMaxCounted = 2000;

struct Token {
  std::string_view text;  // "(", ")", "|" or a word; empty = the end
  size_t offset = 0;
};

class Parser {
 public:
  Parser(std::string_view text, const SigmaSelections& selections)
      : text_(text), selections_(selections) {
    Advance();
  }

  SigmaCondition Parse() && {
    if (text_.size() > kMaxTextBytes) {
      Fail(0, "a condition of more than 64 KiB");
      return std::move(result_);
    }
    if (token_.text.empty()) {
      Fail(0, "an empty condition");
      return std::move(result_);
    }
    result_.predicate = ParseOr(0);
    if (!stopped_ && !token_.text.empty()) FailAtToken("\"and\" or \"or\"");
    result_.begins_with_not = begins_with_not_ && joints_ == 0;
    return std::move(result_);
  }

 private:
  void Advance() {
    size_t at = position_;
    while (at < text_.size() && IsBlank(text_[at])) ++at;
    size_t end = at;
    if (end < text_.size() && IsMark(text_[end])) {
      ++end;
    } else {
      while (end < text_.size() && !IsBlank(text_[end]) &&
             !IsMark(text_[end])) {
        ++end;
      }
    }
    token_ = {text_.substr(at, end - at), at};
    position_ = end;
  }

  static bool IsBlank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
  }
  static bool IsMark(char c) { return c == '(' || c == ')' || c == '|'; }
  bool Is(std::string_view keyword) const {
    return absl::EqualsIgnoreCase(A(token_.text), A(keyword));
  }
  bool NextIs(std::string_view keyword) const {
    Parser ahead = *this;
    ahead.Advance();
    return ahead.Is(keyword);
  }

  Predicate Fail(size_t offset, std::string message) {
    result_.errors.push_back({offset, std::move(message)});
    return Predicate::False();
  }
  // Nothing behind it makes sense.
  Predicate FailAtToken(std::string_view expected) {
    stopped_ = true;
    if (token_.text == "|" || Is("near")) {
      return Fail(token_.offset,
                  "aggregations (\"| count() ...\", \"near\") are no part of "
                  "Sigma 2: write a correlation rule");
    }
    std::string got = token_.text.empty() ? "the end" : QuotedName(token_.text);
    return Fail(token_.offset,
                absl::StrCat("expected ", A(expected), ", got ", got));
  }

  Predicate ParseOr(int depth) {
    std::vector<Predicate> parts = {ParseAnd(depth)};
    while (!stopped_ && Is("or")) {
      CountJoint(depth);
      Advance();
      parts.push_back(ParseAnd(depth));
    }
    return parts.size() == 1 ? parts[0] : Predicate::Or(std::move(parts));
  }

  Predicate ParseAnd(int depth) {
    std::vector<Predicate> parts = {ParseNot(depth)};
    while (!stopped_ && Is("and")) {
      CountJoint(depth);
      Advance();
      parts.push_back(ParseNot(depth));
    }
    return parts.size() == 1 ? parts[0] : Predicate::And(std::move(parts));
  }

  Predicate ParseNot(int depth) {
    bool negated = false;
    while (Is("not")) {
      if (depth == 0 && joints_ == 0) begins_with_not_ = true;
      negated = !negated;
      Advance();
    }
    Predicate inner = ParsePrimary(depth);
    return negated ? Predicate::Not(inner) : inner;
  }

  Predicate ParsePrimary(int depth) {
    if (token_.text == "(") {
      if (depth >= kMaxDepth) {
        stopped_ = true;
        return Fail(token_.offset,
                    absl::StrCat("nested deeper than ", kMaxDepth, " levels"));
      }
      Advance();
      Predicate inner = ParseOr(depth + 1);
      if (stopped_) return inner;
      if (token_.text != ")") return FailAtToken("\")\"");
      Advance();
      return inner;
    }
    bool is_word = !token_.text.empty() && !IsMark(token_.text.front()) &&
                   !Is("and") && !Is("or") && !Is("of") && !Is("near");
    if (!is_word) return FailAtToken("a selection");
    if (NextIs("of")) return ParseCounted();
    return ParseName();
  }

  Predicate ParseName() {
    Token name = token_;
    Advance();
    auto it = selections_.find(name.text);
    if (it == selections_.end()) {
      return Fail(name.offset, absl::StrCat("no selection of this name: ",
                                            QuotedName(name.text),
                                            NearestHint(name.text, Names())));
    }
    result_.used.insert(it->first);
    return it->second;
  }

  // "1 of them", "all of selection_*", "2 of filter_*".
  Predicate ParseCounted() {
    Token count_token = token_;
    size_t count = 0;
    bool all = Is("all");
    if (Is("any")) {
      count = 1;
    } else if (!all) {
      const char* end = token_.text.data() + token_.text.size();
      auto [stop, error] = std::from_chars(token_.text.data(), end, count);
      if (error != std::errc() || stop != end || count == 0) {
        return FailAtToken("\"1 of\", \"all of\" or a number");
      }
    }
    Advance();  // the count
    Advance();  // "of"
    Token target = token_;
    if (target.text.empty() || IsMark(target.text.front())) {
      return FailAtToken("\"them\" or a pattern of names");
    }
    Advance();
    std::vector<Predicate> chosen = Choose(target);
    if (chosen.empty()) {
      return Fail(target.offset,
                  absl::StrCat("no selection fits ", QuotedName(target.text),
                               NearestHint(target.text, Names())));
    }
    if (all) return Predicate::And(std::move(chosen));
    if (count == 1) return Predicate::Or(std::move(chosen));
    if (count > chosen.size()) {
      return Fail(count_token.offset,
                  absl::StrCat("only ", chosen.size(), " selections fit ",
                               QuotedName(target.text)));
    }
    std::optional<Predicate> counted = AtLeast(count, chosen);
    if (!counted.has_value()) {
      return Fail(count_token.offset,
                  "too many combinations: use \"1 of\" or \"all of\"");
    }
    return *counted;
  }

  // "them" and patterns leave out names that begin with "_", unless the pattern
  // does so itself.
  std::vector<Predicate> Choose(const Token& target) {
    bool them = absl::EqualsIgnoreCase(A(target.text), "them");
    Glob pattern = them ? Glob::Parse("*") : Glob::Parse(target.text);
    std::vector<Predicate> chosen;
    for (const auto& [name, predicate] : selections_) {
      if (name.starts_with('_') && !target.text.starts_with('_')) continue;
      if (!pattern.Matches(name)) continue;
      result_.used.insert(name);
      chosen.push_back(predicate);
    }
    return chosen;
  }

  // From the last to the first: at least k of those from number i on.
  static std::optional<Predicate> AtLeast(size_t count,
                                          const std::vector<Predicate>& of) {
    std::vector<Predicate> row(count + 1, Predicate::False());
    row[0] = Predicate::True();
    for (size_t i = of.size(); i-- > 0;) {
      for (size_t k = count; k > 0; --k) {
        row[k] = Predicate::Or({Predicate::And({of[i], row[k - 1]}), row[k]});
        if (row[k].tests() > kMaxCounted) return std::nullopt;
      }
    }
    return row[count];
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& [name, predicate] : selections_) names.push_back(name);
    return names;
  }
  void CountJoint(int depth) { joints_ += depth == 0 ? 1 : 0; }

  std::string_view text_;
  const SigmaSelections& selections_;
  size_t position_ = 0;
  Token token_;
  bool stopped_ = false;
  bool begins_with_not_ = false;
  int joints_ = 0;  // "and", "or" outside of parentheses
  SigmaCondition result_;
};

}  // namespace

SigmaCondition ParseSigmaCondition(std::string_view text,
                                   const SigmaSelections& selections) {
  return Parser(text, selections).Parse();
}

}  // namespace oddverb
