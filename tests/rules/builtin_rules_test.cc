// The rules that come with the program: complete, alive, and proved by cases.
#include "rules/builtin_rules.h"

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/builtin_rules.h"
#include "tests/support/sigma_rules.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

using ::testing::AnyOf;
using ::testing::MatchesRegex;

std::vector<const Rule*> AllRules(const LoadedRules& loaded) {
  std::vector<const Rule*> all;
  for (const Rule& rule : loaded.rules->rules()) all.push_back(&rule);
  for (const Correlation& c : loaded.correlations->correlations()) {
    all.push_back(&c.rule);
  }
  return all;
}

TEST(BuiltinRulesTest, LoadsWithoutAComplaint) {
  LoadedRules loaded = LoadBuiltinRules();
  EXPECT_EQ(loaded.refused, 0u);
  EXPECT_EQ(loaded.other_sources, 0u);
  // Among them: dead rules, ids and names that are used twice.
  EXPECT_EQ(Messages(loaded), "");
  EXPECT_GE(loaded.rules->rules().size(), 110u);
  EXPECT_GE(loaded.correlations->correlations().size(), 20u);
}

TEST(BuiltinRulesTest, EveryRuleSaysWhatAReaderOfItsFindingsNeeds) {
  LoadedRules loaded = LoadBuiltinRules();
  std::map<std::string, int> by_practice;
  for (const Rule* rule : AllRules(loaded)) {
    SCOPED_TRACE(rule->place.ToString() + " " + rule->title);
    EXPECT_THAT(rule->id, MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-"
                                       "[0-9a-f]{4}-[0-9a-f]{12}"));
    EXPECT_THAT(rule->name, MatchesRegex("[a-z]+\\.[a-z_]+"));
    EXPECT_FALSE(rule->description.empty());
    EXPECT_FALSE(rule->falsepositives.empty());
    EXPECT_FALSE(rule->status.empty());
    EXPECT_NE(rule->level, RuleLevel::kUnspecified);
    bool has_practice = false, has_technique = false;
    for (const std::string& tag : rule->tags) {
      EXPECT_THAT(tag, AnyOf(MatchesRegex("practice\\.[1-9]"),
                             MatchesRegex("attack\\.t[0-9]{4}(\\.[0-9]{3})?")));
      has_practice |= tag.starts_with("practice.");
      has_technique |= tag.starts_with("attack.t");
      if (tag.starts_with("practice.") && rule->alerts) ++by_practice[tag];
    }
    EXPECT_TRUE(has_practice);
    EXPECT_TRUE(has_technique);
  }
  EXPECT_EQ(by_practice.size(), 9u);
  for (const auto& [practice, count] : by_practice) {
    std::printf("%s: %d rules\n", practice.c_str(), count);
  }
}

// What the audit policy has to record for a rule to see anything.
TEST(BuiltinRulesTest, EveryRuleSaysWhichAuditLevelItNeeds) {
  std::map<std::string, std::string> levels;
  for (const BuiltinRuleFile& file : BuiltinRuleFiles()) {
    auto documents = YamlNode::ParseAll(file.text, file.name);
    ASSERT_TRUE(documents.ok()) << documents.status();
    for (const YamlNode& document : *documents) {
      if (document.Get("filter").present()) continue;
      levels[std::string(document.Get("name").text())] =
          document.Get("audit-level").text();
    }
  }
  // By itself: a filter may read more where there is more.
  RuleLoader loader({});
  for (const BuiltinRuleFile& file : BuiltinRuleFiles()) {
    if (file.name.ends_with("/filters.yaml")) continue;
    loader.Add(file.name, file.text);
  }
  LoadedRules loaded = std::move(loader).Finish();
  for (const Rule* rule : AllRules(loaded)) {
    EXPECT_THAT(levels[rule->name],
                AnyOf("Metadata", "Request", "RequestResponse"))
        << rule->name;
  }
  for (const Rule& rule : loaded.rules->rules()) {
    std::string text = rule.predicate.ToString();
    bool reads_response = text.find("responseObject") != std::string::npos;
    bool reads_request = text.find("requestObject") != std::string::npos ||
                         text.find("pod.") != std::string::npos ||
                         text.find("container.") != std::string::npos;
    if (reads_response) {
      EXPECT_EQ(levels[rule.name], "RequestResponse") << rule.name;
    } else if (levels[rule.name] == "Metadata") {
      EXPECT_FALSE(reads_request) << rule.name << ": " << text;
    }
  }
}

TEST(BuiltinRulesTest, EveryCasePasses) {
  LoadedRules loaded = LoadBuiltinRules();
  std::vector<RuleCase> cases = BuiltinRuleCases();
  for (const CaseResult& result :
       RunRuleCases(cases, loaded, DecoderForCases())) {
    EXPECT_TRUE(result.passed) << result.place.ToString() << ": " << result.rule
                               << ": " << result.reason;
  }
}

TEST(BuiltinRulesTest, EveryRuleHasACaseThatMatchesAndOneThatDoesNot) {
  LoadedRules loaded = LoadBuiltinRules();
  for (const UntestedRule& rule :
       FindUntestedRules(BuiltinRuleCases(), loaded)) {
    ADD_FAILURE() << rule.place.ToString() << ": " << rule.rule << " has no "
                  << (rule.lacks_match ? "matching case" : "")
                  << (rule.lacks_match && rule.lacks_no_match ? " and no " : "")
                  << (rule.lacks_no_match ? "case that does not match" : "");
  }
}

}  // namespace
}  // namespace oddverb
