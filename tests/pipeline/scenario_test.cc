// Each file of scenarios/ through the whole pipeline at each audit level, and
// again with what real logs and attackers put between the events.
// scenarios/README.md says how one is written.
#include "tests/support/scenario.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/finding.h"

namespace oddverb {
namespace {

class ScenarioTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(ScenarioTest, FindsWhatItMustAndNothingElse) {
  Scenario scenario = ReadScenario(GetParam());
  for (size_t level = 0; level < kAuditLevels.size(); ++level) {
    SCOPED_TRACE(kAuditLevels[level]);
    std::map<std::string, Severity> found =
        FoundIn(LinesAt(scenario, kAuditLevels[level]));
    for (const Expected& expected : scenario.expect) {
      auto needed =
          std::find(kAuditLevels.begin(), kAuditLevels.end(), expected.from);
      ASSERT_NE(needed, kAuditLevels.end()) << expected.from;
      bool visible =
          static_cast<size_t>(needed - kAuditLevels.begin()) <= level;
      auto at = found.find(expected.rule);
      ASSERT_EQ(at != found.end(), visible) << expected.rule;
      if (at == found.end()) continue;
      EXPECT_GE(at->second, expected.at_least) << expected.rule;
      found.erase(at);
    }
    for (const auto& [rule, severity] : found) {
      EXPECT_LE(severity, scenario.most) << rule;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ScenarioTest, ::testing::ValuesIn(ScenarioFiles()),
    [](const ::testing::TestParamInfo<std::filesystem::path>& file) {
      std::string name = file.param.stem().string();
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST(ScenarioSuiteTest, EveryKindTrapAndSurfaceIsThere) {
  std::map<std::string, int> kinds;
  std::set<std::string> traps;
  std::set<std::string> surfaces;
  for (const auto& path : ScenarioFiles()) {
    Scenario scenario = ReadScenario(path);
    ++kinds[scenario.kind];
    traps.insert(scenario.trap);
    // A surface is shown by what is found there.
    if (scenario.kind != "negative") surfaces.insert(scenario.surface);
    bool finds = scenario.kind != "negative";
    EXPECT_EQ(finds, !scenario.expect.empty()) << path;
  }
  EXPECT_EQ(kinds.size(), 3);
  for (const char* kind : {"positive", "negative", "evasion"}) {
    EXPECT_GE(kinds[kind], 10) << kind;
  }
  for (int trap = 1; trap <= 17; ++trap) {
    EXPECT_EQ(traps.count(absl::StrCat("L", trap)), 1) << trap;
  }
  for (int surface = 1; surface <= 14; ++surface) {
    EXPECT_EQ(surfaces.count(absl::StrCat("S", surface)), 1) << surface;
  }
}

}  // namespace
}  // namespace oddverb
