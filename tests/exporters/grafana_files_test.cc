// The files of exporters/grafana, without a Grafana: what it needs to load
// them, and what a reader of a dashboard needs. The expressions are run against
// a real Prometheus in tests/e2e/prometheus_test.cc.
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/promql_text.h"
#include "tests/support/shipped_rules.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using Language = ShippedQuery::Language;

// Data-source variables by the name that panels use: "${datasource}".
std::map<std::string, std::string> DataSourceVariables(const json& dashboard) {
  std::map<std::string, std::string> types;
  for (const json& variable : dashboard["templating"]["list"]) {
    if (variable.value("type", "") != "datasource") continue;
    types["${" + variable.value("name", "") + "}"] =
        variable.value("query", "");
  }
  return types;
}

TEST(GrafanaDashboardsTest, HaveIdsOfTheirOwnAndAWidelyKnownSchema) {
  std::set<std::string> uids, titles;
  for (const Dashboard& dashboard : ShippedDashboards()) {
    SCOPED_TRACE(dashboard.file);
    EXPECT_EQ(dashboard.json["schemaVersion"], 39);
    EXPECT_EQ(
        dashboard.json.value("uid", ""),
        "oddverb-" + dashboard.file.substr(0, dashboard.file.rfind(".json")));
    EXPECT_TRUE(uids.insert(dashboard.json["uid"]).second);
    EXPECT_TRUE(titles.insert(dashboard.json["title"]).second);
    // The number is the database's of one Grafana.
    EXPECT_FALSE(dashboard.json.contains("id"));
    EXPECT_FALSE(dashboard.json.value("description", "").empty());
    std::set<int> ids;
    std::set<std::string> panel_titles;
    for (const json& panel : dashboard.json["panels"]) {
      EXPECT_TRUE(ids.insert(panel.value("id", 0)).second) << panel["title"];
      EXPECT_TRUE(panel_titles.insert(panel["title"]).second);
    }
    EXPECT_EQ(ids.count(0), 0u);
  }
  EXPECT_THAT(uids, IsSupersetOf({"oddverb-working", "oddverb-findings",
                                  "oddverb-who", "oddverb-cost"}));
}

TEST(GrafanaDashboardsTest, EveryPanelIsExplainedHasAUnitAndAVariableSource) {
  // Part of Grafana itself: no plugin has to be installed.
  const std::set<std::string> core = {"stat", "timeseries", "bargauge", "table",
                                      "logs"};
  const std::set<std::string> units = {
      "short", "s", "eps", "reqps", "Bps", "bytes", "percentunit", "string"};
  for (const Dashboard& dashboard : ShippedDashboards()) {
    const auto variables = DataSourceVariables(dashboard.json);
    for (const json& panel : PanelsOf(dashboard)) {
      SCOPED_TRACE(dashboard.file + ": " + panel.value("title", "?"));
      EXPECT_EQ(core.count(panel.value("type", "")), 1u) << panel["type"];
      EXPECT_THAT(panel.value("description", ""), ContainsRegex("[.]$"));
      const json& defaults = panel["fieldConfig"]["defaults"];
      EXPECT_EQ(units.count(defaults.value("unit", "")), 1u) << defaults;
      ASSERT_FALSE(panel["targets"].empty());
      std::set<std::string> refs;
      std::vector<json> sources = {panel["datasource"]};
      for (const json& target : panel["targets"]) {
        EXPECT_TRUE(refs.insert(target["refId"]).second);
        EXPECT_FALSE(target.value("expr", "").empty());
        sources.push_back(target["datasource"]);
      }
      for (const json& source : sources) {
        auto variable = variables.find(source.value("uid", ""));
        ASSERT_NE(variable, variables.end()) << source;
        EXPECT_EQ(source["type"], variable->second);
      }
    }
  }
}

