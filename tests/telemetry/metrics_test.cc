#include "telemetry/metrics.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "telemetry/process_stats.h"
#include "tests/support/peer_program.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const BuildInfo kBuild = {"1.2.3", "abcdef", "7"};

// Makes one series of every metric of the table.
void TouchAll(Metrics& metrics) {
  for (const MetricName& row : AllMetrics()) {
    if (row.name.starts_with("process_")) continue;
    auto touch = [&](Metrics::LabelValues values) {
      switch (row.type) {
        case MetricType::kCounter:
          metrics.Counter(row.id, values).Add(1);
          break;
        case MetricType::kGauge:
          metrics.Gauge(row.id, values).Set(1);
          break;
        case MetricType::kHistogram:
          metrics.Histogram(row.id, values).Observe(0.01);
          break;
      }
    };
    switch (row.labels().size()) {
      case 0:
        touch({});
        break;
      case 1:
        touch({"a"});
        break;
      case 2:
        touch({"a", "b"});
        break;
      default:
        touch({"a", "b", "c"});
    }
  }
}

TEST(MetricsTest, EveryMetricHasItsHelpTypeAndASample) {
  Metrics metrics(kBuild);
  TouchAll(metrics);
  const std::string text = metrics.Serialize();
  for (const MetricName& row : AllMetrics()) {
    const std::string name(row.name);
    EXPECT_THAT(text,
                HasSubstr("# HELP " + name + " " + std::string(row.help) +
                          "\n# TYPE " + name + " " +
                          std::string(MetricTypeName(row.type)) + "\n" + name));
    for (std::string_view label : row.labels()) {
      EXPECT_TRUE(
          std::regex_search(text, std::regex("\n" + name + "(_bucket)?\\{.*" +
                                             std::string(label) + "=\"")))
          << name << " " << label;
    }
  }
}

TEST(MetricsTest, EveryLineIsInTheTextFormat) {
  Metrics metrics(kBuild);
  TouchAll(metrics);
  const std::regex sample(
      R"re([a-z_]+(\{([a-z_]+="[^"\n]*",?)+\})? -?[0-9.e+-]+)re");
  const std::regex comment("# (HELP|TYPE) [a-z_]+ .+");
  std::istringstream stream(metrics.Serialize());
  for (std::string line; std::getline(stream, line);) {
    EXPECT_TRUE(std::regex_match(line, line[0] == '#' ? comment : sample))
        << line;
  }
}

TEST(MetricsTest, PromtoolHasNothingToSay) {
  if (PeerProgram("promtool").empty()) GTEST_SKIP() << kNoPeer << "prometheus";
  Metrics metrics(kBuild);
  TouchAll(metrics);
  const ChildResult result =
      RunPeer("promtool", {"check", "metrics"}, metrics.Serialize());
  EXPECT_EQ(result.exit_code, 0) << result.output << result.errors;
}

TEST(MetricsTest, AddsUpPerSeries) {
  Metrics metrics(kBuild);
  const CounterHandle read =
      metrics.Counter(MetricId::kParseErrors, {"audit", "torn"});
  const CounterHandle same =
      metrics.Counter(MetricId::kParseErrors, {"audit", "torn"});
  const CounterHandle other =
      metrics.Counter(MetricId::kParseErrors, {"audit", "not_json"});
  read.Add(2);
  same.Add(1'000'000);
  other.Add(0.5);
  EXPECT_THAT(metrics.Serialize(),
              AllOf(HasSubstr("oddverb_parse_errors_total{"
                              "reason=\"torn\",source=\"audit\"} 1000002\n"),
                    HasSubstr("oddverb_parse_errors_total{"
                              "reason=\"not_json\",source=\"audit\"} 0.5\n")));
}

TEST(MetricsTest, CountersNeverFall) {
  Metrics metrics(kBuild);
  const CounterHandle counter = metrics.Counter(MetricId::kDuplicates);
  counter.Add(5);
  counter.Add(-3);
  counter.Add(std::nan(""));
  EXPECT_THAT(metrics.Serialize(), HasSubstr("\noddverb_duplicates_total 5\n"));
}

TEST(MetricsTest, ASeriesIsZeroFromItsHandleOn) {
  Metrics metrics(kBuild);
  EXPECT_THAT(metrics.Serialize(), Not(HasSubstr("oddverb_bytes_total")));
  metrics.Counter(MetricId::kBytes, {"audit"});
  EXPECT_THAT(metrics.Serialize(),
              HasSubstr("oddverb_bytes_total{source=\"audit\"} 0\n"));
}

