// The Prometheus rules and the Grafana files that are shipped, as values.
// A file that is missing or not as expected fails the test that asks.
#ifndef ODDVERB_TESTS_SUPPORT_SHIPPED_RULES_H_
#define ODDVERB_TESTS_SUPPORT_SHIPPED_RULES_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"

namespace oddverb {

std::string ShippedRulesPath();

struct PrometheusRule {
  std::string group;
  std::string record;  // or
  std::string alert;
  std::string expression;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
};
std::vector<PrometheusRule> ShippedRules();

// Whether the table of metrics has it, one of our rules records it, or it is
// Prometheus's own.
bool IsKnownMetric(std::string_view metric);

struct Dashboard {
  std::string file;  // its name
  nlohmann::json json;
};
std::vector<Dashboard> ShippedDashboards();
// All that show something: rows are not panels.
std::vector<nlohmann::json> PanelsOf(const Dashboard& dashboard);

// An expression and who asks it, for messages: "cost.json: CPU".
struct ShippedQuery {
  enum class Language { kPromQl, kLogQl };
  std::string where;
  Language language = Language::kPromQl;
  std::string expression;
  // The labels that its legend shows.
  std::vector<std::string> labels = {};
};
// Of panels, annotations and variables.
std::vector<ShippedQuery> DashboardQueries();

// Rules of provisioning/alerting, as JSON of the same shape.
std::vector<nlohmann::json> ShippedGrafanaAlerts();
std::vector<ShippedQuery> GrafanaAlertQueries();
// A YAML file below exporters/grafana/.
nlohmann::json GrafanaYaml(std::string_view path);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_SHIPPED_RULES_H_
