#include "tests/support/shipped_rules.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <utility>

#include "gtest/gtest.h"
#include "telemetry/metric_names.h"
#include "tests/support/promql_text.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kExporters = ODDVERB_SOURCE_DIR "/exporters";

std::string TextOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file),
          std::istreambuf_iterator<char>()};
}

// Scalars become strings, whatever YAML takes them for.
json ToJson(const YamlNode& node) {
  json value;
  switch (node.kind()) {
    case YamlNode::Kind::kAbsent:
    case YamlNode::Kind::kNull:
      break;
    case YamlNode::Kind::kScalar:
      value = node.AsString().value_or("");
      break;
    case YamlNode::Kind::kSequence:
      value = json::array();
      for (const YamlNode& item : node.Items()) value.push_back(ToJson(item));
      break;
    case YamlNode::Kind::kMapping:
      value = json::object();
      for (const std::string& key : node.Keys()) {
        value[key] = ToJson(node.Get(key));
      }
      break;
  }
  return value;
}

json YamlAt(const fs::path& path) {
  absl::StatusOr<YamlNode> root = YamlNode::Parse(TextOf(path), path.string());
  EXPECT_TRUE(root.ok()) << root.status();
  return root.ok() ? ToJson(*root) : json();
}

std::map<std::string, std::string> Texts(const json& rule, const char* key) {
  return rule.value(key, std::map<std::string, std::string>());
}

// The language of a data source, {"type": ...} or null.
ShippedQuery::Language LanguageOf(const json& data_source) {
  return data_source.is_object() && data_source.value("type", "") == "loki"
             ? ShippedQuery::Language::kLogQl
             : ShippedQuery::Language::kPromQl;
}

// "{{detector}} {{severity}}": detector, severity.
std::vector<std::string> LabelsIn(const std::string& legend) {
  static const std::regex kLabel(R"(\{\{(\w+)\}\})");
  std::vector<std::string> labels;
  for (std::sregex_iterator it(legend.begin(), legend.end(), kLabel), end;
       it != end; ++it) {
    labels.push_back((*it)[1]);
  }
  return labels;
}

void AddPanelQueries(const Dashboard& dashboard,
                     std::vector<ShippedQuery>& out) {
  for (const json& panel : PanelsOf(dashboard)) {
    for (const json& target : panel.value("targets", json::array())) {
      out.push_back({dashboard.file + ": " + panel.value("title", "?"),
                     LanguageOf(panel["datasource"]), target.value("expr", ""),
                     LabelsIn(target.value("legendFormat", ""))});
    }
  }
}

void AddOtherQueries(const Dashboard& dashboard,
                     std::vector<ShippedQuery>& out) {
  for (const json& note : dashboard.json["annotations"]["list"]) {
    if (!note.contains("expr")) continue;  // Grafana's own
    out.push_back({dashboard.file + ": annotation " + note.value("name", "?"),
                   LanguageOf(note["datasource"]), note.value("expr", ""),
                   LabelsIn(note.value("titleFormat", ""))});
  }
  for (const json& variable : dashboard.json["templating"]["list"]) {
    if (variable.value("type", "") != "query") continue;
    // label_values(SELECTOR, LABEL)
    for (const std::string& selector :
         SelectorsIn(variable.value("definition", ""))) {
      out.push_back(
          {dashboard.file + ": variable " + variable.value("name", "?"),
           ShippedQuery::Language::kPromQl,
           selector,
           {}});
    }
  }
}

}  // namespace

std::string ShippedRulesPath() {
  return (kExporters / "prometheus/rules.yaml").string();
}

std::vector<PrometheusRule> ShippedRules() {
  std::vector<PrometheusRule> rules;
  const json file = YamlAt(ShippedRulesPath());
  for (const json& group : file.at("groups")) {
    for (const json& rule : group["rules"]) {
      rules.push_back({group.value("name", ""), rule.value("record", ""),
                       rule.value("alert", ""), rule.value("expr", ""),
                       Texts(rule, "labels"), Texts(rule, "annotations")});
    }
  }
  EXPECT_FALSE(rules.empty());
  return rules;
}

bool IsKnownMetric(std::string_view metric) {
  if (metric == "up" || metric == "ALERTS") return true;
  for (const PrometheusRule& rule : ShippedRules()) {
    if (metric == rule.record) return true;
  }
  for (const MetricName& row : AllMetrics()) {
    if (!metric.starts_with(row.name)) continue;
    std::string_view rest = metric.substr(row.name.size());
    if (row.type != MetricType::kHistogram && rest.empty()) return true;
    if (row.type == MetricType::kHistogram &&
        (rest == "_bucket" || rest == "_sum" || rest == "_count")) {
      return true;
    }
  }
  return false;
}

std::vector<Dashboard> ShippedDashboards() {
  std::vector<Dashboard> dashboards;
  for (const auto& entry :
       fs::directory_iterator(kExporters / "grafana/dashboards")) {
    json parsed = json::parse(TextOf(entry.path()), /*cb=*/nullptr,
                              /*allow_exceptions=*/false);
    EXPECT_TRUE(parsed.is_object()) << entry.path();
    dashboards.push_back({entry.path().filename().string(), std::move(parsed)});
  }
  EXPECT_FALSE(dashboards.empty());
  std::sort(
      dashboards.begin(), dashboards.end(),
      [](const Dashboard& a, const Dashboard& b) { return a.file < b.file; });
  return dashboards;
}

std::vector<json> PanelsOf(const Dashboard& dashboard) {
  std::vector<json> panels;
  for (const json& panel : dashboard.json["panels"]) {
    if (panel.value("type", "") != "row") panels.push_back(panel);
    for (const json& inner : panel.value("panels", json::array())) {
      panels.push_back(inner);
    }
  }
  return panels;
}

std::vector<ShippedQuery> DashboardQueries() {
  std::vector<ShippedQuery> queries;
  for (const Dashboard& dashboard : ShippedDashboards()) {
    AddPanelQueries(dashboard, queries);
    AddOtherQueries(dashboard, queries);
  }
  return queries;
}

json GrafanaYaml(std::string_view path) {
  return YamlAt(kExporters / "grafana" / path);
}

std::vector<json> ShippedGrafanaAlerts() {
  std::vector<json> alerts;
  const json file = GrafanaYaml("provisioning/alerting/oddverb.yaml");
  for (const json& group : file.at("groups")) {
    for (const json& rule : group["rules"]) alerts.push_back(rule);
  }
  EXPECT_FALSE(alerts.empty());
  return alerts;
}

std::vector<ShippedQuery> GrafanaAlertQueries() {
  std::vector<ShippedQuery> queries;
  for (const json& alert : ShippedGrafanaAlerts()) {
    for (const json& step : alert["data"]) {
      if (!step["model"].contains("expr")) continue;  // Grafana's arithmetic
      queries.push_back({"Grafana alert " + alert.value("title", "?"),
                         step.value("datasourceUid", "") == "oddverb-loki"
                             ? ShippedQuery::Language::kLogQl
                             : ShippedQuery::Language::kPromQl,
                         step["model"].value("expr", ""),
                         {}});
    }
  }
  return queries;
}

}  // namespace oddverb
