// One test of a program, made ready: expressions compiled, networks parsed,
// texts interned. Immutable; thread-safe (the values of the event are the
// caller's).
#ifndef ODDVERB_RULES_COMPILED_TEST_H_
#define ODDVERB_RULES_COMPILED_TEST_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ip_address.h"
#include "rules/canonical_number.h"
#include "rules/event_values.h"
#include "rules/glob.h"
#include "rules/predicate.h"

namespace oddverb {

// InvalidArgument with RE2's reason, and what to write instead where that is
// known: expressions are linear in the text, so no lookaround and no
// back-references. Bounded in size: "(x{1000}){1000}" is refused.
absl::Status CheckRegex(std::string_view expression);

// The number of that part of an RFC 3339 text; nullopt for other text.
std::optional<int64_t> TimePartOf(std::string_view text, TimePart part);

// An address, also as "10.0.0.1:443" or "[fd00::1]:443".
std::optional<IpAddress> AddressOf(std::string_view text);

class CompiledTest {
 public:
  // `field` and `others` (the fields that the values name, for comparisons of
  // fields) are numbers of program fields; `fields` gains the texts. A kElement
  // test is the program's own to evaluate.
  static absl::StatusOr<CompiledTest> Compile(
      const Test& test, uint32_t field, std::vector<uint32_t> others,
      std::vector<ProgramField>& fields);
  ~CompiledTest();
  CompiledTest(CompiledTest&&) noexcept;

  bool Matches(EventValues& event) const;
  // The same where all that is known of the field is that it has one value with
  // this symbol, or none; nullopt if that does not tell.
  std::optional<bool> MatchesSymbol(std::optional<uint32_t> symbol) const;

  uint32_t field() const { return field_; }
  Comparison comparison() const { return comparison_; }
  // What the event must pay for it, roughly in nanoseconds.
  int cost() const { return cost_; }

 private:
  struct Regexes;
  CompiledTest();
  absl::Status SetValues(const Test& test, std::vector<ProgramField>& fields);
  absl::Status SetExpressions(const std::vector<std::string>& values);
  bool MatchesEquals(EventValues& event) const;
  bool MatchesValue(const FieldValue& value, std::string_view text) const;
  bool MatchesText(std::string_view text) const;
  bool MatchesNumber(const FieldValue& value) const;
  bool MatchesFields(EventValues& event) const;

  uint32_t field_ = 0;
  Comparison comparison_ = Comparison::kEquals;
  bool cased_ = false;
  Quantifier quantifier_ = Quantifier::kAny;
  TimePart part_ = TimePart::kNone;
  int cost_ = 0;
  std::vector<uint32_t> symbols_;          // kEquals, sorted
  std::vector<std::string> texts_;         // sorted
  std::vector<std::string> number_texts_;  // kEquals cased: canonical, sorted
  std::vector<Glob> globs_;
  std::unique_ptr<Regexes> regexes_;
  std::vector<IpNetwork> networks_;
  std::vector<Number> numbers_;
  std::vector<uint32_t> others_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_COMPILED_TEST_H_
