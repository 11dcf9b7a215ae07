#include "rules/falco_check.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "re2/re2.h"
#include "rules/canonical_number.h"
#include "rules/compiled_test.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {
namespace {

using Kind = FalcoOperator::Kind;
using Modifier = FalcoOperator::Modifier;

struct OperatorName {
  std::string_view name;
  Kind kind = Kind::kExists;
};
constexpr OperatorName kOperators[] = {{"!=", Kind::kNotEqual},
                                       {"<", Kind::kLess},
                                       {"<=", Kind::kLessEqual},
                                       {"=", Kind::kEqual},
                                       {"==", Kind::kEqual},
                                       {">", Kind::kGreater},
                                       {">=", Kind::kGreaterEqual},
                                       {"contains", Kind::kContains},
                                       {"endswith", Kind::kEndsWith},
                                       {"exists", Kind::kExists},
                                       {"glob", Kind::kGlob},
                                       {"icontains", Kind::kIContains},
                                       {"iglob", Kind::kIGlob},
                                       {"in", Kind::kIn},
                                       {"intersects", Kind::kIntersects},
                                       {"pmatch", Kind::kPMatch},
                                       {"regex", Kind::kRegex},
                                       {"startswith", Kind::kStartsWith}};

constexpr std::string_view kModifiers[] = {"", "oneof", "anyof", "allof"};

std::string_view NameOf(Kind kind) {
  for (const OperatorName& op : kOperators) {
    if (op.kind == kind) return op.name;
  }
  return "";
}

absl::Status Refuse(std::string message) {
  return absl::InvalidArgumentError(std::move(message));
}

Predicate Exists(const Field& field) {
  return Predicate::Of({.field = field, .comparison = Comparison::kExists});
}

Predicate OfTexts(const Field& field, Comparison comparison, bool cased,
                  std::vector<std::string> values) {
  return Predicate::Of({.field = field,
                        .comparison = comparison,
                        .cased = cased,
                        .values = std::move(values)});
}

Predicate ButNot(const Field& field, const Predicate& predicate) {
  return Predicate::And({Exists(field), Predicate::Not(predicate)});
}

// A pattern of fnmatch(3) as RE2, without anchors; `any` is what "?" stands
// for.
std::string RegexOfGlob(std::string_view glob, std::string_view any) {
  std::string regex;
  for (size_t i = 0; i < glob.size(); ++i) {
    char c = glob[i];
    size_t close = glob.find(']', std::min(glob.size(), i + 2));
    if (c == '*') {
      absl::StrAppend(&regex, A(any), "*");
    } else if (c == '?') {
      regex += any;
    } else if (c == '[' && close != glob.npos) {
      std::string_view set = glob.substr(i + 1, close - i - 1);
      regex += '[';
      if (set.starts_with('!') || set.starts_with('^')) {
        regex += '^';
        set.remove_prefix(1);
      }
      for (char member : set) {
        if (member == '[' || member == ']' || member == '\\' || member == '^') {
          regex += '\\';
        }
        regex += member;
      }
      regex += ']';
      i = close;
    } else {
      if (c == '\\' && i + 1 < glob.size()) c = glob[++i];
      regex += re2::RE2::QuoteMeta(std::string(1, c));
    }
  }
  return regex;
}

// As Glob::Parse() reads it; only for patterns without sets.
std::string PlainGlob(std::string_view glob) {
  std::string plain;
  for (size_t i = 0; i < glob.size(); ++i) {
    if (glob[i] == '*' || glob[i] == '?') {
      plain += glob[i];
      continue;
    }
    if (glob[i] == '\\' && i + 1 < glob.size()) ++i;
    AppendGlobEscaped(glob.substr(i, 1), plain);
  }
  return plain;
}

absl::StatusOr<Predicate> OfRegex(const Field& field, std::string regex) {
  ODDVERB_RETURN_IF_ERROR(CheckRegex(regex));
  return OfTexts(field, Comparison::kRegex, true, {std::move(regex)});
}

absl::StatusOr<Predicate> OfGlob(const Field& field, std::string_view glob,
                                 bool cased) {
  if (glob.find("[:") != glob.npos) {
    return Refuse("\"[:\" is not supported in patterns: use \"regex\"");
  }
  if (glob.find('[') != glob.npos) {
    return OfRegex(field, absl::StrCat(cased ? "(?s)" : "(?si)", "\\A(?:",
                                       RegexOfGlob(glob, "."), ")\\z"));
  }
  TextComparison simplest = SimplestComparison(Glob::Parse(PlainGlob(glob)));
  return OfTexts(field, simplest.comparison, cased,
                 {std::move(simplest.value)});
}

// "/var/lib/*" is a prefix of "/var/lib/kubelet/pki", by whole parts.
absl::StatusOr<Predicate> OfPathPrefixes(
    const Field& field, const std::vector<std::string>& paths) {
  std::vector<Predicate> any;
  for (std::string_view path : paths) {
    std::string regex = "(?s)\\A/*";
    bool is_first = true;
    while (!path.empty()) {
      std::string_view part = path.substr(0, path.find('/'));
      path.remove_prefix(std::min(path.size(), part.size() + 1));
      if (part.empty()) continue;
      if (!is_first) regex += "/+";
      is_first = false;
      regex += RegexOfGlob(part, "[^/]");
    }
    regex += is_first ? "" : "(?:/.*)?\\z";
    ODDVERB_ASSIGN_OR_RETURN(Predicate one, OfRegex(field, std::move(regex)));
    any.push_back(std::move(one));
  }
  return Predicate::Or(std::move(any));
}

absl::StatusOr<Predicate> OfNumber(const FalcoField& field, Kind kind,
                                   std::vector<std::string> values) {
  Comparison comparison = Comparison::kNumberEquals;
  switch (kind) {
    case Kind::kLess:
      comparison = Comparison::kLess;
      break;
    case Kind::kLessEqual:
      comparison = Comparison::kLessEqual;
      break;
    case Kind::kGreater:
      comparison = Comparison::kGreater;
      break;
    case Kind::kGreaterEqual:
      comparison = Comparison::kGreaterEqual;
      break;
    case Kind::kEqual:
    case Kind::kNotEqual:
    case Kind::kIn:
    case Kind::kIntersects:
      break;
    default:
      return Refuse(absl::StrCat("\"", A(NameOf(kind)),
                                 "\" compares texts, and ",
                                 QuotedName(field.name), " is a number"));
  }
  for (const std::string& value : values) {
    if (!Number::Parse(value).has_value()) {
      return Refuse(absl::StrCat("not a number: ", QuotedName(value)));
    }
  }
  Predicate test = OfTexts(field.field, comparison, true, std::move(values));
  return kind == Kind::kNotEqual ? ButNot(field.field, test) : test;
}

absl::StatusOr<Predicate> OfText(const Field& field, Kind kind,
                                 const std::string& value) {
  bool is_searched = kind >= Kind::kContains && kind <= Kind::kEndsWith;
  // Every text holds the empty one.
  if (is_searched && value.empty()) return Exists(field);
  auto test = [&](Comparison comparison, bool cased = true) {
    return OfTexts(field, comparison, cased, {value});
  };
  switch (kind) {
    case Kind::kEqual:
      return test(Comparison::kEquals);
    case Kind::kNotEqual:
      return ButNot(field, test(Comparison::kEquals));
    case Kind::kLess:
      return test(Comparison::kTextLess);
    case Kind::kLessEqual:
      return test(Comparison::kTextLessEqual);
    case Kind::kGreater:
      return ButNot(field, test(Comparison::kTextLessEqual));
    case Kind::kGreaterEqual:
      return ButNot(field, test(Comparison::kTextLess));
    case Kind::kContains:
      return test(Comparison::kContains);
    case Kind::kIContains:
      return test(Comparison::kContains, false);
    case Kind::kStartsWith:
      return test(Comparison::kStartsWith);
    case Kind::kEndsWith:
      return test(Comparison::kEndsWith);
    case Kind::kGlob:
      return OfGlob(field, value, true);
    case Kind::kIGlob:
      return OfGlob(field, value, false);
    case Kind::kRegex: {
      ODDVERB_RETURN_IF_ERROR(CheckRegex(value));
      return OfRegex(field, absl::StrCat("\\A(?:", value, ")\\z"));
    }
    default:
      return Exists(field);
  }
}

absl::StatusOr<Predicate> OfModifier(const FalcoField& field, FalcoOperator op,
                                     const std::vector<std::string>& values) {
  if (op.kind == Kind::kExists || op.kind >= Kind::kIn || op.TakesNumber()) {
    return Refuse(absl::StrCat(
        "\"", A(kModifiers[static_cast<size_t>(op.modifier)]),
        "\" goes with comparisons of texts, not with ", A(NameOf(op.kind))));
  }
  if (values.empty()) return Predicate::False();
  if (op.modifier == Modifier::kOneOf && values.size() > kMaxOneOfValues) {
    return Refuse(absl::StrCat("more than ", kMaxOneOfValues,
                               " values behind \"oneof\""));
  }
  std::vector<Predicate> each;
  for (const std::string& value : values) {
    ODDVERB_ASSIGN_OR_RETURN(Predicate one,
                             MakeFalcoCheck(field, {op.kind}, {value}));
    each.push_back(std::move(one));
  }
  if (op.modifier == Modifier::kAllOf) return Predicate::And(std::move(each));
  if (op.modifier == Modifier::kAnyOf) return Predicate::Or(std::move(each));
  std::vector<Predicate> exactly;
  for (size_t i = 0; i < each.size(); ++i) {
    std::vector<Predicate> one = {each[i]};
    for (size_t j = 0; j < each.size(); ++j) {
      if (j != i) one.push_back(Predicate::Not(each[j]));
    }
    exactly.push_back(Predicate::And(std::move(one)));
  }
  return Predicate::Or(std::move(exactly));
}

absl::Status CheckList(const FalcoField& field, FalcoOperator op) {
  bool fits = op.kind == Kind::kExists || op.kind == Kind::kIn ||
              op.kind == Kind::kIntersects;
  if (!field.is_list || (fits && op.modifier == Modifier::kNone)) {
    return absl::OkStatus();
  }
  return Refuse(absl::StrCat(QuotedName(field.name),
                             " is a list: it has \"in\", \"intersects\" and "
                             "\"exists\", not \"",
                             A(NameOf(op.kind)), "\""));
}

}  // namespace

