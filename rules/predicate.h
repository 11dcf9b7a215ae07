// What a rule says of one event, whatever language it was written in: a tree
// of tests joined by AND, OR and NOT. Immutable and cheap to copy;
// thread-safe.
//
// Canonical: however it was put together, the same tests give the same tree.
// NOT stands only before tests, AND and OR are flat, sorted and without
// repetition, tests of one field that differ in their values alone are one
// test. Two-valued: a test of an absent field is false, its negation true.
#ifndef ODDVERB_RULES_PREDICATE_H_
#define ODDVERB_RULES_PREDICATE_H_

#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/glob.h"
#include "rules/rule_field.h"

namespace oddverb {

class Predicate;

// How a value of the field is compared with the values of the test.
enum class Comparison : uint8_t {
  kExists,      // the field is there, whatever it holds; no values
  kNull,        // it is absent, or null; no values
  kEquals,      // texts; a number also equals every spelling of itself
  kContains,    // texts
  kStartsWith,  // texts
  kEndsWith,    // texts
  kGlob,        // Glob::ToString()
  kRegex,       // RE2, searched for; case as the expression says
  kCidr,        // networks; the field may be "address:port"
  kTextLess,    // in the order of bytes, always with case
  kTextLessEqual,
  kNumberEquals,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kFieldEquals,  // names of other fields of the event
  kFieldContains,
  kFieldStartsWith,
  kFieldEndsWith,
  kElement,  // an element of the array satisfies `body`
};

// What of a timestamp is compared as a number. As it is written: no zone is
// converted. Weeks as ISO 8601 counts them.
enum class TimePart : uint8_t {
  kNone,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kYear
};

// Of the values that the field has: any of them, or there are some and each.
enum class Quantifier : uint8_t { kAny, kEvery };

struct Test {
  Field field;
  Comparison comparison = Comparison::kEquals;
  bool cased = false;  // texts: upper and lower case differ
  Quantifier quantifier = Quantifier::kAny;
  TimePart part = TimePart::kNone;
  // Any of them. Canonical within a Predicate: sorted, without repetition,
  // folded where case does not matter.
  std::vector<std::string> values = {};
  std::shared_ptr<const Predicate> body = {};  // of kElement
  // Comparisons of fields: those of `values` that Field::Compile() does not
  // know.
  std::vector<Field> others = {};
};

std::strong_ordering operator<=>(const Test& a, const Test& b);
bool operator==(const Test& a, const Test& b);

class Predicate {
 public:
  enum class Kind : uint8_t { kTrue, kFalse, kTest, kAnd, kOr, kNot };
  // What the compiler accepts; any rule that a person wrote is far below.
  static constexpr size_t kMaxDepth = 64;
  static constexpr size_t kMaxTests = 20'000;

  static Predicate True();
  static Predicate False();
  // A test that compares with no values at all is False().
  static Predicate Of(Test test);
  static Predicate And(std::vector<Predicate> parts);
  static Predicate Or(std::vector<Predicate> parts);
  static Predicate Not(const Predicate& predicate);

  Kind kind() const;
  // REQUIRES: kind() == kTest.
  const Test& test() const;
  // Of kAnd, kOr (two or more) and kNot (one, a test).
  std::span<const Predicate> parts() const;
  size_t depth() const;  // 1 = a test
  size_t tests() const;  // counted each time they occur

  // 'verb in ("create", "update") and not objectRef.subresource exists'.
  std::string ToString() const;

  friend std::strong_ordering operator<=>(const Predicate& a,
                                          const Predicate& b);
  friend bool operator==(const Predicate& a, const Predicate& b);

 private:
  struct Node;
  explicit Predicate(std::shared_ptr<const Node> node);
  static Predicate Join(Kind kind, std::vector<Predicate> parts);

  std::shared_ptr<const Node> node_;
};

// The cheapest comparison that does what matching `glob` does, and its value.
struct TextComparison {
  Comparison comparison = Comparison::kGlob;
  std::string value;
};
TextComparison SimplestComparison(const Glob& glob);

// Whether the comparison is one of numbers, and the values must be numbers.
bool ComparesNumbers(Comparison comparison);
bool ComparesFields(Comparison comparison);
// By the order of bytes.
bool ComparesOrder(Comparison comparison);

}  // namespace oddverb

#endif  // ODDVERB_RULES_PREDICATE_H_
