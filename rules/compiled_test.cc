#include "rules/compiled_test.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "base/case_fold.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "re2/re2.h"

namespace oddverb {
namespace {

// Of each expression, compiled: a rule that a person wrote takes a few KiB.
constexpr int64_t kMaxRegexBytes = 1 << 20;
constexpr size_t kMaxRegexText = 8192;
// Of each side where two fields with many values are compared, as that is
// quadratic. Real lists (groups, addresses) have tens.
constexpr size_t kMaxComparedValues = 256;

re2::RE2::Options RegexOptions() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxRegexBytes);
  return options;
}

re2::StringPiece Piece(std::string_view text) {
  return {text.data(), text.size()};
}

absl::Status RegexError(const re2::RE2& regex) {
  std::string message =
      absl::StrCat("not a regular expression that can run: ", regex.error());
  if (regex.error_code() == re2::RE2::ErrorBadPerlOp) {
    message +=
        "; there is no lookaround: write the exclusion as a selection of its "
        "own and \"not\" it in the condition";
  } else if (regex.error_code() == re2::RE2::ErrorBadEscape) {
    message += "; there are no back-references";
  } else if (regex.error_code() == re2::RE2::ErrorPatternTooLarge ||
             regex.error_code() == re2::RE2::ErrorRepeatSize) {
    message += "; repeat less";
  }
  return absl::InvalidArgumentError(message);
}

int CostOf(const Test& test) {
  int cost = test.field.is_everything() ? 2000
             : test.field.IsDecoded()   ? 5
                                        : 300;
  switch (test.comparison) {
    case Comparison::kExists:
    case Comparison::kNull:
      return cost;
    case Comparison::kEquals:
      return cost + 20;
    case Comparison::kRegex:
      return cost + 300;
    case Comparison::kElement:
      return cost + 1000;
    default:
      return cost + 20 + 10 * static_cast<int>(test.values.size());
  }
}

bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

// Week of the year as ISO 8601 counts: the one that holds its Thursday.
int64_t IsoWeek(absl::CivilDay day) {
  int weekday = (static_cast<int>(absl::GetWeekday(day)) + 7) % 7;  // Monday 0
  absl::CivilDay thursday = day + (3 - weekday);
  return (absl::GetYearDay(thursday) - 1) / 7 + 1;
}

}  // namespace

absl::Status CheckRegex(std::string_view expression) {
  if (expression.size() > kMaxRegexText) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a regular expression of more than ", kMaxRegexText, " bytes"));
  }
  re2::RE2 regex(Piece(expression), RegexOptions());
  return regex.ok() ? absl::OkStatus() : RegexError(regex);
}

std::optional<int64_t> TimePartOf(std::string_view text, TimePart part) {
  constexpr std::string_view kForm = "0000-00-00T00:00";
  if (text.size() < kForm.size()) return std::nullopt;
  for (size_t i = 0; i < kForm.size(); ++i) {
    bool fits = kForm[i] == '0' ? AllDigits(text.substr(i, 1))
                                : text[i] == kForm[i] ||
                                      (kForm[i] == 'T' && text[i] == ' ');
    if (!fits) return std::nullopt;
  }
  auto number = [text](size_t at, size_t size) {
    int64_t value = 0;
    for (char c : text.substr(at, size)) value = value * 10 + (c - '0');
    return value;
  };
  int64_t year = number(0, 4), month = number(5, 2), day = number(8, 2);
  switch (part) {
    case TimePart::kMinute:
      return number(14, 2);
    case TimePart::kHour:
      return number(11, 2);
    case TimePart::kDay:
      return day;
    case TimePart::kWeek: {
      absl::CivilDay date(year, month, day);
      if (date.month() != month || date.day() != day) return std::nullopt;
      return IsoWeek(date);
    }
    case TimePart::kMonth:
      return month;
    case TimePart::kYear:
      return year;
    case TimePart::kNone:
      break;
  }
  return std::nullopt;
}

std::optional<IpAddress> AddressOf(std::string_view text) {
  if (auto address = IpAddress::Parse(text)) return address;
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size() ||
      !AllDigits(text.substr(colon + 1))) {
    return std::nullopt;
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  return IpAddress::Parse(host);
}

struct CompiledTest::Regexes {
  std::vector<std::unique_ptr<re2::RE2>> all;
};

