// From bytes of real logs to bytes of findings. A change that is wanted goes
// through tools/update_golden, and its difference is read like code.
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/run_oddverb.h"
#include "tests/support/json_schema.h"

namespace oddverb {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

struct GoldenCase {
  std::string name;
  std::vector<std::string> arguments;
};

std::vector<GoldenCase> GoldenCases() {
  std::vector<GoldenCase> cases;
  for (const std::string& line : LinesOf(FileText(Sample("cases.txt")))) {
    if (line.empty() || line[0] == '#') continue;
    GoldenCase golden{line.substr(0, line.find(':')), {}};
    std::string word;
    for (char c : line.substr(golden.name.size() + 1) + " ") {
      if (c != ' ') {
        word += c;
      } else if (!word.empty()) {
        golden.arguments.push_back(std::move(word));
        word.clear();
      }
    }
    cases.push_back(std::move(golden));
  }
  return cases;
}

std::string FindingsOf(const GoldenCase& golden, const std::string& threads) {
  ChildSetup setup = OddverbSetup({"scan", "--format", "ndjson", "--threads",
                                   threads, "--log-level", "error", "-q"});
  setup.arguments.insert(setup.arguments.end(), golden.arguments.begin(),
                         golden.arguments.end());
  setup.folder = Sample("");
  ChildResult result = RunChild(setup);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return result.output;
}

TEST(GoldenTest, FindingsAreTheExpectedBytesForAnyNumberOfThreads) {
  ASSERT_FALSE(GoldenCases().empty());
  for (const GoldenCase& golden : GoldenCases()) {
    const std::string expected = FileText(Sample(golden.name + ".ndjson"));
    for (const char* threads : {"1", "4"}) {
      const std::string got = FindingsOf(golden, threads);
      // Not EXPECT_EQ: nobody can read the two texts.
      EXPECT_TRUE(got == expected)
          << golden.name << " with " << threads
          << " threads: " << LinesOf(got).size() << " findings, expected "
          << LinesOf(expected).size()
          << "; if this change is wanted: tools/update_golden, then read its "
             "difference";
    }
  }
}

TEST(GoldenTest, EveryFindingFitsTheSchemaThatTheProgramPrints) {
  const ChildResult printed = Oddverb({"schema", "finding"});
  ASSERT_EQ(printed.exit_code, 0);
  const nlohmann::json schema = nlohmann::json::parse(
      printed.output, /*cb=*/nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(schema.is_object());
  size_t checked = 0;
  for (const GoldenCase& golden : GoldenCases()) {
    for (const nlohmann::json& finding : FindingsIn(FindingsOf(golden, "1"))) {
      EXPECT_EQ(SchemaMismatch(schema, finding), "") << finding;
      ++checked;
    }
  }
  EXPECT_GT(checked, 10u);
}

TEST(GoldenTest, FindingsOfAFileAreSortedByTimeThenIdAndComeOnce) {
  for (const GoldenCase& golden : GoldenCases()) {
    std::set<std::string> ids;
    std::pair<std::string, std::string> previous;
    for (const nlohmann::json& finding : FindingsIn(FindingsOf(golden, "4"))) {
      std::pair<std::string, std::string> key{finding.value("time", ""),
                                              finding.value("id", "")};
      EXPECT_LT(previous, key) << golden.name;
      EXPECT_TRUE(ids.insert(key.second).second) << golden.name;
      previous = key;
    }
  }
}

std::vector<nlohmann::json> FindingsOfSample(const std::string& name) {
  return FindingsIn(Oddverb({"scan", "-q", Sample(name)}).output);
}

TEST(GoldenTest, OrdinaryTrafficIsNoFinding) {
  EXPECT_THAT(FindingsOfSample("benign.log.gz"), IsEmpty());
  EXPECT_THAT(FindingsOfSample("webhook-post.json"), IsEmpty());
}

TEST(GoldenTest, DamageAroundAnAttackDoesNotHideIt) {
  const auto whole = FindingsOfSample("forbidden-burst-sa.log.gz");
  EXPECT_THAT(whole, Not(IsEmpty()));
  std::vector<nlohmann::json> damaged = FindingsOfSample("damaged.log.gz");
  std::erase_if(damaged, [](const nlohmann::json& finding) {
    return finding.value("rule", "") == "audit.gap";
  });
  EXPECT_EQ(damaged, whole);
}

TEST(GoldenTest, DataStaysSmallAndEachFileIsExpectedByACase) {
  std::set<std::string> expected = {"PROVENANCE", "cases.txt"};
  for (const GoldenCase& golden : GoldenCases()) {
    expected.insert(golden.name + ".ndjson");
    for (const std::string& argument : golden.arguments) {
      expected.insert(argument);
    }
  }
  uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(Sample(""))) {
    EXPECT_TRUE(expected.contains(entry.path().filename().string()))
        << entry.path();
    bytes += entry.file_size();
  }
  EXPECT_LT(bytes, 600'000u);
}

}  // namespace
}  // namespace oddverb
