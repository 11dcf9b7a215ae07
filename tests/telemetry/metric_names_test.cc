#include "telemetry/metric_names.h"

#include <regex>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(MetricNamesTest, EachIdFindsItsOwnRow) {
  ASSERT_EQ(AllMetrics().size(), static_cast<size_t>(MetricId::kCount));
  for (const MetricName& row : AllMetrics()) {
    EXPECT_EQ(&NameOf(row.id), &row);
  }
}

TEST(MetricNamesTest, NamesFollowTheRulesOfPrometheus) {
  const std::regex name_form("(oddverb|process)(_[a-z]+)+");
  std::set<std::string_view> names;
  for (const MetricName& row : AllMetrics()) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(std::regex_match(std::string(row.name), name_form));
    EXPECT_TRUE(names.insert(row.name).second) << "twice";
    EXPECT_EQ(row.name.ends_with("_total"), row.type == MetricType::kCounter);
    EXPECT_TRUE(row.help.ends_with("."));
    EXPECT_EQ(row.help.find_first_of("\n\\"), std::string_view::npos);
  }
}

TEST(MetricNamesTest, OwnMetricsAreSortedByName) {
  std::string_view last;
  for (const MetricName& row : AllMetrics()) {
    EXPECT_LT(last, row.name);
    last = row.name;
  }
}

// A label that takes values from a log would let an attacker fill the memory
// of this process and of Prometheus.
TEST(MetricNamesTest, LabelsAreOfTheClosedSetsOnly) {
  const std::set<std::string_view> known = {
      "code",     "detector",  "entry",         "exporter", "kind",   "level",
      "outcome",  "partition", "phase",         "place",    "queue",  "reason",
      "revision", "rule",      "rules_version", "severity", "source", "stage",
      "state",    "version",   "where",         "worker"};
  std::set<std::string_view> used;
  for (const MetricName& row : AllMetrics()) {
    used.insert(row.labels().begin(), row.labels().end());
  }
  EXPECT_EQ(used, known);
}

TEST(MetricNamesTest, EveryLabelIsExplained) {
  std::set<std::string_view> used, explained;
  for (const MetricName& row : AllMetrics()) {
    used.insert(row.labels().begin(), row.labels().end());
  }
  std::string_view last;
  for (const MetricLabel& label : AllMetricLabels()) {
    EXPECT_LT(last, label.name);
    last = label.name;
    EXPECT_FALSE(label.values.empty()) << label.name;
    explained.insert(label.name);
  }
  EXPECT_EQ(used, explained);
}

TEST(MetricNamesTest, HistogramsAndOnlyTheyHaveAscendingBuckets) {
  for (const MetricName& row : AllMetrics()) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(row.buckets.empty(), row.type != MetricType::kHistogram);
    double last = 0;
    for (double bound : row.buckets) {
      EXPECT_LT(last, bound);
      last = bound;
    }
  }
}

}  // namespace
}  // namespace oddverb
