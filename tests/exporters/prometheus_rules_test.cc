// The rules of exporters/prometheus, by promtool, and what no promtool checks.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/peer_program.h"
#include "tests/support/promql_text.h"
#include "tests/support/shipped_rules.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::MatchesRegex;

// One file an alert; promtool runs them.
std::vector<std::string> RuleTests() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(
           ODDVERB_SOURCE_DIR "/tests/exporters/prometheus")) {
    files.push_back(entry.path().string());
  }
  return files;
}

void ExpectAccepted(std::vector<std::string> arguments) {
  ChildResult result = RunPeer("promtool", std::move(arguments));
  EXPECT_EQ(result.exit_code, 0) << result.output << result.errors;
}

TEST(PrometheusRulesTest, PromtoolAcceptsRulesAndExampleConfiguration) {
  if (PeerProgram("promtool").empty()) GTEST_SKIP() << kNoPeer << "prometheus";
  ExpectAccepted(
      {"check", "rules", "--lint=all", "--lint-fatal", ShippedRulesPath()});
  ExpectAccepted({"check", "config",
                  ODDVERB_SOURCE_DIR "/exporters/prometheus/prometheus.yaml"});
}

TEST(PrometheusRulesTest, EachRuleFiresWhenItShould) {
  if (PeerProgram("promtool").empty()) GTEST_SKIP() << kNoPeer << "prometheus";
  for (const std::string& file : RuleTests()) {
    SCOPED_TRACE(file);
    ExpectAccepted({"test", "rules", file});
  }
}

// What the tests above test is in their files: each alert is expected to be
// there in one case at least, and not to be there in another.
TEST(PrometheusRulesTest, EveryAlertIsTestedToFireAndNotTo) {
  std::set<std::string> firing, silent, alerts;
  for (const std::string& file : RuleTests()) {
    std::ifstream text(file);
    absl::StatusOr<YamlNode> root = YamlNode::Parse(
        std::string(std::istreambuf_iterator<char>(text), {}), file);
    ASSERT_TRUE(root.ok()) << root.status();
    for (const YamlNode& test : root->Get("tests").Items()) {
      for (const YamlNode& query : test.Get("promql_expr_test").Items()) {
        std::string expr = query.Get("expr").AsString().value_or("");
        size_t name = expr.find("alertname=\"");
        if (name == std::string::npos) continue;
        name += std::string_view("alertname=\"").size();
        (query.Get("exp_samples").Items().empty() ? silent : firing)
            .insert(expr.substr(name, expr.find('"', name) - name));
      }
    }
  }
  for (const PrometheusRule& rule : ShippedRules()) {
    if (!rule.alert.empty()) alerts.insert(rule.alert);
  }
  EXPECT_EQ(firing, alerts);
  EXPECT_EQ(silent, alerts);
}

TEST(PrometheusRulesTest, EveryAlertSaysHowBadItIsAndWhatToDo) {
  std::set<std::string> names;
  for (const PrometheusRule& rule : ShippedRules()) {
    if (rule.alert.empty()) continue;
    SCOPED_TRACE(rule.alert);
    names.insert(rule.alert);
    EXPECT_THAT(rule.alert, MatchesRegex("Oddverb[A-Z][A-Za-z]+"));
    EXPECT_THAT(rule.labels.at("severity"), AnyOf("critical", "warning"));
    for (const char* key : {"summary", "description", "runbook"}) {
      ASSERT_EQ(rule.annotations.count(key), 1u) << key;
      EXPECT_GT(rule.annotations.at(key).size(), 20u) << key;
    }
    // A headline on a phone.
    EXPECT_LE(rule.annotations.at("summary").size(), 120u);
    EXPECT_THAT(rule.annotations.at("description"), ContainsRegex("[.]$"));
    EXPECT_THAT(rule.annotations.at("runbook"), ContainsRegex("[.]$"));
  }
  EXPECT_THAT(
      names,
      IsSupersetOf(
          {"OddverbFindingCritical", "OddverbNoEvents", "OddverbEventsDropped",
           "OddverbLagHigh", "OddverbExporterFailing", "OddverbBlindDetector",
           "OddverbDown", "OddverbConfigReloadFailed", "OddverbRulesRefused"}));
}

TEST(PrometheusRulesTest, TheGuideNamesEveryAlert) {
  std::ifstream file(ODDVERB_SOURCE_DIR "/docs/grafana.md");
  const std::string guide(std::istreambuf_iterator<char>(file), {});
  for (const PrometheusRule& rule : ShippedRules()) {
    if (rule.alert.empty()) continue;
    EXPECT_THAT(guide, HasSubstr("| `" + rule.alert + "` |"));
  }
}

TEST(PrometheusRulesTest, OnlyKnownMetricsAreAskedFor) {
  for (const PrometheusRule& rule : ShippedRules()) {
    std::vector<std::string> selectors = SelectorsIn(rule.expression);
    EXPECT_FALSE(selectors.empty()) << rule.expression;
    for (const std::string& selector : selectors) {
      EXPECT_TRUE(IsKnownMetric(MetricOf(selector)))
          << rule.alert << rule.record << ": " << selector;
    }
  }
}

}  // namespace
}  // namespace oddverb