CompiledTest::CompiledTest() = default;
CompiledTest::~CompiledTest() = default;
CompiledTest::CompiledTest(CompiledTest&&) noexcept = default;

absl::StatusOr<CompiledTest> CompiledTest::Compile(
    const Test& test, uint32_t field, std::vector<uint32_t> others,
    std::vector<ProgramField>& fields) {
  CompiledTest compiled;
  compiled.field_ = field;
  compiled.comparison_ = test.comparison;
  compiled.cased_ = test.cased;
  compiled.quantifier_ = test.quantifier;
  compiled.part_ = test.part;
  compiled.cost_ = CostOf(test);
  compiled.others_ = std::move(others);
  ODDVERB_RETURN_IF_ERROR(compiled.SetValues(test, fields));
  return compiled;
}

absl::Status CompiledTest::SetExpressions(
    const std::vector<std::string>& values) {
  regexes_ = std::make_unique<Regexes>();
  for (const std::string& value : values) {
    ODDVERB_RETURN_IF_ERROR(CheckRegex(value));
    regexes_->all.push_back(
        std::make_unique<re2::RE2>(Piece(value), RegexOptions()));
  }
  return absl::OkStatus();
}

absl::Status CompiledTest::SetValues(const Test& test,
                                     std::vector<ProgramField>& fields) {
  if (test.comparison == Comparison::kRegex) return SetExpressions(test.values);
  for (const std::string& value : test.values) {
    if (test.comparison == Comparison::kEquals) {
      // Also for cased tests: the index asks for the folded text.
      symbols_.push_back(
          fields[field_].InternText(test.cased ? FoldedCopy(value) : value));
      if (auto number = CanonicalNumber(value)) {
        symbols_.push_back(fields[field_].InternNumber(*number));
        number_texts_.push_back(*std::move(number));
      }
      texts_.push_back(value);
    } else if (test.comparison == Comparison::kGlob) {
      globs_.push_back(Glob::Parse(value));
    } else if (test.comparison == Comparison::kCidr) {
      std::optional<IpNetwork> network = IpNetwork::Parse(value);
      if (!network.has_value()) {
        return absl::InvalidArgumentError(
            absl::StrCat("not an address or a network: ", value));
      }
      networks_.push_back(*network);
    } else if (ComparesNumbers(test.comparison)) {
      std::optional<Number> number = Number::Parse(value);
      if (!number.has_value()) {
        return absl::InvalidArgumentError(
            absl::StrCat("not a number: ", value));
      }
      numbers_.push_back(*number);
    } else {
      texts_.push_back(value);
    }
  }
  std::sort(symbols_.begin(), symbols_.end());
  std::sort(number_texts_.begin(), number_texts_.end());
  return absl::OkStatus();
}

bool CompiledTest::Matches(EventValues& event) const {
  std::span<const FieldValue> values = event.Values(field_);
  if (comparison_ == Comparison::kExists) return !values.empty();
  if (comparison_ == Comparison::kNull) {
    return values.empty() ||
           std::any_of(values.begin(), values.end(), [](const FieldValue& v) {
             return v.type == JsonType::kNull;
           });
  }
  if (values.empty()) return false;
  if (comparison_ == Comparison::kEquals && !cased_) {
    return MatchesEquals(event);
  }
  if (ComparesFields(comparison_)) return MatchesFields(event);
  // Only texts without case need the folded ones.
  bool raw = cased_ || comparison_ == Comparison::kRegex ||
             comparison_ == Comparison::kCidr || ComparesNumbers(comparison_) ||
             ComparesOrder(comparison_);
  std::span<const std::string_view> folded;
  if (!raw) folded = event.FoldedTexts(field_);
  bool wanted = quantifier_ == Quantifier::kAny;
  for (size_t i = 0; i < values.size(); ++i) {
    std::string_view text = raw ? values[i].text : folded[i];
    bool matches = values[i].IsScalar() && MatchesValue(values[i], text);
    if (matches == wanted) return wanted;
  }
  return !wanted;
}

std::optional<bool> CompiledTest::MatchesSymbol(
    std::optional<uint32_t> symbol) const {
  if (comparison_ == Comparison::kNull) return !symbol.has_value();
  if (comparison_ != Comparison::kEquals || cased_) return std::nullopt;
  return symbol.has_value() && *symbol != SymbolTable::kUnknown &&
         std::binary_search(symbols_.begin(), symbols_.end(), *symbol);
}

