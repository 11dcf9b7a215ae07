#include "exporters/alert_matcher.h"

#include <re2/re2.h>

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "base/visible_text.h"

namespace oddverb {
namespace {

constexpr int64_t kMaxCompiledBytes = 1 << 20;

re2::StringPiece Piece(std::string_view text) {
  return {text.data(), text.size()};
}

absl::Status Bad(std::string_view what, std::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat(A(what), ": ", VisibleText(text, Charset::kUtf8)));
}

std::string_view Trimmed(std::string_view text) {
  return S(absl::StripAsciiWhitespace(A(text)));
}

// What stands before the operator, and how long that is.
size_t NameBytes(std::string_view text) {
  size_t bytes = 0;
  while (bytes < text.size()) {
    auto c = static_cast<unsigned char>(text[bytes]);
    bool fits = absl::ascii_isalpha(c) || c == '_' || c == ':' ||
                (bytes > 0 && absl::ascii_isdigit(c));
    if (!fits) break;
    ++bytes;
  }
  return bytes;
}

// Without quotes and escapes; nullopt if they do not fit.
std::optional<std::string> Unquoted(std::string_view text) {
  bool is_quoted = text.starts_with('"');
  if (is_quoted) text.remove_prefix(1);
  std::string value;
  for (size_t i = 0; i < text.size(); ++i) {
    bool is_last = i + 1 == text.size();
    if (text[i] == '"') {
      if (!is_quoted || !is_last) return std::nullopt;
      return value;
    }
    if (text[i] != '\\' || is_last) {
      value += text[i];
      continue;
    }
    char next = text[++i];
    if (next == 'n') {
      value += '\n';
    } else if (next == '"' || next == '\\') {
      value += next;
    } else {
      value += '\\';
      value += next;
    }
  }
  if (is_quoted) return std::nullopt;
  return value;
}

}  // namespace

WholeMatch::WholeMatch(std::shared_ptr<const re2::RE2> compiled)
    : compiled_(std::move(compiled)) {}

absl::StatusOr<WholeMatch> WholeMatch::Parse(std::string_view expression) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxCompiledBytes);
  auto compiled = std::make_shared<const re2::RE2>(Piece(expression), options);
  if (!compiled->ok()) return Bad("error parsing regexp", compiled->error());
  return WholeMatch(std::move(compiled));
}

bool WholeMatch::Matches(std::string_view text) const {
  return re2::RE2::FullMatch(Piece(text), *compiled_);
}

absl::StatusOr<AlertMatcher> AlertMatcher::Parse(std::string_view text) {
  constexpr std::pair<std::string_view, Operator> kOperators[] = {
      {"=~", Operator::kMatches},
      {"!~", Operator::kMatchesNot},
      {"!=", Operator::kNotEqual},
      {"=", Operator::kEqual}};
  std::string_view rest = Trimmed(text);
  AlertMatcher matcher;
  matcher.name_ = rest.substr(0, NameBytes(rest));
  rest = Trimmed(rest.substr(matcher.name_.size()));
  bool has_operator = false;
  for (const auto& [sign, meaning] : kOperators) {
    if (has_operator || !rest.starts_with(sign)) continue;
    matcher.operator_ = meaning;
    rest.remove_prefix(sign.size());
    has_operator = true;
  }
  if (matcher.name_.empty() || !has_operator) {
    return Bad("bad matcher format", text);
  }
  rest = Trimmed(rest);
  if (ReplaceBadUtf8(rest) != rest) {
    return Bad("matcher value not valid UTF-8", rest);
  }
  std::optional<std::string> value = Unquoted(rest);
  if (!value.has_value()) {
    return Bad("matcher value contains unescaped double quote", rest);
  }
  matcher.value_ = *std::move(value);
  if (matcher.operator_ == Operator::kMatches ||
      matcher.operator_ == Operator::kMatchesNot) {
    ODDVERB_ASSIGN_OR_RETURN(WholeMatch expression,
                             WholeMatch::Parse(matcher.value_));
    matcher.expression_ =
        std::make_shared<const WholeMatch>(std::move(expression));
  }
  return matcher;
}

bool AlertMatcher::Matches(const AlertTexts& labels) const {
  std::string_view label = TextOf(labels, name_);
  switch (operator_) {
    case Operator::kEqual:
      return label == value_;
    case Operator::kNotEqual:
      return label != value_;
    case Operator::kMatches:
      return expression_->Matches(label);
    case Operator::kMatchesNot:
      return !expression_->Matches(label);
  }
  return false;
}

}  // namespace oddverb
