#include "rules/rule_selection.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rules/rule_loader.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

constexpr char kLogSource[] =
    "\nlogsource: {product: kubernetes, service: audit}\n";
constexpr char kDetection[] =
    "detection:\n  sel: {verb: get}\n  condition: sel\n";

std::string SigmaText(const std::string& title, const std::string& more) {
  return "---\ntitle: " + title + kLogSource + more + kDetection;
}

std::string CorrelationText(const std::string& name, const std::string& rules) {
  return "---\ntitle: T " + name + "\nname: " + name +
         "\ncorrelation:\n  type: event_count\n  rules: [" + rules +
         "]\n  timespan: 1m\n  condition: {gte: 2}\n";
}

constexpr char kFalco[] =
    "- rule: Falco On\n  desc: d\n  condition: ka.verb = get\n  output: o\n"
    "  priority: WARNING\n  source: k8s_audit\n  tags: [k8s]\n"
    "- rule: Falco Off\n  desc: d\n  condition: ka.verb = get\n  output: o\n"
    "  priority: INFO\n  source: k8s_audit\n  enabled: false\n";

LoadedRules Load(RuleSelection selection, const std::string& more = "") {
  RuleLoader loader({}, {}, std::move(selection));
  loader.Add("sigma.yml",
             SigmaText("Alpha",
                       "name: a\nlevel: high\nstatus: stable\n"
                       "tags: [attack.t1552]\n") +
                 SigmaText("Beta",
                           "id: 0b0b0b0b-0000-4000-8000-000000000001\n"
                           "level: low\nstatus: deprecated\n") +
                 SigmaText("Gamma", "name: g\n") + more);
  loader.Add("falco.yaml", kFalco);
  LoadedRules loaded = std::move(loader).Finish();
  EXPECT_EQ(loaded.diagnostics.errors(), 0u);
  return loaded;
}

std::vector<std::string> Titles(const LoadedRules& loaded) {
  std::vector<std::string> titles;
  for (const Rule& rule : loaded.rules->rules()) {
    titles.push_back(rule.title + (rule.alerts ? "" : " (silent)"));
  }
  for (const Correlation& one : loaded.correlations->correlations()) {
    titles.push_back(one.rule.title + (one.rule.alerts ? "" : " (silent)"));
  }
  return titles;
}

TEST(RuleSelectionTest, ChoosesByNameLevelAndStatus) {
  struct Case {
    const char* what;
    RuleSelection selection;
    std::vector<std::string> titles;
  };
  const std::vector<Case> cases = {
      {"nothing said", {}, {"Alpha", "Beta", "Gamma", "Falco On"}},
      {"by name", {.disable = {"a"}}, {"Beta", "Gamma", "Falco On"}},
      {"by title", {.disable = {"Falco On"}}, {"Alpha", "Beta", "Gamma"}},
      {"by id",
       {.disable = {"0b0b0b0b-0000-4000-8000-000000000001"}},
       {"Alpha", "Gamma", "Falco On"}},
      {"by tag", {.disable = {"attack.t*", "k8s"}}, {"Beta", "Gamma"}},
      {"all but one", {.enable = {"Beta"}, .disable = {"*"}}, {"Beta"}},
      {"switched off by its file",
       {.enable = {"Falco Off"}},
       {"Alpha", "Beta", "Gamma", "Falco On", "Falco Off"}},
      {"by level",
       {.min_level = RuleLevel::kMedium},
       {"Alpha", "Gamma", "Falco On"}},
      {"by level, but for one",
       {.enable = {"Beta"}, .min_level = RuleLevel::kHigh},
       {"Alpha", "Beta"}},
      {"by status",
       {.min_status = RuleStatus::kExperimental},
       {"Alpha", "Gamma", "Falco On"}},
  };
  for (const Case& c : cases) {
    LoadedRules loaded = Load(c.selection);
    EXPECT_EQ(Titles(loaded), c.titles) << c.what;
    EXPECT_THAT(loaded.unmatched, IsEmpty()) << c.what;
  }
}

TEST(RuleSelectionTest, WhatACorrelationCountsStaysButDoesNotAlert) {
  const std::string more =
      CorrelationText("c", "a") + CorrelationText("d", "g");
  LoadedRules loaded = Load({.disable = {"a", "d", "Falco*", "Beta"}}, more);
  EXPECT_THAT(Titles(loaded), ElementsAre("Alpha (silent)", "Gamma", "T c"));
  EXPECT_EQ(loaded.not_selected, 4u);
}

TEST(RuleSelectionTest, ACorrelationOfCorrelationsKeepsAllThatItCounts) {
  const std::string more = CorrelationText("outer", "inner") +
                           CorrelationText("inner", "a") +
                           CorrelationText("other", "g");
  LoadedRules loaded = Load({.enable = {"outer"}, .disable = {"*"}}, more);
  EXPECT_THAT(Titles(loaded), UnorderedElementsAre("Alpha (silent)", "T outer",
                                                   "T inner (silent)"));
}

TEST(RuleSelectionTest, NamesThatNoRuleHasAreToldWithTheNearestOne) {
  LoadedRules loaded =
      Load({.enable = {"Falco Of"}, .disable = {"Alpa", "zzzzzzzz*", "a"}});
  EXPECT_THAT(
      loaded.unmatched,
      ElementsAre("enable: no rule has this name, id, title or tag: \"Falco "
                  "Of\", did you mean \"Falco On\"?",
                  "disable: no rule has this name, id, title or tag: \"Alpa\", "
                  "did you mean \"Alpha\"?",
                  StartsWith("disable: no rule has this name, id, title or "
                             "tag: \"zzzzzzzz*\"")));
}

}  // namespace
}  // namespace oddverb
