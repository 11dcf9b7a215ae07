#include "rules/rule_diagnostics.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json_writer.h"
#include "base/nearest_name.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "base/visible_text.h"

namespace oddverb {
namespace {

constexpr size_t kMaxQuotedBytes = 80;
// Of a long line, what is shown before the caret, and at all.
constexpr size_t kShownBefore = 60;
constexpr size_t kShown = 120;
constexpr std::string_view kMargin = "    ";

}  // namespace

std::string RuleDiagnostic::ToString() const {
  std::string text = absl::StrCat(
      A(VisibleText(file, Charset::kUtf8)), ":", line, ":", column,
      severity == Severity::kError ? ": error: " : ": warning: ", message);
  if (source_line.empty()) return text;
  size_t at = std::min<size_t>(column - 1, source_line.size());
  std::string_view shown = source_line;
  if (at > kShownBefore) {
    size_t cut = at - kShownBefore;
    while (cut < at && (shown[cut] & 0xc0) == 0x80) ++cut;
    shown.remove_prefix(cut);
    at -= cut;
  }
  std::string before = VisibleText(shown.substr(0, at), Charset::kUtf8);
  std::string after =
      VisibleText(Utf8Prefix(shown.substr(at), kShown - std::min(at, kShown)),
                  Charset::kUtf8);
  auto blanks = static_cast<size_t>(DisplayWidth(before));
  absl::StrAppend(&text, "\n", A(kMargin), before, after, "\n", A(kMargin),
                  std::string(blanks, ' '), "^");
  return text;
}

RuleText::RuleText(std::string_view file, std::string_view text)
    : file_(file), text_(text) {
  starts_.push_back(0);
  for (size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    starts_.push_back(at + 1);
  }
}

std::string_view RuleText::Line(uint32_t line) const {
  if (line == 0 || line > starts_.size()) return {};
  std::string_view rest = text_.substr(starts_[line - 1]);
  rest = rest.substr(0, rest.find('\n'));
  if (rest.ends_with('\r')) rest.remove_suffix(1);
  return rest;
}

void RuleDiagnostics::Add(RuleDiagnostic::Severity severity,
                          const RuleText& text, uint32_t line, uint32_t column,
                          std::string message) {
  line = std::max(line, 1u);
  column = std::max(column, 1u);
  // A line can be megabytes long.
  std::string_view source = text.Line(line).substr(0, column + kShown);
  Add({severity, std::string(text.file()), line, column, std::move(message),
       std::string(source)});
}

void RuleDiagnostics::Add(RuleDiagnostic diagnostic) {
  uint64_t& count = diagnostic.severity == RuleDiagnostic::Severity::kError
                        ? errors_
                        : warnings_;
  if (++count <= kMaxKept) kept_.push_back(std::move(diagnostic));
}

std::string NearestHint(std::string_view name,
                        const std::vector<std::string>& known) {
  std::string_view nearest = NearestName(name, known);
  if (nearest.empty()) return "";
  return absl::StrCat(", did you mean ", QuotedName(nearest), "?");
}

std::string QuotedName(std::string_view text) {
  std::string quoted = "\"";
  std::string_view shown = Utf8Prefix(text, kMaxQuotedBytes);
  AppendJsonEscaped(shown, quoted);
  if (shown.size() < text.size()) quoted += "...";
  quoted += '"';
  return quoted;
}

}  // namespace oddverb