TEST(GrafanaDashboardsTest, PanelsDoNotOverlap) {
  for (const Dashboard& dashboard : ShippedDashboards()) {
    std::map<std::pair<int, int>, std::string> taken;
    for (const json& panel : dashboard.json["panels"]) {
      const json& place = panel["gridPos"];
      const int x = place["x"], y = place["y"], w = place["w"], h = place["h"];
      EXPECT_LE(x + w, 24) << panel["title"];
      for (int i = x; i < x + w; ++i) {
        for (int j = y; j < y + h; ++j) {
          std::string& who = taken[{i, j}];
          ASSERT_EQ(who, "") << dashboard.file << ": " << panel["title"];
          who = panel["title"];
        }
      }
    }
  }
}

// A variable that is not defined is sent to the data source as it stands.
TEST(GrafanaDashboardsTest, EveryVariableIsDefined) {
  const std::regex use(R"(\$\{?(\w+))");
  for (const Dashboard& dashboard : ShippedDashboards()) {
    std::set<std::string> defined = {"__rate_interval", "__interval", "__range",
                                     "__all"};
    for (const json& variable : dashboard.json["templating"]["list"]) {
      defined.insert(variable["name"]);
    }
    const std::string text = dashboard.json.dump();
    for (std::sregex_iterator it(text.begin(), text.end(), use), end; it != end;
         ++it) {
      EXPECT_EQ(defined.count((*it)[1]), 1u)
          << dashboard.file << ": " << it->str();
    }
  }
}

TEST(GrafanaDashboardsTest, PromQlAsksOnlyForKnownMetricsOfTheChosenTargets) {
  for (const ShippedQuery& query : DashboardQueries()) {
    if (query.language != Language::kPromQl) continue;
    SCOPED_TRACE(query.where);
    std::vector<std::string> selectors = SelectorsIn(query.expression);
    EXPECT_FALSE(selectors.empty()) << query.expression;
    for (const std::string& selector : selectors) {
      EXPECT_TRUE(IsKnownMetric(MetricOf(selector))) << selector;
      bool is_variable = query.where.find(": variable ") != std::string::npos;
      if (is_variable || MetricOf(selector) == "ALERTS") continue;
      EXPECT_THAT(selector, HasSubstr("job=~\"$job\",instance=~\"$instance\""));
    }
  }
}

// Every metric of the health of a service is somewhere to be seen.
TEST(GrafanaDashboardsTest, EveryRecordedRuleIsShown) {
  std::set<std::string> shown;
  for (const ShippedQuery& query : DashboardQueries()) {
    for (const std::string& selector : SelectorsIn(query.expression)) {
      shown.insert(MetricOf(selector));
    }
  }
  for (const PrometheusRule& rule : ShippedRules()) {
    if (rule.record.empty()) continue;
    EXPECT_EQ(shown.count(rule.record), 1u) << rule.record;
  }
}

std::set<std::string> ShippedSourceUids() {
  std::set<std::string> uids;
  const json file = GrafanaYaml("provisioning/datasources/oddverb.yaml");
  for (const json& source : file.at("datasources")) {
    uids.insert(source.value("uid", "?"));
  }
  return uids;
}

TEST(GrafanaProvisioningTest, SourcesAreOneOfEachKindAndOddverbItself) {
  std::set<std::string> types;
  const json file = GrafanaYaml("provisioning/datasources/oddverb.yaml");
  EXPECT_EQ(file["apiVersion"], "1");
  for (const json& source : file["datasources"]) {
    SCOPED_TRACE(source.value("name", "?"));
    types.insert(source["type"]);
    EXPECT_EQ(source["access"], "proxy");
    EXPECT_THAT(source.value("url", ""), ContainsRegex("^http://localhost:"));
    if (source["type"] != "alertmanager") continue;
    // Grafana's own alerts are not sent there, and "prometheus" means API v2.
    EXPECT_EQ(source["jsonData"]["implementation"], "prometheus");
    EXPECT_EQ(source["jsonData"]["handleGrafanaManagedAlerts"], "false");
  }
  EXPECT_EQ(types,
            (std::set<std::string>{"alertmanager", "loki", "prometheus"}));
  EXPECT_EQ(ShippedSourceUids().size(), file["datasources"].size());
}

