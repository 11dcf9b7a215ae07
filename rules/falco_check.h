// One comparison of a Falco condition as a predicate: "ka.verb in (get, list)".
// Pure functions.
//
// Falco's logic has two values: every comparison of an absent field is false,
// "!=" too. A list is "in" a set if it has elements and each is one of the set,
// and "intersects" it if any is.
#ifndef ODDVERB_RULES_FALCO_CHECK_H_
#define ODDVERB_RULES_FALCO_CHECK_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/falco_field.h"
#include "rules/predicate.h"

namespace oddverb {

struct FalcoOperator {
  enum class Kind : uint8_t {
    kExists,
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kContains,
    kIContains,
    kStartsWith,
    kEndsWith,
    kGlob,
    kIGlob,
    kRegex,
    kIn,
    kIntersects,
    kPMatch
  };
  // "startswith anyof (a, b)": the comparison with each value, and how many of
  // them have to hold.
  enum class Modifier : uint8_t { kNone, kOneOf, kAnyOf, kAllOf };
  Kind kind = Kind::kExists;
  Modifier modifier = Modifier::kNone;

  // Whether the values stand in parentheses.
  bool TakesList() const {
    return kind >= Kind::kIn || modifier != Modifier::kNone;
  }
  bool TakesNumber() const {
    return kind >= Kind::kLess && kind <= Kind::kGreaterEqual;
  }
};

// "startswith", or with a modifier "startswith anyof". InvalidArgument with the
// nearest known one.
absl::StatusOr<FalcoOperator> FindFalcoOperator(std::string_view text);
// "anyof"; nullopt for other words.
std::optional<FalcoOperator::Modifier> FindFalcoModifier(std::string_view word);

// Bounds "oneof", whose predicate grows with the square.
inline constexpr size_t kMaxOneOfValues = 64;

// InvalidArgument where the operator does not fit the field or its values.
absl::StatusOr<Predicate> MakeFalcoCheck(
    const FalcoField& field, FalcoOperator op,
    const std::vector<std::string>& values);
// Compared with what another field has.
absl::StatusOr<Predicate> MakeFalcoFieldCheck(const FalcoField& field,
                                              FalcoOperator op,
                                              const FalcoField& other);

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_CHECK_H_
