// A log that is still being written: findings come while it does, and a signal
// ends the program without loss.
#include <csignal>
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

using ::testing::HasSubstr;

// Far above what it takes (below 0.2 s), far below "at the end".
constexpr absl::Duration kSoon = absl::Seconds(10);

std::string DemoLog() {
  std::string text;
  for (const std::string& line : DemoLogLines()) text += line + "\n";
  return text;
}

TEST(StreamTest, FindingsOfABusyLogComeBeforeItsEnd) {
  const std::string log = DemoLog();
  for (const char* threads : {"1", "3"}) {
    ChildProcess child(OddverbSetup({"scan", "--threads", threads, "-"}));
    ASSERT_TRUE(child.Write(log));
    EXPECT_TRUE(child.ReadLines(20, kSoon))
        << LinesOf(child.output()).size() << " findings";
    child.CloseInput();
    const ChildResult result = child.Wait();
    EXPECT_EQ(result.exit_code, 0);
    for (const nlohmann::json& finding : FindingsIn(result.output)) {
      EXPECT_NE(finding.value("id", ""), "");
    }
    EXPECT_THAT(result.errors, HasSubstr("19,271 events"));
  }
}

TEST(StreamTest, AFindingDoesNotWaitForABlockToFill) {
  const std::string attack = ReadMaybeGzip(Sample("forbidden-burst-sa.log.gz"));
  ChildProcess child(OddverbSetup({"scan", "-"}));
  ASSERT_TRUE(child.Write(attack));
  EXPECT_TRUE(child.ReadLines(1, kSoon)) << child.errors();
  EXPECT_THAT(child.output(), HasSubstr("\"forbidden.fanout\""));
  child.CloseInput();
  EXPECT_EQ(child.Wait().exit_code, 0);
}

TEST(StreamTest, ALineThatCameInPiecesIsOneEvent) {
  const std::string attack = ReadMaybeGzip(Sample("forbidden-burst-sa.log.gz"));
  ChildProcess child(OddverbSetup({"scan", "-"}));
  for (size_t start = 0; start < attack.size(); start += 1000) {
    ASSERT_TRUE(child.Write(attack.substr(start, 1000)));
  }
  EXPECT_TRUE(child.ReadLines(1, kSoon));
  child.CloseInput();
  const ChildResult result = child.Wait();
  EXPECT_THAT(result.errors, HasSubstr("60 events"));
  EXPECT_THAT(result.errors, testing::Not(HasSubstr("rejected")));
}

struct SignalCase {
  int signal_number;
  int exit_code;
};

TEST(StreamTest, ASignalEndsItAfterWhatWasReadIsWritten) {
  TempFolder folder;
  const std::string metrics = folder.path("m");
  for (const SignalCase& ended :
       {SignalCase{SIGINT, 130}, SignalCase{SIGTERM, 143}}) {
    ChildProcess child(OddverbSetup(
        {"scan", "--format", "table", "--metrics-out", metrics, "-"}));
    ASSERT_TRUE(child.Write(ReadMaybeGzip(Sample("forbidden-burst-sa.log.gz")) +
                            "no event\n"));
    // Told in order: all before it has been judged.
    ASSERT_TRUE(child.ReadErrors("record not judged", kSoon));
    EXPECT_EQ(child.output(), "");
    child.Signal(ended.signal_number);
    const ChildResult result = child.Wait(kSoon);
    EXPECT_EQ(result.exit_code, ended.exit_code);
    EXPECT_THAT(result.output, HasSubstr("1 high, 1 medium in 2 findings"));
    EXPECT_THAT(result.errors, HasSubstr("ended by a signal"));
    EXPECT_THAT(result.errors, HasSubstr("60 events"));
    EXPECT_THAT(FileText(metrics), HasSubstr("oddverb_events_total"));
  }
}

}  // namespace
}  // namespace oddverb
