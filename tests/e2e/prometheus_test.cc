// A real Prometheus scrapes a real `oddverb run` that judges the bundled log,
// and is asked every expression of the shipped rules, dashboards and alerts.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "telemetry/metric_names.h"
#include "tests/e2e/run_oddverb.h"
#include "tests/e2e/running_service.h"
#include "tests/support/demo_log.h"
#include "tests/support/input_files.h"
#include "tests/support/peer_program.h"
#include "tests/support/prometheus_process.h"
#include "tests/support/promql_text.h"
#include "tests/support/rotating_log.h"
#include "tests/support/shipped_rules.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Rows of the table that a service does not fill.
const std::set<std::string_view> kNotOfAService = {
    // `oddverb forward`
    "oddverb_forwarded_events_total",
    // A topic
    "oddverb_kafka_brokers_up", "oddverb_kafka_lag_messages",
    "oddverb_kafka_lost_partitions_total",
    "oddverb_kafka_missing_messages_total", "oddverb_kafka_partitions",
    "oddverb_kafka_queued_bytes", "oddverb_kafka_rebalances_total",
    "oddverb_kafka_round_trip_seconds", "oddverb_kafka_throttle_seconds",
    // A webhook
    "oddverb_refused_requests_total",
    // `oddverb scan`
    "oddverb_worker_detect_seconds_total", "oddverb_worker_events_total"};

// A service with a log of its own, which is written while it runs.
class PrometheusTest : public ::testing::Test {
 protected:
  PrometheusTest() : log_(MakeLogFolder()) {
    const std::string rules = folder_.Write(
        "rules.yml",
        "title: Refused\nlogsource: {product: kubernetes}\n"
        "detection:\n  sel: {responseStatus.code: 403}\n  condition: sel\n");
    std::string config = folder_.Write(
        "config.yaml",
        absl::StrCat(
            "cluster: lab\nstate_dir: ", folder_.path("state"),
            "\nsources:\n  - {name: audit, type: tail, path: ", log_.path(),
            ", poll_interval: 100ms}\n"
            "listeners:\n  - {name: local, address: \"127.0.0.1:0\", "
            "serve: [metrics, health]}\n"
            "outputs:\n  - {name: file, type: ndjson, path: ",
            folder_.path("findings.ndjson"), "}\nrules: {paths: ", rules,
            "}\n"));
    service_ = std::make_unique<ChildProcess>(
        OddverbSetup({"run", "--config", config}));
    port_ = PortOf(*service_);
    EXPECT_FALSE(port_.empty()) << service_->errors();
    lines_ = DemoLogLinesUntil(absl::Now());
  }
  ~PrometheusTest() override {
    service_->Signal(SIGTERM);
    service_->Wait();
  }

  std::string MakeLogFolder() {
    std::filesystem::create_directory(folder_.path("log"));
    return folder_.path("log");
  }

  // Appends the next tenth of the log, so that counters go on between scrapes.
  void Continue() {
    const size_t end = std::min(lines_.size(), written_ + lines_.size() / 10);
    for (; written_ < end; ++written_) log_.Append(lines_[written_] + "\n");
    // So that something was refused, too.
    Get(port_, "/nonexistent");
  }
  void WriteAll() {
    while (written_ < lines_.size()) Continue();
  }

  std::unique_ptr<PrometheusProcess> StartPrometheus() {
    PrometheusProcess::Setup setup;
    setup.job = "oddverb";
    setup.target = "127.0.0.1:" + port_;
    setup.rule_files = {ShippedRulesPath()};
    auto prometheus = std::make_unique<PrometheusProcess>(setup);
    return prometheus->is_running() ? std::move(prometheus) : nullptr;
  }

  // The page once everything was judged.
  std::string FinalPage() {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    const std::string all =
        absl::StrCat("oddverb_event_lag_seconds_count ", lines_.size(), "\n");
    std::string page;
    do {
      page = Get(port_, "/metrics");
    } while (page.find(all) == std::string::npos && absl::Now() < deadline);
    EXPECT_THAT(page, HasSubstr(all));
    return page;
  }

  TempFolder folder_;
  RotatingLog log_;
  std::vector<std::string> lines_;
  size_t written_ = 0;
  std::unique_ptr<ChildProcess> service_;
  std::string port_;
};

TEST_F(PrometheusTest, PromtoolHasNothingToSayAboutTheLivePage) {
  if (PeerProgram("promtool").empty()) GTEST_SKIP() << kNoPeer << "prometheus";
  WriteAll();
  const ChildResult result =
      RunPeer("promtool", {"check", "metrics"}, FinalPage());
  EXPECT_EQ(result.exit_code, 0) << result.output << result.errors;
}

TEST_F(PrometheusTest, TheLivePageHasEveryMetricOfTheTable) {
  WriteAll();
  const std::string page = FinalPage();
  for (const MetricName& row : AllMetrics()) {
    const std::string type =
        absl::StrCat("# TYPE ", std::string(row.name), " ");
    const bool expected = kNotOfAService.count(row.name) == 0;
    EXPECT_EQ(page.find(type) != std::string::npos, expected) << row.name;
  }
}

struct Question {
  std::string where;
  std::string expression;
  std::vector<std::string> labels = {};  // that the answer must have
};

