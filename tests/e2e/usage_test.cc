// What the program says to someone who does not know it yet: help, and what
// was wrong with the command line or the configuration.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/run_oddverb.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(UsageTest, HelpIsOnStandardOutputAndNoError) {
  const std::vector<std::vector<std::string>> ways = {
      {}, {"help"}, {"--help"}, {"-h"}};
  const std::string expected = Oddverb({}).output;
  EXPECT_THAT(expected, StartsWith("usage: oddverb COMMAND"));
  EXPECT_THAT(expected, HasSubstr("oddverb demo"));
  EXPECT_THAT(expected, HasSubstr("Exit codes:"));
  for (const std::vector<std::string>& way : ways) {
    const ChildResult result = Oddverb(way);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.output, expected);
    EXPECT_EQ(result.errors, "");
  }
}

TEST(UsageTest, HelpOfACommandIsTheSameBothWays) {
  for (const std::string command :
       {"demo", "scan", "list", "schema", "version"}) {
    const ChildResult result = Oddverb({"help", command});
    EXPECT_EQ(result.exit_code, 0) << command;
    EXPECT_THAT(result.output, StartsWith("usage: oddverb " + command));
    EXPECT_EQ(Oddverb({command, "--help"}).output, result.output);
    EXPECT_THAT(Oddverb({}).output, HasSubstr("\n  " + command + " "));
  }
}

struct Mistake {
  std::vector<std::string> arguments;
  std::vector<std::string> said;  // parts of the message
};

TEST(UsageTest, AMistakeIsNamedWithItsCureAndExitsWith2) {
  const std::string log = Sample("benign.log.gz");
  const std::vector<Mistake> mistakes = {
      {{"scna", log}, {"unknown command or file \"scna\"", "mean scan?"}},
      {{"hlep"}, {"\"hlep\"", "did you mean help?"}},
      {{"help", "scna"}, {"\"scna\"", "did you mean scan?"}},
      {{"qqqqqqqq"}, {"\"qqqqqqqq\"", "see oddverb --help"}},
      {{""}, {"unknown command or file \"\""}},
      {{"--verson"}, {"unknown flag --verson", "did you mean --version?"}},
      {{"scan", "--thread", "4", log}, {"--thread;", "mean --threads?"}},
      {{"scan", "-z", log}, {"unknown flag -z", "see oddverb scan --help"}},
      {{"scan"}, {"nothing to scan", "- for standard input"}},
      {{"list"}, {"list needs one of: detectors"}},
      {{"list", "detecters"}, {"\"detecters\"", "mean detectors?"}},
      {{"demo", "extra"}, {"\"extra\"", "see oddverb demo --help"}},
      {{"scan", "--threads", "0", log}, {"--threads", "\"0\"", "from 1 to 64"}},
      {{"scan", "--threads", "65", log}, {"--threads", "\"65\""}},
      {{"scan", "--threads", "4x", log}, {"--threads", "\"4x\""}},
      {{"scan", log, "--threads"}, {"--threads needs a value"}},
      {{"scan", "--min-severity", "urgent", log},
       {"--min-severity", "\"urgent\"", "info, low, medium, high, critical"}},
      {{"scan", "--fail-on", "hihg", log},
       {"--fail-on", "\"hihg\"", "did you mean high?"}},
      {{"scan", "--format", "ndjsn", log},
       {"--format", "\"ndjsn\"", "did you mean ndjson?"}},
      {{"scan", "--log-level", "loud", log},
       {"--log-level", "\"loud\"", "debug, info, warn, error"}},
      {{"scan", "--trusted-proxies", "10.0.0.0/8,nonsense", log},
       {"--trusted-proxies", "\"nonsense\"", "CIDR such as 10.0.0.0/8"}},
      {{"scan", "/no/such.log"}, {"/no/such.log", "no such file", "name "}},
      {{"no-such.log"}, {"no-such.log", "no such file", "name "}},
      {{"scan", "/no/*.log"}, {"/no/*.log", "no file matches"}},
      {{"scan", log, "-o", "/no/such/folder/f"},
       {"/no/such/folder/f", "create its directory"}},
      {{"scan", log, "--metrics-out", "/no/such/folder/f"},
       {"--metrics-out", "/no/such/folder/f"}},
      {{"scan", log, "--dead-letter", "/no/such/folder/f"},
       {"--dead-letter", "/no/such/folder/f"}},
  };
  for (const Mistake& mistake : mistakes) {
    const ChildResult result = Oddverb(mistake.arguments);
    EXPECT_EQ(result.exit_code, 2) << result.errors;
    EXPECT_EQ(result.output, "");
    EXPECT_THAT(result.errors, StartsWith("oddverb: "));
    for (const std::string& part : mistake.said) {
      EXPECT_THAT(result.errors, HasSubstr(part));
    }
  }
}