absl::StatusOr<FalcoOperator> FindFalcoOperator(std::string_view text) {
  std::string_view word = text.substr(0, text.find(' '));
  std::string_view second = text.substr(std::min(text.size(), word.size() + 1));
  FalcoOperator op;
  if (!second.empty()) {
    auto modifier = FindFalcoModifier(second);
    if (!modifier.has_value()) {
      return Refuse(
          absl::StrCat("expected \"oneof\", \"anyof\" or \"allof\", "
                       "not ",
                       QuotedName(second)));
    }
    op.modifier = *modifier;
  }
  std::vector<std::string> names;
  for (const OperatorName& known : kOperators) {
    names.emplace_back(known.name);
    if (known.name != word) continue;
    op.kind = known.kind;
    return op;
  }
  if (word == "bcontains" || word == "bstartswith") {
    return Refuse(absl::StrCat("\"", A(word),
                               "\" compares bytes, which fields "
                               "of the audit log are not"));
  }
  return Refuse(absl::StrCat("no such operator: ", QuotedName(word),
                             NearestHint(word, names)));
}

std::optional<Modifier> FindFalcoModifier(std::string_view word) {
  for (size_t i = 1; i < std::size(kModifiers); ++i) {
    if (kModifiers[i] == word) return static_cast<Modifier>(i);
  }
  return std::nullopt;
}

