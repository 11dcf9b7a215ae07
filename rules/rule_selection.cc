#include "rules/rule_selection.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {
namespace {

constexpr std::string_view kStatuses[] = {"unsupported", "deprecated",
                                          "experimental", "test", "stable"};

// Among more names the nearest one is not looked for.
constexpr size_t kMaxHinted = 5000;

RuleStatus StatusOfRule(std::string_view text) {
  auto found = std::find(std::begin(kStatuses), std::end(kStatuses), text);
  if (found == std::end(kStatuses)) return RuleStatus::kStable;
  return static_cast<RuleStatus>(found - std::begin(kStatuses));
}

}  // namespace

std::string_view RuleStatusName(RuleStatus status) {
  return kStatuses[static_cast<size_t>(status)];
}

RuleSelector::RuleSelector(const RuleSelection& selection)
    : min_level_(selection.min_level),
      min_status_(selection.min_status),
      enable_(Parse(selection.enable)),
      disable_(Parse(selection.disable)) {}

std::vector<RuleSelector::Pattern> RuleSelector::Parse(
    const std::vector<std::string>& texts) {
  std::vector<Pattern> patterns;
  for (const std::string& text : texts) {
    patterns.push_back({text, Glob::Parse(text)});
  }
  return patterns;
}

bool RuleSelector::Names(std::vector<Pattern>& patterns, const Rule& rule) {
  bool any = false;
  for (Pattern& pattern : patterns) {
    auto fits = [&](const std::string& text) {
      return !text.empty() && pattern.glob.Matches(text);
    };
    if (fits(rule.name) || fits(rule.id) || fits(rule.title) ||
        std::any_of(rule.tags.begin(), rule.tags.end(), fits)) {
      pattern.used = any = true;
    }
  }
  return any;
}

void RuleSelector::Remember(const Rule& rule) {
  if (names_.size() > kMaxHinted) return;
  for (const std::string* name : {&rule.name, &rule.id, &rule.title}) {
    if (!name->empty()) names_.insert(*name);
  }
  names_.insert(rule.tags.begin(), rule.tags.end());
}

bool RuleSelector::IsWanted(const Rule& rule) {
  if (!enable_.empty() || !disable_.empty()) Remember(rule);
  // Both are asked, so that both know what they fit.
  bool is_enabled = Names(enable_, rule);
  bool is_disabled = Names(disable_, rule);
  if (is_enabled) return true;
  RuleLevel level =
      rule.level == RuleLevel::kUnspecified ? RuleLevel::kMedium : rule.level;
  return !is_disabled && level >= min_level_ &&
         StatusOfRule(rule.status) >= min_status_;
}

void RuleSelector::AddUnmatched(std::string_view key,
                                const std::vector<Pattern>& patterns,
                                std::vector<std::string>& messages) const {
  std::vector<std::string> known;
  if (names_.size() <= kMaxHinted) known.assign(names_.begin(), names_.end());
  for (const Pattern& pattern : patterns) {
    if (pattern.used) continue;
    messages.push_back(absl::StrCat(A(key),
                                    ": no rule has this name, id, title or "
                                    "tag: ",
                                    QuotedName(pattern.text),
                                    NearestHint(pattern.text, known)));
  }
}

std::vector<std::string> RuleSelector::Unmatched() const {
  std::vector<std::string> messages;
  AddUnmatched("enable", enable_, messages);
  AddUnmatched("disable", disable_, messages);
  return messages;
}

}  // namespace oddverb
