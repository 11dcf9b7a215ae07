#include "app/list_text.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "detectors/detectors.h"
#include "exporters/exporters.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "telemetry/metric_names.h"
#include "tests/support/child_process.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

struct ListCase {
  std::string what;
  std::string (*print)(ListFormat);
  std::vector<std::string> names;
};

template <class Rows>
std::vector<std::string> NamesOf(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return names;
}

std::vector<ListCase> Lists() {
  return {{"detectors", &DetectorsText, NamesOf(AllDetectors())},
          {"metrics", &MetricsText, NamesOf(AllMetrics())},
          {"outputs", &OutputsText, NamesOf(AllExporters())}};
}

TEST(ListTextTest, EveryFormatNamesEveryRowInOrder) {
  for (const ListCase& list : Lists()) {
    SCOPED_TRACE(list.what);
    const nlohmann::json parsed =
        nlohmann::json::parse(list.print(ListFormat::kJson), /*cb=*/nullptr,
                              /*allow_exceptions=*/false);
    ASSERT_TRUE(parsed.is_array());
    EXPECT_EQ(parsed.size(), list.names.size());
    const std::string text = "\n" + list.print(ListFormat::kText);
    const std::string markdown = list.print(ListFormat::kMarkdown);
    size_t in_text = 0, in_markdown = 0;
    for (size_t i = 0; i < list.names.size(); ++i) {
      EXPECT_EQ(parsed.at(i).at("name"), list.names[i]);
      in_text = text.find("\n" + list.names[i], in_text);
      in_markdown = markdown.find("\n| `" + list.names[i] + "` |", in_markdown);
      ASSERT_NE(in_text, std::string::npos) << list.names[i];
      ASSERT_NE(in_markdown, std::string::npos) << list.names[i];
    }
  }
}

TEST(ListTextTest, TextFitsATerminal) {
  for (const ListCase& list : Lists()) {
    for (const std::string& line : LinesOf(list.print(ListFormat::kText))) {
      EXPECT_LE(line.size(), 80u) << line;
    }
  }
}

TEST(ListTextTest, EveryRowOfAMarkdownTableHasTheSameColumns) {
  for (const ListCase& list : Lists()) {
    std::ptrdiff_t columns = 0;
    for (const std::string& line : LinesOf(list.print(ListFormat::kMarkdown))) {
      std::ptrdiff_t bars = std::count(line.begin(), line.end(), '|');
      if (bars == 0 || columns == 0) {
        columns = bars;  // another table may begin
      } else {
        EXPECT_EQ(bars, columns) << line;
      }
    }
  }
}

TEST(ListTextTest, MetricsComeWithTypeLabelsAndMeaning) {
  const nlohmann::json parsed =
      nlohmann::json::parse(MetricsText(ListFormat::kJson), /*cb=*/nullptr,
                            /*allow_exceptions=*/false);
  for (size_t i = 0; i < AllMetrics().size(); ++i) {
    const MetricName& metric = AllMetrics()[i];
    EXPECT_EQ(parsed.at(i).at("type"), MetricTypeName(metric.type));
    EXPECT_EQ(parsed.at(i).at("meaning"), metric.help);
    const std::vector<std::string> labels = parsed.at(i).at("labels");
    EXPECT_THAT(labels, ::testing::ElementsAreArray(metric.labels().begin(),
                                                    metric.labels().end()));
  }
  const std::string page = MetricsText(ListFormat::kMarkdown);
  for (const MetricLabel& label : AllMetricLabels()) {
    EXPECT_THAT(page, HasSubstr("| `" + std::string(label.name) + "` | " +
                                std::string(label.values) + " |\n"));
  }
}

}  // namespace
}  // namespace oddverb
