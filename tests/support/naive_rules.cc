#include "tests/support/naive_rules.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "base/case_fold.h"
#include "base/utf8.h"

namespace oddverb {
namespace {

using nlohmann::json;

struct Found {
  json value;
  bool in_array = false;
};

void Flatten(const json& value, bool in_array, int depth,
             std::vector<Found>& out) {
  if (!value.is_array()) {
    out.push_back({value, in_array});
    return;
  }
  size_t before = out.size();
  for (const json& item : value) {
    if (depth < 8) Flatten(item, true, depth + 1, out);
  }
  // An array without anything in it is there all the same, once.
  if (depth == 0 && out.size() == before) out.push_back({value, in_array});
}

std::vector<Found> Resolve(const json& value,
                           const std::vector<std::string>& parts, size_t from,
                           bool in_array) {
  std::vector<Found> found;
  if (from == parts.size()) {
    Flatten(value, in_array, 0, found);
    return found;
  }
  if (value.is_array()) {
    for (const json& item : value) {
      std::vector<Found> inner = Resolve(item, parts, from, true);
      found.insert(found.end(), inner.begin(), inner.end());
    }
    return found;
  }
  if (!value.is_object()) return found;
  for (size_t to = parts.size(); to > from && found.empty(); --to) {
    std::string key = parts[from];
    for (size_t i = from + 1; i < to; ++i) key += "." + parts[i];
    auto it = value.find(key);
    if (it != value.end()) found = Resolve(*it, parts, to, in_array);
  }
  return found;
}

std::vector<std::string> Split(const std::string& name) {
  std::vector<std::string> parts(1);
  for (char c : name) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

void AllTexts(const json& value, std::vector<Found>& out) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      out.push_back({json(key), true});
      AllTexts(inner, out);
    }
  } else if (value.is_array()) {
    for (const json& inner : value) AllTexts(inner, out);
  } else if (!value.is_null()) {
    out.push_back({value, true});
  }
}

std::vector<Found> ValuesOf(const Field& field, const json& record) {
  std::vector<Found> values;
  if (field.is_everything()) {
    AllTexts(record, values);
  } else if (field.name() == ".") {
    Flatten(record, false, 0, values);
  } else {
    values = Resolve(record, Split(field.name()), 0, false);
  }
  return values;
}

bool IsScalar(const json& value) {
  return value.is_string() || value.is_number() || value.is_boolean();
}

std::string TextOf(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_integer()) return value.dump();
  double real = value.get<double>();
  if (real == static_cast<double>(static_cast<int64_t>(real))) {
    return std::to_string(static_cast<int64_t>(real));
  }
  return value.dump();
}

std::u32string Points(std::string_view text, bool fold) {
  std::u32string points;
  while (!text.empty()) {
    CodePoint c = DecodeUtf8(text);
    points += fold ? FoldCase(c.value) : c.value;
    text.remove_prefix(c.bytes);
  }
  return points;
}

bool GlobAt(const std::u32string& pattern, size_t p, const std::u32string& text,
            size_t t) {
  if (p == pattern.size()) return t == text.size();
  char32_t c = pattern[p];
  if (c == U'*') {
    for (size_t end = t; end <= text.size(); ++end) {
      if (GlobAt(pattern, p + 1, text, end)) return true;
    }
    return false;
  }
  if (t == text.size()) return false;
  if (c == U'?') return GlobAt(pattern, p + 1, text, t + 1);
  if (c == U'\\') c = pattern[++p];  // as Glob::ToString() writes it
  return c == text[t] && GlobAt(pattern, p + 1, text, t + 1);
}

std::optional<double> NumberOf(const std::string& text) {
  double number = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%lf%c", &number, &rest) != 1) {
    return std::nullopt;
  }
  return number;
}

std::optional<uint32_t> Address(const std::string& text) {
  std::array<unsigned, 4> parts{};
  char rest = 0;
  if (std::sscanf(text.c_str(), "%u.%u.%u.%u%c", &parts[0], &parts[1],
                  &parts[2], &parts[3], &rest) != 4) {
    return std::nullopt;
  }
  uint32_t address = 0;
  for (unsigned part : parts) {
    if (part > 255) return std::nullopt;
    address = address << 8 | part;
  }
  return address;
}