TEST(UsageTest, EveryMissingFileIsNamedInOneRun) {
  const ChildResult result =
      Oddverb({"scan", "/no/one.log", Sample("benign.log.gz"), "/no/two.log"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("oddverb: /no/one.log: "));
  EXPECT_THAT(result.errors, HasSubstr("oddverb: /no/two.log: "));
}

TEST(UsageTest, AWrongFormatTouchesNoFile) {
  TempFolder folder;
  const std::string kept = folder.Write("kept.ndjson", "of yesterday\n");
  const ChildResult result = Oddverb(
      {"scan", "--format", "json", "-o", kept, Sample("benign.log.gz")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(FileText(kept), "of yesterday\n");
}

TEST(UsageTest, EveryMistakeOfAConfigurationHasItsPlaceAndTheNearestName) {
  TempFolder folder;
  folder.Write("bad.yaml",
               "clustr: x\n"
               "trusted_proxies: [10.0.0.0/8, nonsense]\n"
               "detectors:\n"
               "  forbiden_burst: {}\n"
               "  forbidden_burst:\n"
               "    profil: quiet\n"
               "  stolen_credential: {alternation_span: soon}\n");
  ChildSetup setup =
      OddverbSetup({"scan", "--config", "bad.yaml", Sample("benign.log.gz")});
  setup.folder = folder.path();
  const ChildResult result = RunChild(setup);
  EXPECT_EQ(result.exit_code, 2);
  for (const char* part :
       {"bad.yaml:1:1: unknown key: \"clustr\" (did you mean \"cluster\"?)",
        "bad.yaml:2:18: \"nonsense\" is no network",
        "bad.yaml:4:3: unknown key: \"forbiden_burst\" (did you mean "
        "\"forbidden_burst\"?)",
        "bad.yaml:6:5: unknown key: \"profil\" (did you mean \"profile\"?)",
        "bad.yaml:7:41: "}) {
    EXPECT_THAT(result.errors, HasSubstr(part));
  }
  EXPECT_THAT(LinesOf(result.errors), SizeIs(5));
}

TEST(UsageTest, AnInputIsNeverOverwritten) {
  TempFolder folder;
  const std::string text = FileText(Sample("benign.log.gz"));
  const std::string log = folder.Write("audit.log", text);
  for (const char* flag : {"-o", "--dead-letter", "--metrics-out"}) {
    const ChildResult result = Oddverb({"scan", folder.path(), flag, log});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.errors, HasSubstr("would be overwritten"));
    EXPECT_TRUE(FileText(log) == text);
  }
  const std::string out = folder.path("out");
  const ChildResult twice =
      Oddverb({"scan", log, "-o", out, "--metrics-out", out});
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_THAT(twice.errors, HasSubstr("is also named by --output"));
}

TEST(UsageTest, APathAloneOrAFlagOfScanMeansScan) {
  const std::string log = Sample("forbidden-burst-sa.log.gz");
  const std::string expected = Oddverb({"scan", log}).output;
  ASSERT_NE(expected, "");
  EXPECT_EQ(Oddverb({log}).output, expected);
  EXPECT_EQ(Oddverb({"-q", log}).output, expected);
  EXPECT_EQ(Oddverb({"--format=ndjson", log}).output, expected);
  EXPECT_EQ(Oddverb({"-"}, FileText(log)).exit_code, 0);
}

TEST(UsageTest, DetectorsAreListedForPeopleAndForPrograms) {
  const ChildResult text = Oddverb({"list", "detectors"});
  const ChildResult listed = Oddverb({"list", "detectors", "--format", "json"});
  const nlohmann::json parsed = nlohmann::json::parse(
      listed.output, /*cb=*/nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(parsed.is_array());
  EXPECT_THAT(parsed, Not(IsEmpty()));
  for (const nlohmann::json& detector : parsed) {
    EXPECT_THAT(text.output, HasSubstr(detector.value("name", "?")));
    for (const nlohmann::json& rule : detector["rules"]) {
      EXPECT_THAT(text.output, HasSubstr(rule.get<std::string>()));
    }
  }
  for (const std::string& line : LinesOf(text.output)) {
    EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(UsageTest, TextThatCannotBePrintedIsAnError) {
  for (const char* command :
       {"version", "help", "list metrics", "schema finding"}) {
    ChildSetup setup;
    setup.program = "/bin/sh";
    setup.arguments = {"-c",
                       std::string("exec \"$0\" ") + command + " >/dev/full",
                       ODDVERB_BINARY};
    const ChildResult result = RunChild(setup);
    EXPECT_EQ(result.exit_code, 1) << command;
    EXPECT_THAT(result.errors, HasSubstr("No space left on device"));
  }
}

}  // namespace
}  // namespace oddverb