TEST(MetricsTest, DefaultHandlesCountNothing) {
  CounterHandle().Add(1);
  GaugeHandle().Set(1);
  HistogramHandle().Observe(1);
}

TEST(MetricsTest, TellsWhatIsRunning) {
  EXPECT_THAT(Metrics(kBuild).Serialize(),
              HasSubstr("oddverb_build_info{revision=\"abcdef\","
                        "rules_version=\"7\",version=\"1.2.3\"} 1\n"));
}

TEST(MetricsTest, LabelValuesAreEscapedBoundedAndValidUtf8) {
  Metrics metrics(kBuild);
  metrics.Counter(MetricId::kBytes, {"a\"b\\c\nd\xff"}).Add(1);
  metrics.Counter(MetricId::kBytes, {std::string(10'000, 'x')}).Add(1);
  const std::string text = metrics.Serialize();
  EXPECT_THAT(text, HasSubstr("{source=\"a\\\"b\\\\c\\nd\uFFFD\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\"" + std::string(128, 'x') + "\""));
  EXPECT_EQ(ReplaceBadUtf8(text), text);
}

TEST(MetricsTest, TextDoesNotDependOnTheOrderOfMaking) {
  std::vector<std::string> names = {"zeta", "alpha", "mid", "kafka", "audit"};
  std::string texts[2];
  for (std::string& text : texts) {
    Metrics metrics(kBuild);
    for (const std::string& name : names) {
      metrics.Gauge(MetricId::kQueueDepth, {name}).Set(3);
      metrics.Counter(MetricId::kBytes, {name}).Add(3);
    }
    text = metrics.Serialize();
    text.resize(text.find("# HELP process_"));  // these change
    std::reverse(names.begin(), names.end());
  }
  EXPECT_EQ(texts[0], texts[1]);
  EXPECT_LT(texts[0].find("\"alpha\""), texts[0].find("\"zeta\""));
}

TEST(MetricsTest, ThreadsLoseNoAddition) {
  Metrics metrics(kBuild);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&metrics] {
      const CounterHandle counter =
          metrics.Counter(MetricId::kFindings, {"forbidden_burst", "high"});
      for (int j = 0; j < 10'000; ++j) counter.Add(1);
    });
  }
  for (int i = 0; i < 10; ++i) metrics.Serialize();
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(metrics.Serialize(), HasSubstr("severity=\"high\"} 40000\n"));
}

TEST(MetricsDeathTest, MisuseAbortsInsteadOfMiscounting) {
  Metrics metrics(kBuild);
  EXPECT_DEATH(metrics.Counter(MetricId::kBytes, {}), "number of label");
  EXPECT_DEATH(metrics.Counter(MetricId::kDuplicates, {"a"}),
               "number of label");
  EXPECT_DEATH(metrics.Gauge(MetricId::kDuplicates), "not of this type");
  EXPECT_DEATH(metrics.Gauge(MetricId::kProcessOpenFds), "not of this type");
}

TEST(ProcessStatsTest, TellsOfThisProcess) {
  const ProcessStats stats = ReadProcessStats();
  ASSERT_TRUE(stats.cpu_seconds && stats.resident_memory_bytes &&
              stats.open_fds && stats.start_time_seconds);
  EXPECT_GE(*stats.cpu_seconds, 0);
  EXPECT_GT(*stats.resident_memory_bytes, 1e6);
  EXPECT_GE(*stats.open_fds, 3);
  const double now = static_cast<double>(::time(nullptr));
  EXPECT_LE(*stats.start_time_seconds, now + 2);
  EXPECT_GT(*stats.start_time_seconds, now - 3600);
  std::ifstream one_more("/dev/null");
  EXPECT_EQ(*ReadProcessStats().open_fds, *stats.open_fds + 1);
}

TEST(ProcessStatsTest, LeavesOutWhatItCannotRead) {
  const ProcessStats stats = ReadProcessStats("/nonexistent");
  EXPECT_FALSE(stats.cpu_seconds || stats.resident_memory_bytes ||
               stats.open_fds || stats.start_time_seconds);
}

}  // namespace
}  // namespace oddverb
