#include "ingest/log_reader.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/rotating_log.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Step = LogReader::Step;

LogReader OpenLog(const std::string& path, const Position& start = {1, 2, 0, 1},
                  size_t block_bytes = 64) {
  LogFile file = RotatedFiles(path).List()->back();
  file.active = false;  // may be compressed
  absl::StatusOr<std::shared_ptr<const IdentifiedFile>> opened =
      IdentifiedFile::Open(file);
  EXPECT_THAT(opened, IsOk());
  LogReader::Options options;
  options.block_bytes = block_bytes;
  return LogReader(*opened, start, options);
}

Step ReadToTheEnd(LogReader& reader) {
  for (;;) {
    absl::StatusOr<Step> step = reader.ReadBlock();
    EXPECT_THAT(step, IsOk());
    if (!step.ok() || *step != Step::kRead) return *step;
  }
}

std::vector<std::string> HandedOver(LogReader& reader) {
  RawBatch batch;
  reader.HandOver(batch);
  std::vector<std::string> records;
  for (size_t i = 0; i < batch.records.size(); ++i) {
    records.push_back(absl::StrCat(
        batch.positions[i].line, "@", batch.positions[i].offset, " ",
        std::string(batch.bytes->view().substr(batch.records[i].offset,
                                               batch.records[i].length))));
  }
  return records;
}

TEST(LogReaderTest, ReadsFromWithinPlainAndCompressedFiles) {
  TempFolder folder;
  std::string content = "first\nsecond\n\nthird\nfou";
  for (const std::string& stored :
       {content, GzipOf(content), ZstdOf(content)}) {
    LogReader reader = OpenLog(folder.Write("a.log", stored), {1, 2, 6, 2});
    EXPECT_EQ(ReadToTheEnd(reader), Step::kEnd);
    EXPECT_TRUE(reader.InsideLine());
    EXPECT_EQ(reader.next(), (Position{1, 2, 20, 5}));
    EXPECT_THAT(HandedOver(reader), ElementsAre("2@6 second", "4@14 third"));
    EXPECT_TRUE(reader.FinishLine());
    EXPECT_THAT(HandedOver(reader), ElementsAre("5@20 fou"));
    EXPECT_FALSE(reader.InsideLine());
    EXPECT_EQ(reader.next().offset, content.size());
  }
}

TEST(LogReaderTest, EndsWhereACompressedFileIsShorterThanItsPlace) {
  TempFolder folder;
  LogReader reader =
      OpenLog(folder.Write("a.log", GzipOf("first\n")), {1, 2, 600, 9});
  EXPECT_EQ(ReadToTheEnd(reader), Step::kEnd);
  EXPECT_FALSE(reader.FinishLine());
  EXPECT_THAT(HandedOver(reader), IsEmpty());
}

// Between two looks at the folder: nobody but the reader can notice.
TEST(LogReaderTest, TakesNothingFromAnotherContentInPlace) {
  TempFolder folder;
  RotatingLog log(folder.path());
  log.AppendEvent();
  log.AppendEvent();
  LogReader longer = OpenLog(log.path());
  EXPECT_EQ(ReadToTheEnd(longer), Step::kEnd);
  LogReader shorter = OpenLog(log.path());
  EXPECT_EQ(ReadToTheEnd(shorter), Step::kEnd);
  std::vector<std::string> before = HandedOver(longer);
  log.Truncate();
  log.AppendEvent();
  EXPECT_EQ(ReadToTheEnd(shorter), Step::kChanged);
  for (int i = 0; i < 4; ++i) log.AppendEvent();
  EXPECT_EQ(ReadToTheEnd(longer), Step::kChanged);
  EXPECT_FALSE(longer.has_records());
  EXPECT_EQ(HandedOver(shorter), before);
}

TEST(LogReaderTest, NoticesThatTheEndWasCutOff) {
  TempFolder folder;
  std::string path = folder.Write("a.log", "first\nsecond\n");
  LogReader reader = OpenLog(path);
  EXPECT_EQ(ReadToTheEnd(reader), Step::kEnd);
  folder.Write("a.log", "first\n");
  EXPECT_EQ(ReadToTheEnd(reader), Step::kChanged);
}

}  // namespace
}  // namespace oddverb