// Those that must find something: what is recorded and shown as it is, of
// alerts what they compare.
std::vector<Question> Questions() {
  std::vector<Question> questions;
  auto add = [&](const std::string& where, const std::string& expression,
                 const std::vector<std::string>& labels = {}) {
    questions.push_back({where, WithoutVariables(expression), labels});
  };
  auto add_selectors = [&](const std::string& where,
                           const std::string& expression) {
    for (const std::string& selector : SelectorsIn(expression)) {
      add(where, selector);
    }
  };
  for (const PrometheusRule& rule : ShippedRules()) {
    if (rule.alert.empty()) add("rule " + rule.record, rule.expression);
    if (rule.alert.empty()) add("record of the rule", rule.record);
    add_selectors("alert " + rule.alert, rule.expression);
  }
  for (const ShippedQuery& query : DashboardQueries()) {
    if (query.language != ShippedQuery::Language::kPromQl) continue;
    add(query.where, query.expression, query.labels);
  }
  for (const ShippedQuery& query : GrafanaAlertQueries()) {
    if (query.language != ShippedQuery::Language::kPromQl) continue;
    add_selectors(query.where, query.expression);
  }
  return questions;
}

// What alerts ask as a whole: mostly nothing, but never an error.
std::vector<Question> AlertQuestions() {
  std::vector<Question> questions;
  for (const PrometheusRule& rule : ShippedRules()) {
    questions.push_back({"alert " + rule.alert, rule.expression});
  }
  for (const ShippedQuery& query : GrafanaAlertQueries()) {
    if (query.language != ShippedQuery::Language::kPromQl) continue;
    questions.push_back({query.where, query.expression});
  }
  return questions;
}

// NaN (nothing to divide by) is no answer, and a legend without its labels
// tells nothing.
bool IsAnswered(const json& samples, const std::vector<std::string>& labels) {
  return std::any_of(samples.begin(), samples.end(), [&](const json& sample) {
    return sample["value"].at(1) != "NaN" &&
           std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
             return sample["metric"].contains(label);
           });
  });
}

TEST_F(PrometheusTest, EveryExpressionOfRulesDashboardsAndAlertsFindsData) {
  if (PeerProgram("prometheus").empty()) {
    GTEST_SKIP() << kNoPeer << "prometheus";
  }
  auto prometheus = StartPrometheus();
  ASSERT_NE(prometheus, nullptr);
  std::vector<Question> open = Questions();
  EXPECT_GT(open.size(), 80u);
  for (const Question& question : open) {
    EXPECT_EQ(question.expression.find('$'), std::string::npos)
        << question.where << ": " << question.expression;
  }
  // Rates need two scrapes, a second apart.
  const absl::Time deadline = absl::Now() + absl::Seconds(90);
  while (!open.empty() && absl::Now() < deadline) {
    Continue();
    std::erase_if(open, [&](const Question& question) {
      auto answer = prometheus->Query(question.expression);
      EXPECT_TRUE(answer.ok())
          << question.where << ": " << question.expression << "\n"
          << answer.status();
      return !answer.ok() || IsAnswered(*answer, question.labels);
    });
    absl::SleepFor(absl::Milliseconds(500));
  }
  for (const Question& question : open) {
    ADD_FAILURE() << "no data for " << question.where << ": "
                  << question.expression;
  }
  for (const Question& question : AlertQuestions()) {
    auto answer = prometheus->Query(question.expression);
    EXPECT_TRUE(answer.ok())
        << question.where << ": " << question.expression << "\n"
        << answer.status();
  }
}

// The alerts that Prometheus has, by name and state.
std::vector<json> AlertsOf(PrometheusProcess& prometheus,
                           const std::string& name) {
  std::vector<json> found;
  absl::StatusOr<json> data = prometheus.Get("alerts");
  EXPECT_TRUE(data.ok()) << data.status();
  if (!data.ok()) return found;
  for (const json& alert : (*data)["alerts"]) {
    if (alert["labels"]["alertname"] == name) found.push_back(alert);
  }
  return found;
}

TEST_F(PrometheusTest, ACriticalFindingFiresItsAlertAndAHealthyServiceNoOther) {
  if (PeerProgram("prometheus").empty()) {
    GTEST_SKIP() << kNoPeer << "prometheus";
  }
  auto prometheus = StartPrometheus();
  ASSERT_NE(prometheus, nullptr);
  const std::string critical = "OddverbFindingCritical";
  const absl::Time deadline = absl::Now() + absl::Seconds(90);
  std::vector<json> alerts;
  while (alerts.empty() && absl::Now() < deadline) {
    Continue();
    absl::SleepFor(absl::Milliseconds(500));
    alerts = AlertsOf(*prometheus, critical);
    // There is one for each detector that found something.
    std::erase_if(alerts, [](const json& alert) {
      return alert["labels"].value("detector", "") != "stolen_credential";
    });
  }
  ASSERT_THAT(alerts, Not(IsEmpty())) << prometheus->log();
  EXPECT_EQ(alerts[0]["state"], "firing");
  EXPECT_EQ(alerts[0]["labels"]["severity"], "critical");
  EXPECT_EQ(alerts[0]["annotations"]["summary"],
            "stolen_credential found something critical in the audit log");
  // Rules with their health and last error.
  absl::StatusOr<json> rules = prometheus->Get("rules");
  ASSERT_TRUE(rules.ok()) << rules.status();
  size_t seen = 0;
  for (const json& group : (*rules)["groups"]) {
    for (const json& rule : group["rules"]) {
      ++seen;
      EXPECT_EQ(rule.value("lastError", ""), "") << rule["name"];
      EXPECT_THAT(rule.value("health", ""), Not("err")) << rule["name"];
      if (rule["type"] != "alerting" || rule["name"] == critical) continue;
      EXPECT_NE(rule["state"], "firing") << rule["name"];
    }
  }
  EXPECT_EQ(seen, ShippedRules().size());
}

}  // namespace
}  // namespace oddverb
