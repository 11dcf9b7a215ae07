// The words of Falco's conditions and outputs: names, texts, fields and the
// functions around them. One thread.
#ifndef ODDVERB_RULES_FALCO_EXPRESSION_H_
#define ODDVERB_RULES_FALCO_EXPRESSION_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/falco_field.h"

namespace oddverb {

// What is wrong with a condition or an output, and where in its text.
struct FalcoComplaint {
  size_t offset = 0;
  std::string message;
  bool is_warning = false;
};

class FalcoCursor {
 public:
  explicit FalcoCursor(std::string_view text) : text_(text) {}

  size_t at() const { return at_; }
  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  std::string_view Rest() const { return text_.substr(at_); }
  void Skip(size_t bytes) { at_ += bytes; }
  bool SkipBlanks();
  // Takes `token` if it comes next.
  bool Take(std::string_view token);
  // The word at this place, dots included: "ka.user.name"; not taken.
  std::string_view PeekName() const;
  std::string_view TakeName();
  // In quotes, without them; nullopt where none begins, or none ends.
  std::optional<std::string> TakeQuoted();
  // Up to a blank, a parenthesis, a comma, a quote or "=".
  std::string_view TakeBare();

 private:
  std::string_view text_;
  size_t at_ = 0;
};

// Reads fields with their functions: "ka.uri.param[x]",
// "tolower(basename(ka.uri))", `join(",", ka.user.groups)`.
class FalcoFieldParser {
 public:
  static constexpr int kMaxNested = 16;

  explicit FalcoFieldParser(FalcoCursor& cursor) : cursor_(cursor) {}

  // Whether a function (or "val", which stands for the field in it) begins
  // here.
  bool AtFunction() const;
  // nullopt with a complaint.
  std::optional<FalcoField> Parse();
  const FalcoComplaint& complaint() const { return complaint_; }

 private:
  std::optional<FalcoField> ParseNested(int depth);
  std::optional<FalcoField> ParsePlain();
  std::optional<FalcoField> ParseFunction(int depth);
  std::nullopt_t Fail(size_t at, std::string message);

  FalcoCursor& cursor_;
  FalcoComplaint complaint_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_EXPRESSION_H_