absl::StatusOr<Predicate> MakeFalcoCheck(
    const FalcoField& field, FalcoOperator op,
    const std::vector<std::string>& values) {
  ODDVERB_RETURN_IF_ERROR(CheckList(field, op));
  if (op.kind == Kind::kExists) return Exists(field.field);
  if (op.modifier != Modifier::kNone) return OfModifier(field, op, values);
  if (field.type == FalcoField::Type::kNumber) {
    return OfNumber(field, op.kind, values);
  }
  if (op.kind == Kind::kPMatch) return OfPathPrefixes(field.field, values);
  if (op.kind != Kind::kIn && op.kind != Kind::kIntersects) {
    return OfText(field.field, op.kind, values.empty() ? "" : values[0]);
  }
  bool every = field.is_list && op.kind == Kind::kIn;
  return Predicate::Of(
      {.field = field.field,
       .comparison = Comparison::kEquals,
       .cased = true,
       .quantifier = every ? Quantifier::kEvery : Quantifier::kAny,
       .values = values});
}

absl::StatusOr<Predicate> MakeFalcoFieldCheck(const FalcoField& field,
                                              FalcoOperator op,
                                              const FalcoField& other) {
  ODDVERB_RETURN_IF_ERROR(CheckList(field, op));
  auto test = [&](Comparison comparison, bool cased = true) {
    return Predicate::Of({.field = field.field,
                          .comparison = comparison,
                          .cased = cased,
                          .values = {other.field.name()},
                          .others = {other.field}});
  };
  bool is_set = op.kind == Kind::kIn || op.kind == Kind::kIntersects;
  if (op.modifier == Modifier::kNone &&
      (is_set ? !field.is_list || op.kind == Kind::kIntersects
              : !other.is_list)) {
    switch (op.kind) {
      case Kind::kEqual:
      case Kind::kIn:
      case Kind::kIntersects:
        return test(Comparison::kFieldEquals);
      case Kind::kNotEqual:
        return Predicate::And({Exists(field.field), Exists(other.field),
                               Predicate::Not(test(Comparison::kFieldEquals))});
      case Kind::kContains:
        return test(Comparison::kFieldContains);
      case Kind::kIContains:
        return test(Comparison::kFieldContains, false);
      case Kind::kStartsWith:
        return test(Comparison::kFieldStartsWith);
      case Kind::kEndsWith:
        return test(Comparison::kFieldEndsWith);
      default:
        break;
    }
  }
  return Refuse(absl::StrCat("\"", A(NameOf(op.kind)),
                             "\" does not compare these two fields"));
}

}  // namespace oddverb
