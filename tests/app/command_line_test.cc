#include "app/command_line.h"

#include <regex>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/child_process.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Command = CommandLine::Command;
using Words = std::vector<std::string>;

CommandLine Parsed(const Words& words) {
  absl::StatusOr<CommandLine> line = ParseCommandLine(words);
  EXPECT_THAT(line, IsOk());
  return line.ok() ? *line : CommandLine();
}

struct CommandCase {
  Words words;
  Command command;
  Words paths;
};

TEST(ParseCommandLineTest, ChoosesTheCommand) {
  const std::vector<CommandCase> cases = {
      {{}, Command::kHelp, {}},
      {{"help"}, Command::kHelp, {}},
      {{"-h"}, Command::kHelp, {}},
      {{"help", "scan"}, Command::kHelp, {}},
      {{"scan", "--help"}, Command::kHelp, {}},
      {{"demo"}, Command::kDemo, {}},
      {{"version"}, Command::kVersion, {}},
      {{"--version"}, Command::kVersion, {}},
      {{"explain", "forbidden.fanout"}, Command::kExplain, {}},
      {{"list", "detectors"}, Command::kListDetectors, {}},
      {{"list", "metrics"}, Command::kListMetrics, {}},
      {{"list", "outputs"}, Command::kListOutputs, {}},
      {{"check", "config", "c.yaml"}, Command::kCheckConfig, {}},
      {{"schema", "config"}, Command::kSchemaConfig, {}},
      {{"schema", "finding"}, Command::kSchemaFinding, {}},
      {{"scan", "a", "b"}, Command::kScan, {"a", "b"}},
      {{"scan", "-"}, Command::kScan, {"-"}},
      {{"scan", "demo"}, Command::kScan, {"demo"}},
      {{"-"}, Command::kScan, {"-"}},
      {{"x.log"}, Command::kScan, {"x.log"}},
      {{"logs/x"}, Command::kScan, {"logs/x"}},
      {{"*"}, Command::kScan, {"*"}},
      {{"-q", "x.log"}, Command::kScan, {"x.log"}},
      {{"--format", "table", "x.log"}, Command::kScan, {"x.log"}},
      {{"--format=table", "x.log", "y"}, Command::kScan, {"x.log", "y"}},
      {{"x.log", "--trusted-proxies", "10.0.0.1", "y.log"},
       Command::kScan,
       {"x.log", "y.log"}},
      {{"scan", "-q", "a", "--", "--odd", "-", "b"},
       Command::kScan,
       {"a", "./--odd", "-", "b"}},
      {{"--", "-odd"}, Command::kScan, {"./-odd"}},
  };
  for (const CommandCase& test : cases) {
    const CommandLine line = Parsed(test.words);
    EXPECT_EQ(line.command, test.command)
        << ::testing::PrintToString(test.words);
    EXPECT_EQ(line.scan.paths, test.paths)
        << ::testing::PrintToString(test.words);
    EXPECT_EQ(line.text.empty(), test.command != Command::kHelp);
  }
}

TEST(ParseCommandLineTest, ReadsEveryFlagOfAScan) {
  const ScanOptions scan = Parsed({"scan",
                                   "--config",
                                   "c.yaml",
                                   "--cluster",
                                   "prod",
                                   "--trusted-proxies",
                                   "10.0.0.0/8,::1",
                                   "--fail-on",
                                   "low",
                                   "--strict",
                                   "--dead-letter",
                                   "dead",
                                   "--log-format",
                                   "json",
                                   "--log-level",
                                   "error",
                                   "--format",
                                   "table",
                                   "-o",
                                   "out",
                                   "--min-severity",
                                   "critical",
                                   "--threads",
                                   "64",
                                   "--metrics-out",
                                   "metrics",
                                   "--quiet",
                                   "--trusted-proxies=1.2.3.4",
                                   "audit.log"})
                               .scan;
  EXPECT_THAT(scan.paths, ElementsAre("audit.log"));
  EXPECT_EQ(scan.config_file, "c.yaml");
  EXPECT_EQ(scan.cluster, "prod");
  EXPECT_THAT(scan.trusted_proxies,
              ElementsAre("10.0.0.0/8", "::1", "1.2.3.4"));
  EXPECT_EQ(scan.fail_on, Severity::kLow);
  EXPECT_TRUE(scan.strict);
  EXPECT_EQ(scan.dead_letter_file, "dead");
  EXPECT_EQ(scan.log.format, LogFormat::kJson);
  EXPECT_EQ(scan.log.level, LogLevel::kError);
  EXPECT_EQ(scan.format, "table");
  EXPECT_EQ(scan.output, "out");
  EXPECT_EQ(scan.min_severity, Severity::kCritical);
  EXPECT_EQ(scan.threads, 64);
  EXPECT_EQ(scan.metrics_file, "metrics");
  EXPECT_TRUE(scan.quiet);
}

TEST(ParseCommandLineTest, LeavesDefaultsWhereNothingIsSaid) {
  const ScanOptions scan = Parsed({"scan", "x"}).scan;
  const ScanOptions defaults;
  EXPECT_EQ(scan.format, "");
  EXPECT_EQ(scan.output, "-");
  EXPECT_EQ(scan.threads, defaults.threads);
  EXPECT_EQ(scan.min_severity, Severity::kInfo);
  EXPECT_FALSE(scan.fail_on.has_value());
  EXPECT_FALSE(scan.strict || scan.quiet);
  EXPECT_EQ(scan.log.level, defaults.log.level);
}

