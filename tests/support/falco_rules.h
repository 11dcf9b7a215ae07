// Loads Falco rules from text in tests, and asks conditions about events.
#ifndef ODDVERB_TESTS_SUPPORT_FALCO_RULES_H_
#define ODDVERB_TESTS_SUPPORT_FALCO_RULES_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rules/falco_output.h"
#include "rules/rule_loader.h"
#include "tests/support/decoded_text.h"
#include "tests/support/sigma_rules.h"

namespace oddverb {

inline LoadedRules LoadFalco(std::string_view text, FalcoOptions options = {}) {
  RuleLoader loader({}, std::move(options));
  loader.Add("rules.yaml", text);
  return std::move(loader).Finish();
}

// A rule of this condition, which has to stand on one line.
inline std::string FalcoRuleOf(std::string_view condition,
                               std::string_view name = "R",
                               std::string_view output = "o",
                               std::string_view more = "") {
  return "- rule: " + std::string(name) + "\n  desc: d\n  condition: >\n    " +
         std::string(condition) + "\n  output: >-\n    " + std::string(output) +
         "\n  priority: INFO\n  source: k8s_audit\n" + std::string(more);
}

inline std::vector<std::string> TitlesOf(std::span<const Rule* const> rules) {
  std::vector<std::string> titles;
  for (const Rule* rule : rules) titles.push_back(rule->title);
  return titles;
}

// An event that the decoder takes, with these members besides, on one line.
inline std::string AuditJson(std::string_view members) {
  std::string text =
      R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"id",)"
      R"("stageTimestamp":"2026-01-02T03:04:05.678901Z")";
  if (!members.empty()) text += ",";
  for (char c : members) {
    if (c != '\n') text += c;
  }
  return text + "}";
}

// The titles of the rules that match an event, which has to be the same for
// the decoded event and for its text.
inline std::vector<std::string> FalcoMatches(const LoadedRules& loaded,
                                             std::string_view members) {
  std::string json = AuditJson(members);
  RuleMatcher matcher(loaded.rules);
  std::unique_ptr<EventBatch> batch = DecodeLines(json + "\n");
  EXPECT_EQ(batch->events.size(), 1u) << json;
  if (batch->events.size() != 1) return {};
  std::vector<std::string> of_event =
      TitlesOf(matcher.Match(batch->events[0], RuleMatcher::Request::kOther));
  EXPECT_EQ(TitlesOf(matcher.Match(RawJson{json})), of_event) << json;
  return of_event;
}

inline bool FalcoHolds(std::string_view condition, std::string_view members) {
  LoadedRules loaded = LoadFalco(FalcoRuleOf(condition));
  EXPECT_EQ(loaded.diagnostics.errors(), 0u) << Messages(loaded);
  return !loaded.rules->rules().empty() &&
         !FalcoMatches(loaded, members).empty();
}

// What an output prints for the event.
inline std::string FalcoPrints(std::string_view output,
                               std::string_view members) {
  FalcoComplaint complaint;
  auto compiled = FalcoOutput::Compile(output, complaint);
  if (compiled == nullptr) return "error: " + complaint.message;
  std::unique_ptr<EventBatch> batch = DecodeLines(AuditJson(members) + "\n");
  if (batch->events.size() != 1) return "no event";
  std::string text = compiled->Format(RuleRecord(batch->events[0]));
  EXPECT_EQ(compiled->Format(RuleRecord(batch->events[0].raw)), text);
  return text;
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_FALCO_RULES_H_
