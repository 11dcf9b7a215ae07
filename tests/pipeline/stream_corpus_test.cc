// Findings about the stream over the real audit corpus: honest logs have none,
// and what is cut out of them is found.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/corpus.h"
#include "tests/support/pipeline_run.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kNoCorpus = "no audit corpus beside the source tree";

std::vector<std::string> LinesIn(const std::string& path) {
  return absl::StrSplit(ReadMaybeGzip(path), '\n', absl::SkipEmpty());
}

std::string StageTimeOf(const std::string& line) {
  constexpr char kKey[] = "\"stageTimestamp\":\"";
  size_t at = line.rfind(kKey);
  return at == std::string::npos ? "" : line.substr(at + sizeof(kKey) - 1, 27);
}

// Ten minutes of one cluster, in order of time.
std::optional<std::vector<std::string>> WholeLog() {
  std::vector<std::string> lines;
  for (const char* name : {"benign.log.gz", "mixed.log.gz"}) {
    std::optional<std::string> path = CorpusPath(name);
    if (!path.has_value()) return std::nullopt;
    for (std::string& line : LinesIn(*path)) lines.push_back(std::move(line));
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const std::string& a, const std::string& b) {
                     return StageTimeOf(a) < StageTimeOf(b);
                   });
  return lines;
}

TEST(StreamCorpusTest, NoRealLogHasAFindingAboutItself) {
  std::vector<std::string> files = CorpusAuditFiles();
  if (files.empty()) GTEST_SKIP() << kNoCorpus;
  for (const std::string& file : files) {
    if (file.find(".log") == std::string::npos) continue;
    EXPECT_THAT(FindingsOf(LinesIn(file), {}), Not(HasSubstr("audit_stream")))
        << file;
  }
}

TEST(StreamCorpusTest, FindsAStretchThatWasCutOut) {
  std::optional<std::vector<std::string>> lines = WholeLog();
  if (!lines.has_value()) GTEST_SKIP() << kNoCorpus;
  EXPECT_THAT(FindingsOf(*lines, {}), Not(HasSubstr("audit.gap")));
  // The same again ten minutes later, so that the source is known, and then
  // without a minute and a half.
  std::vector<std::string> doubled = *lines;
  for (std::string line : *lines) {
    const std::string time = StageTimeOf(line);
    if (time.empty()) continue;
    absl::Time moved;
    std::string error;
    ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, time, &moved, &error));
    moved += absl::Minutes(10);
    size_t at = line.rfind(time);
    line.replace(
        at, time.size(),
        absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", moved, absl::UTCTimeZone()));
    doubled.push_back(std::move(line));
  }
  std::stable_sort(doubled.begin(), doubled.end(),
                   [](const std::string& a, const std::string& b) {
                     return StageTimeOf(a) < StageTimeOf(b);
                   });
  EXPECT_THAT(FindingsOf(doubled, {}), Not(HasSubstr("audit.gap")));
  std::erase_if(doubled, [](const std::string& line) {
    std::string time = StageTimeOf(line);
    return time >= "2026-11-23T23:46:00" && time < "2026-11-23T23:47:30";
  });
  std::string findings = FindingsOf(doubled, {});
  EXPECT_THAT(findings,
              HasSubstr("no events between 2026-11-23 23:45:59 and 2026-11-23 "
                        "23:47:30 UTC"));
}

}  // namespace
}  // namespace oddverb