TEST(ParseCommandLineTest, TheLastOfAFlagCounts) {
  const ScanOptions scan =
      Parsed({"scan", "--threads", "3", "x", "--threads", "2", "--format",
              "table", "--format", "ndjson", "-o", "a", "--output", "b"})
          .scan;
  EXPECT_EQ(scan.threads, 2);
  EXPECT_EQ(scan.format, "ndjson");
  EXPECT_EQ(scan.output, "b");
}

TEST(ParseCommandLineTest, ListsHaveThreeFormats) {
  for (const char* what : {"detectors", "metrics", "outputs"}) {
    auto format = [what](Words flags) {
      flags.insert(flags.begin(), {"list", what});
      return Parsed(flags).list_format;
    };
    EXPECT_EQ(format({}), ListFormat::kText);
    EXPECT_EQ(format({"--format", "text"}), ListFormat::kText);
    EXPECT_EQ(format({"--format=markdown"}), ListFormat::kMarkdown);
    EXPECT_EQ(format({"--format", "json"}), ListFormat::kJson);
  }
}

TEST(ParseCommandLineTest, JsonIsForVersion) {
  EXPECT_TRUE(Parsed({"version", "--json"}).json);
  EXPECT_FALSE(Parsed({"version"}).json);
}

struct CommandLineMistake {
  Words words;
  std::string message;
};

TEST(ParseCommandLineTest, SaysWhatIsWrongAndWhatWasMeant) {
  const std::vector<CommandLineMistake> cases = {
      {{"scna"}, "unknown command or file \"scna\"; did you mean scan?"},
      {{"zzzzzz"}, "unknown command or file \"zzzzzz\"; see oddverb --help"},
      {{"help", "demp"},
       "unknown command or file \"demp\"; did you mean demo?"},
      {{"scan"},
       "nothing to scan: name files or folders, or - for standard input; see "
       "oddverb scan --help"},
      {{"scan", "--strct", "x"},
       "unknown flag --strct; did you mean --strict?"},
      {{"scan", "--strct"}, "unknown flag --strct; did you mean --strict?"},
      {{"--metrics-ou=x", "x"},
       "unknown flag --metrics-ou; did you mean --metrics-out?"},
      {{"scan", "-z", "x"}, "unknown flag -z; see oddverb scan --help"},
      {{"demo", "x"},
       "demo: unexpected argument \"x\"; see oddverb demo --help"},
      {{"list", "detector"},
       "list: unexpected argument \"detector\"; did you mean detectors?"},
      {{"list"},
       "list needs one of: detectors, metrics, outputs; see oddverb list "
       "--help"},
      {{"schema"},
       "schema needs one of: config, finding; see oddverb schema --help"},
      {{"scan", "x", "--cluster"},
       "--cluster needs a value; see oddverb scan --help"},
      {{"scan", "x", "--threads", "-1"},
       "--threads: \"-1\" is no number from 1 to 64; leave the flag out for "
       "one a core"},
      {{"scan", "x", "--format", "tabel"},
       "--format: \"tabel\" is none of cloudevents, ecs, falco, ndjson, ocsf, "
       "table; did you mean table?"},
      {{"demo", "--min-severity", "x"},
       "--min-severity: \"x\" is none of info, low, medium, high, critical"},
      {{"scan", "x", "--log-format", "xml"},
       "--log-format: \"xml\" is none of logfmt, json"},
  };
  for (const CommandLineMistake& test : cases) {
    EXPECT_THAT(ParseCommandLine(test.words),
                StatusIs(absl::StatusCode::kInvalidArgument, test.message))
        << ::testing::PrintToString(test.words);
  }
}

TEST(HelpTest, FitsATerminalAndEndsInALineEnd) {
  for (const Words& words :
       {Words{}, Words{"help", "scan"}, Words{"help", "demo"},
        Words{"help", "list"}, Words{"help", "list", "detectors"},
        Words{"help", "schema"}, Words{"help", "version"}}) {
    const std::string text = Parsed(words).text;
    EXPECT_TRUE(text.ends_with("\n") && !text.ends_with("\n\n")) << text;
    for (const std::string& line : LinesOf(text)) {
      EXPECT_LE(line.size(), 80u) << line;
      EXPECT_FALSE(line.ends_with(" ")) << line;
    }
  }
}

TEST(HelpTest, EveryFlagThatScanShowsIsOneThatItTakes) {
  const std::string text = Parsed({"help", "scan"}).text;
  std::set<std::string> flags;
  const std::regex flag("(^|\n)  (-[a-z], )?(--[a-z-]+)");
  for (std::sregex_iterator it(text.begin(), text.end(), flag), end; it != end;
       ++it) {
    flags.insert((*it)[3]);
  }
  EXPECT_EQ(flags.size(), 19u);
  for (const std::string& name : flags) {
    const absl::StatusOr<CommandLine> line = ParseCommandLine({"scan", name});
    EXPECT_THAT(std::string(line.status().message()),
                Not(HasSubstr("unknown flag")));
  }
}

TEST(HelpTest, ExamplesAreUnderstood) {
  const std::string text = Parsed({"help", "scan"}).text;
  const std::regex example("\n  (.*\\| )?oddverb (scan [^\n|]*)");
  size_t examples = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), example), end;
       it != end; ++it) {
    Words words(1);
    for (const char c : (*it)[2].str()) {
      if (c == ' ') {
        words.emplace_back();
      } else if (c != '\'') {
        words.back() += c;
      }
    }
    std::erase(words, "");
    const CommandLine line = Parsed(words);
    EXPECT_EQ(line.command, Command::kScan) << (*it)[2];
    EXPECT_THAT(line.scan.paths, Not(IsEmpty()));
    ++examples;
  }
  EXPECT_EQ(examples, 4u);
}

}  // namespace
}  // namespace oddverb
