#include "rules/predicate.h"

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

#include "base/case_fold.h"
#include "base/json_writer.h"

namespace oddverb {
namespace {

using Kind = Predicate::Kind;

std::string_view Symbol(Comparison comparison) {
  switch (comparison) {
    case Comparison::kExists:
      return "exists";
    case Comparison::kNull:
      return "is null";
    case Comparison::kEquals:
    case Comparison::kNumberEquals:
    case Comparison::kFieldEquals:
      return "=";
    case Comparison::kContains:
    case Comparison::kFieldContains:
      return "contains";
    case Comparison::kStartsWith:
    case Comparison::kFieldStartsWith:
      return "startswith";
    case Comparison::kEndsWith:
    case Comparison::kFieldEndsWith:
      return "endswith";
    case Comparison::kGlob:
      return "glob";
    case Comparison::kRegex:
      return "regex";
    case Comparison::kCidr:
      return "cidr";
    case Comparison::kLess:
    case Comparison::kTextLess:
      return "<";
    case Comparison::kLessEqual:
    case Comparison::kTextLessEqual:
      return "<=";
    case Comparison::kGreater:
      return ">";
    case Comparison::kGreaterEqual:
      return ">=";
    case Comparison::kElement:
      return "has element";
  }
  return "";
}

constexpr std::string_view kPartNames[] = {"",      ".minute", ".hour", ".day",
                                           ".week", ".month",  ".year"};

bool HasValues(Comparison comparison) {
  return comparison != Comparison::kExists && comparison != Comparison::kNull &&
         comparison != Comparison::kElement;
}

bool ComparesTexts(Comparison comparison) {
  return comparison == Comparison::kEquals ||
         comparison == Comparison::kContains ||
         comparison == Comparison::kStartsWith ||
         comparison == Comparison::kEndsWith || comparison == Comparison::kGlob;
}

void SortAndUnique(auto& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

Test Canonical(Test test) {
  if (!ComparesTexts(test.comparison) && !ComparesFields(test.comparison)) {
    test.cased = false;
  }
  for (std::string& value : test.values) {
    if (test.comparison == Comparison::kGlob) {
      Glob glob = Glob::Parse(value);
      value = (test.cased ? glob : glob.Folded()).ToString();
    } else if (ComparesTexts(test.comparison) && !test.cased) {
      value = FoldedCopy(value);
    }
  }
  SortAndUnique(test.values);
  SortAndUnique(test.others);
  return test;
}

// All but the values: tests with equal ones can be one test.
auto KeyOf(const Test& test) {
  return std::tie(test.field, test.comparison, test.cased, test.quantifier,
                  test.part);
}

}  // namespace

TextComparison SimplestComparison(const Glob& glob) {
  std::vector<Glob::Part> parts = glob.parts();
  bool before = !parts.empty() && parts.front().kind == Glob::PartKind::kRun;
  if (before) parts.erase(parts.begin());
  bool after = !parts.empty() && parts.back().kind == Glob::PartKind::kRun;
  if (after) parts.pop_back();
  Glob middle(std::move(parts));
  bool is_any = (before || after) && middle.parts().empty();
  if (middle.HasWildcards() || is_any) {
    return {Comparison::kGlob, glob.ToString()};
  }
  Comparison comparison = before && after ? Comparison::kContains
                          : before        ? Comparison::kEndsWith
                          : after         ? Comparison::kStartsWith
                                          : Comparison::kEquals;
  return {comparison, middle.Text()};
}

bool ComparesNumbers(Comparison comparison) {
  return comparison == Comparison::kNumberEquals ||
         comparison == Comparison::kLess ||
         comparison == Comparison::kLessEqual ||
         comparison == Comparison::kGreater ||
         comparison == Comparison::kGreaterEqual;
}

bool ComparesFields(Comparison comparison) {
  return comparison == Comparison::kFieldEquals ||
         comparison == Comparison::kFieldContains ||
         comparison == Comparison::kFieldStartsWith ||
         comparison == Comparison::kFieldEndsWith;
}

bool ComparesOrder(Comparison comparison) {
  return comparison == Comparison::kTextLess ||
         comparison == Comparison::kTextLessEqual;
}

std::strong_ordering operator<=>(const Test& a, const Test& b) {
  if (auto order = KeyOf(a) <=> KeyOf(b); order != 0) return order;
  if (auto order = a.values <=> b.values; order != 0) return order;
  if (a.body == nullptr || b.body == nullptr) {
    return (a.body != nullptr) <=> (b.body != nullptr);
  }
  return *a.body <=> *b.body;
}

bool operator==(const Test& a, const Test& b) { return (a <=> b) == 0; }

struct Predicate::Node {
  Kind kind = Kind::kTrue;
  std::vector<Test> test;  // one or none: a Test has no empty state
  std::vector<Predicate> parts;
  size_t depth = 1;
  size_t tests = 0;
};

Predicate::Predicate(std::shared_ptr<const Node> node)
    : node_(std::move(node)) {}

Predicate Predicate::True() {
  auto node = std::make_shared<Node>();
  return Predicate(std::move(node));
}

Predicate Predicate::False() {
  auto node = std::make_shared<Node>();
  node->kind = Kind::kFalse;
  return Predicate(std::move(node));
}

Predicate Predicate::Of(Test test) {
  if (HasValues(test.comparison) && test.values.empty()) return False();
  auto node = std::make_shared<Node>();
  node->kind = Kind::kTest;
  node->tests = 1;
  if (test.body != nullptr) {
    node->tests += test.body->tests();
    node->depth += test.body->depth();
  }
  node->test.push_back(Canonical(std::move(test)));
  return Predicate(std::move(node));
}

Kind Predicate::kind() const { return node_->kind; }
const Test& Predicate::test() const { return node_->test[0]; }
std::span<const Predicate> Predicate::parts() const { return node_->parts; }
size_t Predicate::depth() const { return node_->depth; }
size_t Predicate::tests() const { return node_->tests; }

Predicate Predicate::Not(const Predicate& predicate) {
  switch (predicate.kind()) {
    case Kind::kTrue:
      return False();
    case Kind::kFalse:
      return True();
    case Kind::kNot:
      return predicate.parts()[0];
    case Kind::kTest: {
      auto node = std::make_shared<Node>();
      node->kind = Kind::kNot;
      node->parts.push_back(predicate);
      node->depth = predicate.depth();
      node->tests = predicate.tests();
      return Predicate(std::move(node));
    }
    case Kind::kAnd:
    case Kind::kOr:
      break;
  }
  std::vector<Predicate> parts;
  for (const Predicate& part : predicate.parts()) parts.push_back(Not(part));
  return Join(predicate.kind() == Kind::kAnd ? Kind::kOr : Kind::kAnd,
              std::move(parts));
}

Predicate Predicate::And(std::vector<Predicate> parts) {
  return Join(Kind::kAnd, std::move(parts));
}
Predicate Predicate::Or(std::vector<Predicate> parts) {
  return Join(Kind::kOr, std::move(parts));
}

namespace {

// In an OR, tests of one field become one test with all their values; in an
// AND, negated tests do.
std::vector<Predicate> MergeTests(Kind kind, std::vector<Predicate> parts) {
  using Key = std::tuple<Field, Comparison, bool, Quantifier, TimePart>;
  std::map<Key, Test> merged;
  std::vector<Predicate> rest;
  for (Predicate& part : parts) {
    bool negated = part.kind() == Kind::kNot;
    const Predicate& inner = negated ? part.parts()[0] : part;
    bool mergeable = inner.kind() == Kind::kTest &&
                     negated == (kind == Kind::kAnd) &&
                     HasValues(inner.test().comparison) &&
                     inner.test().quantifier == Quantifier::kAny;
    if (!mergeable) {
      rest.push_back(std::move(part));
      continue;
    }
    const Test& test = inner.test();
    auto [it, is_new] = merged.try_emplace(Key(KeyOf(test)), test);
    if (is_new) continue;
    std::vector<std::string>& values = it->second.values;
    values.insert(values.end(), test.values.begin(), test.values.end());
    std::vector<Field>& others = it->second.others;
    others.insert(others.end(), test.others.begin(), test.others.end());
  }
  for (auto& [key, test] : merged) {
    Predicate one = Predicate::Of(std::move(test));
    rest.push_back(kind == Kind::kAnd ? Predicate::Not(one) : one);
  }
  return rest;
}

bool HoldsContradiction(const std::vector<Predicate>& sorted) {
  return std::any_of(sorted.begin(), sorted.end(), [&](const Predicate& part) {
    return part.kind() == Kind::kNot &&
           std::binary_search(sorted.begin(), sorted.end(), part.parts()[0]);
  });
}

}  // namespace

Predicate Predicate::Join(Kind kind, std::vector<Predicate> parts) {
  const bool is_and = kind == Kind::kAnd;
  const Kind absorbing = is_and ? Kind::kFalse : Kind::kTrue;
  std::vector<Predicate> flat;
  for (Predicate& part : parts) {
    if (part.kind() == absorbing) return is_and ? False() : True();
    if (part.kind() == kind) {
      flat.insert(flat.end(), part.parts().begin(), part.parts().end());
    } else if (part.kind() != (is_and ? Kind::kTrue : Kind::kFalse)) {
      flat.push_back(std::move(part));
    }
  }
  flat = MergeTests(kind, std::move(flat));
  SortAndUnique(flat);
  if (HoldsContradiction(flat)) return is_and ? False() : True();
  if (flat.empty()) return is_and ? True() : False();
  if (flat.size() == 1) return flat[0];
  auto node = std::make_shared<Node>();
  node->kind = kind;
  for (const Predicate& part : flat) {
    node->depth = std::max(node->depth, part.depth() + 1);
    node->tests += part.tests();
  }
  node->parts = std::move(flat);
  return Predicate(std::move(node));
}

std::strong_ordering operator<=>(const Predicate& a, const Predicate& b) {
  if (a.node_ == b.node_) return std::strong_ordering::equal;
  if (auto order = a.kind() <=> b.kind(); order != 0) return order;
  if (auto order = a.tests() <=> b.tests(); order != 0) return order;
  if (a.kind() == Kind::kTest) return a.test() <=> b.test();
  return std::lexicographical_compare_three_way(
      a.parts().begin(), a.parts().end(), b.parts().begin(), b.parts().end());
}

bool operator==(const Predicate& a, const Predicate& b) {
  return (a <=> b) == 0;
}

namespace {

void AppendValue(const Test& test, std::string_view value, std::string& out) {
  if (ComparesNumbers(test.comparison) || ComparesFields(test.comparison)) {
    AppendJsonEscaped(value, out);
    return;
  }
  out += '"';
  AppendJsonEscaped(value, out);
  out += '"';
}

void AppendTest(const Test& test, std::string& out) {
  AppendJsonEscaped(test.field.name(), out);
  out += kPartNames[static_cast<size_t>(test.part)];
  if (test.quantifier == Quantifier::kEvery) out += " every";
  bool is_set = test.values.size() > 1;
  std::string_view symbol = Symbol(test.comparison);
  out += ' ';
  out += is_set && symbol == "=" ? "in" : symbol;
  if (test.cased) out += " cased";
  if (test.body != nullptr) {
    out += " (" + test.body->ToString() + ")";
    return;
  }
  if (test.values.empty()) return;
  out += is_set ? " (" : " ";
  for (size_t i = 0; i < test.values.size(); ++i) {
    if (i > 0) out += ", ";
    AppendValue(test, test.values[i], out);
  }
  if (is_set) out += ')';
}

void AppendPredicate(const Predicate& predicate, std::string& out) {
  switch (predicate.kind()) {
    case Kind::kTrue:
      out += "true";
      return;
    case Kind::kFalse:
      out += "false";
      return;
    case Kind::kTest:
      return AppendTest(predicate.test(), out);
    case Kind::kNot:
      out += "not ";
      return AppendPredicate(predicate.parts()[0], out);
    case Kind::kAnd:
    case Kind::kOr:
      break;
  }
  const char* joint = predicate.kind() == Kind::kAnd ? " and " : " or ";
  bool is_first = true;
  for (const Predicate& part : predicate.parts()) {
    if (!is_first) out += joint;
    is_first = false;
    bool nested = part.kind() == Kind::kAnd || part.kind() == Kind::kOr;
    if (nested) out += '(';
    AppendPredicate(part, out);
    if (nested) out += ')';
  }
}

}  // namespace

std::string Predicate::ToString() const {
  std::string text;
  AppendPredicate(*this, text);
  return text;
}

}  // namespace oddverb
