#include "rules/required.h"

#include <algorithm>
#include <utility>

#include "base/case_fold.h"
#include "rules/glob.h"
#include "rules/literal_set.h"

namespace oddverb {
namespace {

// More alternatives than that are no condition worth an index.
constexpr size_t kMaxAlternatives = 1000;

void SortAndUnique(std::vector<std::string>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

// The literals of which one must occur; empty if there is a value without one.
std::vector<std::string> LiteralsOf(const Test& test) {
  std::vector<std::string> literals;
  for (const std::string& value : test.values) {
    std::string literal = value;
    if (test.comparison == Comparison::kGlob) {
      literal = std::string(Glob::Parse(value).LongestText());
    }
    if (test.cased) literal = FoldedCopy(literal);
    if (literal.size() < LiteralSet::kMinBytes) return {};
    literals.push_back(std::move(literal));
  }
  return literals;
}

Required OfTest(const Test& test) {
  Required required;
  switch (test.comparison) {
    case Comparison::kNull:
      required.values[test.field] = {{}, true};
      break;
    case Comparison::kEquals: {
      RequiredValues& of = required.values[test.field];
      for (const std::string& value : test.values) {
        of.values.push_back(test.cased ? FoldedCopy(value) : value);
      }
      SortAndUnique(of.values);
      break;
    }
    case Comparison::kContains:
    case Comparison::kStartsWith:
    case Comparison::kEndsWith:
    case Comparison::kGlob: {
      std::vector<std::string> literals = LiteralsOf(test);
      if (!literals.empty()) {
        required.literals[test.field] = std::move(literals);
      }
      break;
    }
    default:
      break;
  }
  return required;
}

size_t WidthOf(const RequiredValues& of) {
  return of.values.size() + (of.may_be_absent ? 1 : 0);
}
size_t WidthOf(const std::vector<std::string>& of) { return of.size(); }

// Both hold. Of two conditions on one field the narrower is kept, not what they
// share: a field with several values can fulfil each with another one.
template <class Map>
void KeepNarrower(Map from, Map& into) {
  for (auto& [field, condition] : from) {
    auto [it, is_new] = into.try_emplace(field, condition);
    if (!is_new && WidthOf(condition) < WidthOf(it->second)) {
      it->second = std::move(condition);
    }
  }
}

void Unite(std::vector<std::string> from, std::vector<std::string>& into) {
  into.insert(into.end(), from.begin(), from.end());
  SortAndUnique(into);
}
void Unite(RequiredValues from, RequiredValues& into) {
  Unite(std::move(from.values), into.values);
  into.may_be_absent |= from.may_be_absent;
}

// One of them holds: only what both say something of remains.
template <class Map>
void KeepShared(Map from, Map& into) {
  for (auto it = into.begin(); it != into.end();) {
    auto other = from.find(it->first);
    if (other != from.end()) Unite(std::move(other->second), it->second);
    bool drop = other == from.end() || WidthOf(it->second) > kMaxAlternatives;
    it = drop ? into.erase(it) : std::next(it);
  }
}

}  // namespace

Required RequiredBy(const Predicate& predicate) {
  using Kind = Predicate::Kind;
  Required required;
  switch (predicate.kind()) {
    case Kind::kTest:
      return OfTest(predicate.test());
    case Kind::kNot: {
      const Test& test = predicate.parts()[0].test();
      if (test.comparison == Comparison::kExists) {
        required.values[test.field] = {{}, true};
      }
      return required;
    }
    case Kind::kAnd:
      for (const Predicate& part : predicate.parts()) {
        Required of = RequiredBy(part);
        KeepNarrower(std::move(of.values), required.values);
        KeepNarrower(std::move(of.literals), required.literals);
      }
      return required;
    case Kind::kOr: {
      required = RequiredBy(predicate.parts()[0]);
      for (const Predicate& part : predicate.parts().subspan(1)) {
        Required of = RequiredBy(part);
        KeepShared(std::move(of.values), required.values);
        KeepShared(std::move(of.literals), required.literals);
      }
      return required;
    }
    case Kind::kTrue:
    case Kind::kFalse:
      break;
  }
  return required;
}

}  // namespace oddverb
