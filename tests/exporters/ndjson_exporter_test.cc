#include "exporters/ndjson_exporter.h"

#include <algorithm>
#include <random>
#include <sstream>
#include <vector>

#include "exporters/finding_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/captured_output.h"
#include "tests/support/json_schema.h"
#include "tests/support/random_finding.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(NdjsonExporterTest, WritesEachFindingAsOneLineInTheOrderGiven) {
  std::mt19937_64 random(7);
  std::vector<Finding> findings;
  for (int i = 0; i < 200; ++i) findings.push_back(RandomFinding(random));
  CapturedOutput output;
  NdjsonExporter exporter(output.MakeFile());
  const std::span<const Finding> all(findings);
  ASSERT_THAT(exporter.Export(all.first(50), absl::InfiniteFuture()), IsOk());
  ASSERT_THAT(exporter.Export(all.first(0), absl::InfiniteFuture()), IsOk());
  ASSERT_THAT(exporter.Export(all.subspan(50), absl::InfiniteFuture()), IsOk());
  // Seen before the end: a pipe reader must not wait for it.
  const std::string text = output.Text();
  ASSERT_THAT(exporter.Finish(), IsOk());
  EXPECT_EQ(output.Text(), text);

  EXPECT_EQ(text.back(), '\n');
  const std::vector<std::string> lines = Lines(text);
  ASSERT_EQ(lines.size(), findings.size());
  const auto schema = nlohmann::json::parse(FindingSchemaJson());
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto parsed = nlohmann::json::parse(lines[i]);
    ASSERT_EQ(SchemaMismatch(schema, parsed), "");
    ASSERT_EQ(parsed["id"], findings[i].id.ToHex());
  }
}

TEST(NdjsonExporterTest, HandsOnTheErrorOfTheFile) {
  auto full = OutputFile::Open("/dev/full", OutputFile::Mode::kReplace);
  ASSERT_THAT(full, IsOk());
  NdjsonExporter exporter(*std::move(full));
  const Finding finding;
  EXPECT_THAT(exporter.Export({&finding, 1}, absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       ::testing::HasSubstr("/dev/full")));
}

TEST(ExportersTest, TableIsSortedAndEachRowMakesAnExporterThatWorks) {
  const auto entries = AllExporters();
  EXPECT_TRUE(std::is_sorted(
      entries.begin(), entries.end(),
      [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const ExporterEntry& entry : entries) {
    SCOPED_TRACE(entry.name);
    EXPECT_FALSE(entry.summary.empty());
    CapturedOutput output;
    auto exporter = entry.make({output.MakeFile(), Terminal{}});
    ASSERT_THAT(exporter, IsOk());
    Finding finding;
    finding.rule = "forbidden.fanout";
    ASSERT_THAT((*exporter)->Export({&finding, 1}, absl::InfiniteFuture()),
                IsOk());
    ASSERT_THAT((*exporter)->Finish(), IsOk());
    EXPECT_THAT(output.Text(), ::testing::HasSubstr("forbidden.fanout"));
  }
}

}  // namespace
}  // namespace oddverb
