// The first minute of a new user: `oddverb demo` and its table.
#include <cstdlib>
#include <regex>
#include <set>
#include <string>

#include "base/visible_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/run_oddverb.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kColumns = 100;

ChildResult DemoOnATerminal(const std::string& no_color) {
  ChildSetup setup = OddverbSetup({"demo"});
  setup.terminal_columns = kColumns;
  if (!no_color.empty()) setup.environment = {{"NO_COLOR", no_color}};
  return RunChild(setup);
}

std::string WithoutColours(const std::string& text) {
  return std::regex_replace(text, std::regex("\x1b\\[[0-9;]*m|\r"), "");
}

TEST(DemoTest, FindsPlantedIncidentsAndNothingElse) {
  const ChildResult result = Oddverb({"demo"});
  EXPECT_EQ(result.exit_code, 0);
  std::smatch match;
  ASSERT_TRUE(std::regex_search(
      result.errors, match,
      std::regex("\n([0-9]+) of 38 planted incidents found, 0 false findings")))
      << result.errors;
  EXPECT_GE(std::stoi(match[1]), 12);
  EXPECT_THAT(result.errors,
              HasSubstr("\nLeft to rules (oddverb demo --builtin): "));
  EXPECT_THAT(result.errors, HasSubstr("Next:  oddverb scan"));
  for (const std::string& line : LinesOf(result.errors)) {
    EXPECT_LE(line.size(), 120u) << line;
  }
}

TEST(DemoTest, WithItsRulesItFindsAllPlantedIncidentsAndNothingElse) {
  const ChildResult result = Oddverb({"demo", "--builtin"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(
      result.errors,
      HasSubstr("\n38 of 38 planted incidents found, 0 false findings.\n"));
  EXPECT_THAT(result.errors, Not(HasSubstr("Left to rules")));
}

TEST(DemoTest, PlainTextHasNoTerminalCodes) {
  const ChildResult result = Oddverb({"demo"});
  EXPECT_THAT(result.output, HasSubstr("SEVERITY"));
  EXPECT_THAT(result.output, HasSubstr("Do now"));
  EXPECT_THAT(result.output, Not(HasSubstr("\x1b")));
  EXPECT_THAT(result.errors, Not(HasSubstr("\x1b")));
}

TEST(DemoTest, ATerminalGetsColoursAndLinesThatFit) {
  const ChildResult result = DemoOnATerminal("");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("\x1b["));
  const std::string text = WithoutColours(result.output);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  for (const std::string& line : LinesOf(text)) {
    // Commands are never cut or broken: they are there to be copied.
    if (line.find("kubectl ") != std::string::npos) continue;
    EXPECT_LE(DisplayWidth(line), kColumns) << line;
  }
}

TEST(DemoTest, NoColorAndDumbTerminalsAreRespected) {
  EXPECT_THAT(DemoOnATerminal("1").output, Not(HasSubstr("\x1b")));
  ChildSetup dumb = OddverbSetup({"demo"});
  dumb.terminal_columns = kColumns;
  dumb.environment = {{"TERM", "dumb"}};
  EXPECT_THAT(RunChild(dumb).output, Not(HasSubstr("\x1b")));
}

TEST(DemoTest, TakesTheFlagsOfAScan) {
  const ChildResult all = Oddverb({"demo", "-q", "--format", "ndjson"});
  const ChildResult high =
      Oddverb({"demo", "-q", "--format", "ndjson", "--min-severity", "high",
               "--threads", "3"});
  EXPECT_EQ(all.errors, "");
  std::set<std::string> expected, got;
  for (const nlohmann::json& finding : FindingsIn(all.output)) {
    const std::string severity = finding.value("severity", "");
    if (severity == "high" || severity == "critical") {
      expected.insert(finding.value("id", ""));
    }
  }
  for (const nlohmann::json& finding : FindingsIn(high.output)) {
    got.insert(finding.value("id", ""));
  }
  EXPECT_THAT(expected, Not(IsEmpty()));
  EXPECT_EQ(got, expected);
}

}  // namespace
}  // namespace oddverb
