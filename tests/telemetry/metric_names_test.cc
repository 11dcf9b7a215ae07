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
      "detector", "exporter", "kind",     "level",         "outcome",
      "queue",    "reason",   "revision", "rules_version", "severity",
      "source",   "stage",    "version",  "where",         "worker"};
  for (const MetricName& row : AllMetrics()) {
    for (std::string_view label : row.labels()) {
      EXPECT_EQ(known.count(label), 1u) << row.name << " " << label;
    }
  }
}

}  // namespace
}  // namespace oddverb