TEST(GrafanaProvisioningTest, DashboardsAreLoadedFromAFolder) {
  const json file = GrafanaYaml("provisioning/dashboards/oddverb.yaml");
  EXPECT_EQ(file["apiVersion"], "1");
  ASSERT_EQ(file["providers"].size(), 1u);
  EXPECT_EQ(file["providers"][0]["type"], "file");
  EXPECT_THAT(file["providers"][0]["options"].value("path", ""),
              ContainsRegex("^/.*dashboards"));
}

TEST(GrafanaAlertingTest, EveryRuleIsWholeAndSaysWhatToDo) {
  std::set<std::string> uids, titles;
  for (const json& rule : ShippedGrafanaAlerts()) {
    SCOPED_TRACE(rule.value("uid", "?"));
    EXPECT_TRUE(uids.insert(rule["uid"]).second);
    EXPECT_THAT(rule.value("uid", ""), ContainsRegex("^oddverb-[a-z-]{1,32}$"));
    EXPECT_TRUE(titles.insert(rule["title"]).second);
    EXPECT_THAT(rule.value("for", ""), ContainsRegex("^[0-9]+[ms]$"));
    EXPECT_THAT(rule.value("noDataState", ""),
                ContainsRegex("^(OK|Alerting)$"));
    EXPECT_EQ(rule["execErrState"], "Error");
    EXPECT_THAT(rule["labels"].value("severity", ""),
                ContainsRegex("^(critical|warning)$"));
    for (const char* key : {"summary", "description", "runbook"}) {
      EXPECT_GT(rule["annotations"].value(key, "").size(), 10u) << key;
    }
  }
}

TEST(GrafanaAlertingTest, ConditionsCompareWhatASourceOfOursAnswers) {
  const std::set<std::string> sources = ShippedSourceUids();
  for (const json& rule : ShippedGrafanaAlerts()) {
    SCOPED_TRACE(rule.value("uid", "?"));
    ASSERT_EQ(rule["data"].size(), 2u);
    const json& query = rule["data"][0];
    const json& threshold = rule["data"][1];
    EXPECT_EQ(sources.count(query["datasourceUid"]), 1u) << query;
    EXPECT_EQ(threshold["datasourceUid"], "__expr__");
    EXPECT_EQ(threshold["model"]["type"], "threshold");
    EXPECT_EQ(threshold["model"]["expression"], query["refId"]);
    EXPECT_EQ(rule["condition"], threshold["refId"]);
    for (const json& step : rule["data"]) {
      EXPECT_EQ(step["model"]["refId"], step["refId"]);
      EXPECT_EQ(step["relativeTimeRange"]["to"], "0");
    }
    EXPECT_THAT(
        threshold["model"]["conditions"][0]["evaluator"].value("type", ""),
        ContainsRegex("^(gt|lt)$"));
  }
}

// Grafana puts environment variables into the labels of provisioned rules.
TEST(GrafanaAlertingTest, HoldsNoDollarSign) {
  for (const json& rule : ShippedGrafanaAlerts()) {
    EXPECT_THAT(rule.dump(), Not(HasSubstr("$")));
  }
}

TEST(GrafanaAlertingTest, AsksOnlyForKnownMetrics) {
  for (const ShippedQuery& query : GrafanaAlertQueries()) {
    if (query.language != Language::kPromQl) continue;
    std::vector<std::string> selectors = SelectorsIn(query.expression);
    EXPECT_FALSE(selectors.empty()) << query.where;
    for (const std::string& selector : selectors) {
      EXPECT_TRUE(IsKnownMetric(MetricOf(selector)))
          << query.where << ": " << selector;
    }
  }
}

}  // namespace
}  // namespace oddverb