bool CompiledTest::MatchesEquals(EventValues& event) const {
  bool wanted = quantifier_ == Quantifier::kAny;
  for (uint32_t symbol : event.Symbols(field_)) {
    bool matches = symbol != SymbolTable::kUnknown &&
                   std::binary_search(symbols_.begin(), symbols_.end(), symbol);
    if (matches == wanted) return wanted;
  }
  return !wanted;
}

bool CompiledTest::MatchesValue(const FieldValue& value,
                                std::string_view text) const {
  switch (comparison_) {
    case Comparison::kEquals: {
      const std::vector<std::string>& known =
          value.type == JsonType::kNumber ? number_texts_ : texts_;
      return std::binary_search(known.begin(), known.end(), text);
    }
    case Comparison::kRegex:
      return std::any_of(regexes_->all.begin(), regexes_->all.end(),
                         [&](const std::unique_ptr<re2::RE2>& regex) {
                           return re2::RE2::PartialMatch(Piece(text), *regex);
                         });
    case Comparison::kCidr: {
      std::optional<IpAddress> address = AddressOf(text);
      return address.has_value() &&
             std::any_of(networks_.begin(), networks_.end(),
                         [&](const IpNetwork& network) {
                           return network.Contains(*address);
                         });
    }
    default:
      return ComparesNumbers(comparison_) ? MatchesNumber(value)
                                          : MatchesText(text);
  }
}

bool CompiledTest::MatchesText(std::string_view text) const {
  auto any = [](const auto& items, auto fits) {
    return std::any_of(items.begin(), items.end(), fits);
  };
  switch (comparison_) {
    case Comparison::kContains:
      return any(texts_, [text](const std::string& needle) {
        return FindText(text, needle) != std::string_view::npos;
      });
    case Comparison::kStartsWith:
      return any(texts_, [text](const std::string& start) {
        return text.starts_with(start);
      });
    case Comparison::kEndsWith:
      return any(texts_, [text](const std::string& end) {
        return text.ends_with(end);
      });
    case Comparison::kTextLess:
      return any(texts_, [text](const std::string& t) { return text < t; });
    case Comparison::kTextLessEqual:
      return any(texts_, [text](const std::string& t) { return text <= t; });
    case Comparison::kGlob:
      return any(globs_,
                 [text](const Glob& glob) { return glob.Matches(text); });
    default:
      return false;
  }
}

bool CompiledTest::MatchesNumber(const FieldValue& value) const {
  std::optional<Number> number;
  if (part_ == TimePart::kNone) {
    number = Number::Parse(value.text);
  } else if (auto part = TimePartOf(value.text, part_)) {
    number = Number{.is_integer = true, .integer = *part, .real = 0};
  }
  if (!number.has_value() || value.type == JsonType::kBool) return false;
  return std::any_of(numbers_.begin(), numbers_.end(), [&](const Number& n) {
    switch (comparison_) {
      case Comparison::kLess:
        return *number < n;
      case Comparison::kLessEqual:
        return *number <= n;
      case Comparison::kGreater:
        return *number > n;
      case Comparison::kGreaterEqual:
        return *number >= n;
      default:
        return *number == n;
    }
  });
}

bool CompiledTest::MatchesFields(EventValues& event) const {
  auto texts_of = [&](uint32_t field, size_t i) {
    return cased_ ? event.Values(field)[i].text : event.FoldedTexts(field)[i];
  };
  size_t mine = std::min(event.Values(field_).size(), kMaxComparedValues);
  for (uint32_t other : others_) {
    size_t theirs = std::min(event.Values(other).size(), kMaxComparedValues);
    for (size_t i = 0; i < mine * theirs; ++i) {
      size_t m = i / theirs, t = i % theirs;
      if (!event.Values(field_)[m].IsScalar()) continue;
      if (!event.Values(other)[t].IsScalar()) continue;
      std::string_view a = texts_of(field_, m), b = texts_of(other, t);
      bool matches =
          comparison_ == Comparison::kFieldEquals     ? a == b
          : comparison_ == Comparison::kFieldContains ? FindText(a, b) != a.npos
          : comparison_ == Comparison::kFieldStartsWith ? a.starts_with(b)
                                                        : a.ends_with(b);
      if (matches) return true;
    }
  }
  return false;
}

}  // namespace oddverb