bool InNetwork(const std::string& text, const std::string& network) {
  size_t slash = network.find('/');
  auto base = Address(network.substr(0, slash)), address = Address(text);
  if (!base || !address) return false;
  int bits = slash == network.npos ? 32 : std::stoi(network.substr(slash + 1));
  uint32_t mask = bits == 0 ? 0 : ~uint32_t{0} << (32 - bits);
  return (*base & mask) == (*address & mask);
}

bool CompareTexts(Comparison comparison, const std::u32string& text,
                  const std::u32string& value) {
  switch (comparison) {
    case Comparison::kEquals:
    case Comparison::kFieldEquals:
      return text == value;
    case Comparison::kContains:
    case Comparison::kFieldContains:
      return text.find(value) != text.npos;
    case Comparison::kStartsWith:
    case Comparison::kFieldStartsWith:
      return text.substr(0, value.size()) == value;
    default:
      return text.size() >= value.size() &&
             text.substr(text.size() - value.size()) == value;
  }
}

bool CompareNumbers(Comparison comparison, double a, double b) {
  switch (comparison) {
    case Comparison::kLess:
      return a < b;
    case Comparison::kLessEqual:
      return a <= b;
    case Comparison::kGreater:
      return a > b;
    case Comparison::kGreaterEqual:
      return a >= b;
    default:
      return a == b;
  }
}

bool MatchesValue(const Test& test, const json& found, const std::string& value,
                  const json& record) {
  if (!IsScalar(found)) return false;
  std::string text = TextOf(found);
  bool fold = !test.cased;
  if (ComparesNumbers(test.comparison)) {
    std::optional<double> number = NumberOf(text);
    return number && !found.is_boolean() &&
           CompareNumbers(test.comparison, *number, *NumberOf(value));
  }
  switch (test.comparison) {
    case Comparison::kGlob:
      return GlobAt(Points(value, fold), 0, Points(text, fold), 0);
    case Comparison::kRegex:
      return std::regex_search(text, std::regex(value));
    case Comparison::kCidr:
      return InNetwork(text, value);
    case Comparison::kTextLess:
      return text < value;
    case Comparison::kTextLessEqual:
      return text <= value;
    case Comparison::kEquals:
      if (found.is_number()) {
        std::optional<double> number = NumberOf(value);
        return number && *number == found.get<double>();
      }
      break;
    default:
      break;
  }
  if (!ComparesFields(test.comparison)) {
    return CompareTexts(test.comparison, Points(text, fold),
                        Points(value, fold));
  }
  Field other = *Field::Compile(value, Field::Brackets::kLiteral);
  for (const Found& theirs : ValuesOf(other, record)) {
    if (IsScalar(theirs.value) &&
        CompareTexts(test.comparison, Points(text, fold),
                     Points(TextOf(theirs.value), fold))) {
      return true;
    }
  }
  return false;
}

bool MatchesTest(const Test& test, const json& record) {
  std::vector<Found> values = ValuesOf(test.field, record);
  if (test.comparison == Comparison::kExists) return !values.empty();
  if (test.comparison == Comparison::kNull) {
    return values.empty() ||
           std::any_of(values.begin(), values.end(),
                       [](const Found& f) { return f.value.is_null(); });
  }
  auto holds = [&](const Found& found) {
    if (test.comparison == Comparison::kElement) {
      if (found.value.is_array()) return false;
      if (found.value.is_null() && !found.in_array) return false;
      return NaiveMatches(*test.body, found.value);
    }
    return std::any_of(test.values.begin(), test.values.end(),
                       [&](const std::string& value) {
                         return MatchesValue(test, found.value, value, record);
                       });
  };
  if (test.quantifier == Quantifier::kAny) {
    return std::any_of(values.begin(), values.end(), holds);
  }
  return !values.empty() && std::all_of(values.begin(), values.end(), holds);
}

}  // namespace

bool NaiveMatches(const Predicate& predicate, const json& record) {
  auto matches = [&](const Predicate& p) { return NaiveMatches(p, record); };
  std::span<const Predicate> parts = predicate.parts();
  switch (predicate.kind()) {
    case Predicate::Kind::kTrue:
      return true;
    case Predicate::Kind::kFalse:
      return false;
    case Predicate::Kind::kTest:
      return MatchesTest(predicate.test(), record);
    case Predicate::Kind::kNot:
      return !matches(parts[0]);
    case Predicate::Kind::kAnd:
      return std::all_of(parts.begin(), parts.end(), matches);
    case Predicate::Kind::kOr:
      return std::any_of(parts.begin(), parts.end(), matches);
  }
  return false;
}

}  // namespace oddverb
