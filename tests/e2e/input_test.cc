// Which inputs a scan takes, and what does not matter about them.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/run_oddverb.h"
#include "tests/support/corpus.h"
#include "tests/support/demo_log.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Attack() {
  return ReadMaybeGzip(Sample("forbidden-burst-sa.log.gz"));
}
std::string InputFindings(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"scan", "-q"});
  const ChildResult result = Oddverb(arguments);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.errors, "");  // -q, and nothing wrong
  return result.output;
}

// Of the file as it is in the samples.
std::string Expected() {
  return InputFindings({Sample("forbidden-burst-sa.log.gz")});
}

TEST(InputTest, TakesAFileInAnyCompressionAndUnderAnyName) {
  TempFolder folder;
  ASSERT_NE(Expected(), "");
  EXPECT_EQ(InputFindings({folder.Write("audit.log", Attack())}), Expected());
  EXPECT_EQ(InputFindings({folder.Write("a.gz", GzipOf(Attack()))}),
            Expected());
  EXPECT_EQ(InputFindings({folder.Write("a.zst", ZstdOf(Attack()))}),
            Expected());
  EXPECT_EQ(InputFindings({folder.Write("gz.log", GzipOf(Attack()))}),
            Expected());
  EXPECT_EQ(InputFindings({folder.Write("plain.gz", Attack())}), Expected());
}

TEST(InputTest, TakesAFolderAPatternAndANameOfTwoPaths) {
  TempFolder folder;
  const std::string log = folder.Write("logs/audit.log", Attack());
  folder.Write("logs/.hidden", "no log");
  folder.Write("other.txt", "no log");
  EXPECT_EQ(InputFindings({folder.path("logs")}), Expected());
  EXPECT_EQ(InputFindings({folder.path("logs/*.log")}), Expected());
  // The same file three times is read once.
  EXPECT_EQ(InputFindings({log, folder.path("logs"), log}), Expected());
}

TEST(InputTest, ReadsAFileThatIsNamedTwiceOnce) {
  const std::string log = Sample("forbidden-burst-sa.log.gz");
  const ChildResult once = Oddverb({"scan", log});
  const ChildResult twice = Oddverb({"scan", log, log});
  EXPECT_THAT(once.errors, HasSubstr("60 events"));
  EXPECT_THAT(twice.errors, HasSubstr("60 events"));
}

TEST(InputTest, TakesStandardInputCompressedOrNot) {
  for (const std::string& input : {Attack(), GzipOf(Attack())}) {
    const ChildResult result = Oddverb({"scan", "-q", "-"}, input);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.errors, "");
    const std::vector<nlohmann::json> findings = FindingsIn(result.output);
    ASSERT_THAT(findings, Not(IsEmpty()));
    EXPECT_EQ(findings[0]["id"], FindingsIn(Expected())[0]["id"]);
  }
}

TEST(InputTest, MergesFilesWhateverTheirNamesAndOrder) {
  TempFolder folder;
  // Three API servers, each with a third of the requests.
  std::vector<std::string> parts(3);
  const std::vector<std::string> lines = DemoLogLines();
  for (size_t i = 0; i < lines.size(); ++i) {
    parts[i * 7 % 3] += lines[i] + "\n";
  }
  const std::string a = folder.Write("a.log", parts[0]);
  const std::string b = folder.Write("b.log.gz", GzipOf(parts[1]));
  const std::string c = folder.Write("c.log", ZstdOf(parts[2]));
  const std::string expected = InputFindings({a, b, c});
  ASSERT_NE(expected, "");
  EXPECT_TRUE(InputFindings({c, a, b}) == expected);
  EXPECT_TRUE(InputFindings({"--threads", "3", b, c, a}) == expected);
  EXPECT_TRUE(InputFindings({folder.path()}) == expected);
  TempFolder renamed;
  renamed.Write("1", parts[2]);
  renamed.Write("2", parts[0]);
  renamed.Write("3", parts[1]);
  EXPECT_TRUE(InputFindings({renamed.path()}) == expected);
}

TEST(InputTest, ReadsRotatedFilesAsTheOneLogThatTheyWere) {
  TempFolder folder;
  const std::vector<std::string> lines = DemoLogLines();
  std::string whole;
  std::vector<std::string> parts(3);
  for (size_t i = 0; i < lines.size(); ++i) {
    parts[i * 3 / lines.size()] += lines[i] + "\n";
    whole += lines[i] + "\n";
  }
  folder.Write("k/audit.log", parts[2]);
  folder.Write("k/audit-2026-11-23T23-34-00.000.log.gz", GzipOf(parts[0]));
  folder.Write("k/audit-2026-11-23T23-36-00.000.log", parts[1]);
  const std::string expected =
      InputFindings({folder.Write("whole.log", whole)});
  ASSERT_NE(expected, "");
  EXPECT_TRUE(InputFindings({folder.path("k")}) == expected);
}

TEST(InputTest, SaysSoWhenTheInputIsNoAuditLog) {
  TempFolder folder;
  const std::string text = folder.Write("notes.txt", "one\ntwo\n{\"a\":1}\n");
  for (const bool quiet : {false, true}) {
    std::vector<std::string> arguments = {"scan", text};
    if (quiet) arguments.push_back("-q");
    const ChildResult result = Oddverb(arguments);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.output, "");
    EXPECT_THAT(result.errors,
                HasSubstr("oddverb: none of 3 records was an audit event; is "
                          "this what a kube-apiserver writes"));
  }
  EXPECT_EQ(Oddverb({"scan", "--strict", text}).exit_code, 4);
  const ChildResult empty = Oddverb({"scan", folder.Write("empty", "")});
  EXPECT_EQ(empty.exit_code, 0);
  EXPECT_THAT(empty.errors, HasSubstr("there was no audit event"));
}

TEST(InputTest, TheSummaryCountsEventsBytesAndFindings) {
  const ChildResult result = Oddverb({"scan", Sample("damaged.log.gz")});
  EXPECT_THAT(result.errors,
              ContainsRegex(
                  "\n[0-9]+ events \\([0-9.]+ kB\\) in [0-9.]+ s, "
                  "[0-9.]+( k| M)? events/s, [0-9]+ records rejected, 1 saved "
                  "from torn ones, 1 repaired; 3 findings: "
                  "1 high, 1 medium, 1 info\n$"));
}

TEST(InputTest, StrictExitsWith4ForATornLineAndFailOnWith3) {
  const std::string good = Sample("forbidden-burst-sa.log.gz");
  const std::string damaged = Sample("damaged.log.gz");
  EXPECT_EQ(Oddverb({"scan", "--strict", good}).exit_code, 0);
  EXPECT_EQ(Oddverb({"scan", "--strict", damaged}).exit_code, 4);
  EXPECT_EQ(Oddverb({"scan", damaged}).exit_code, 0);
  EXPECT_EQ(Oddverb({"scan", "--fail-on", "critical", good}).exit_code, 0);
  EXPECT_EQ(Oddverb({"scan", "--fail-on", "high", good}).exit_code, 3);
  EXPECT_EQ(Oddverb({"scan", "--fail-on", "low", good}).exit_code, 3);
  EXPECT_EQ(
      Oddverb({"scan", "--fail-on", "info", Sample("benign.log.gz")}).exit_code,
      0);
}

}  // namespace
}  // namespace oddverb
