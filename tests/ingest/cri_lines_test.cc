#include "ingest/cri_lines.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingest/line_framer.h"
#include "tests/support/input_files.h"
#include "tests/support/rotating_log.h"
#include "tests/support/tail_reading.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Line(std::string_view head, std::string_view text) {
  return absl::StrCat("2026-11-25T20:10:11.123456789Z ", std::string(head), " ",
                      std::string(text), "\n");
}

TEST(CriLinesTest, TellsContainerLinesFromOthers) {
  for (const char* line :
       {"2026-11-25T20:10:11.123456789Z stdout F {\"a\":1}",
        "2026-11-25T20:10:11+02:00 stderr P text",
        "2026-11-25T20:10:11Z stdout F", "2026-11-25T20:10:11Z stdout P:x {"}) {
    EXPECT_TRUE(CriLines::Accepts(line)) << line;
  }
  for (const char* line :
       {"", "{\"kind\":\"Event\"}", "2026-11-25T20:10:11Z", "2026-11-25",
        "2026-11-25T20:10:11Z stdin F {}", "2026-11-25T20:10:11Z stdout X {}",
        "2026-11-25T20:10:11Z stdout Fx {}", "2026-11-25 20:10:11 stdout F {}",
        "2026-11-25T20:10:11Z stdout "}) {
    EXPECT_FALSE(CriLines::Accepts(line)) << line;
  }
}

// The records of a log of lines given `per_batch` bytes at a time.
std::vector<std::string> RecordsOfCri(const std::string& log, size_t per_batch,
                                      size_t limit = 1000) {
  CriLines lines(limit);
  LineFramer::Options options;
  options.form = LineFramer::Form::kLines;
  LineFramer framer(options);
  RawBatch pending;
  std::vector<std::string> found;
  for (size_t at = 0; at < log.size(); at += per_batch) {
    pending.bytes->Append(std::string_view(log).substr(at, per_batch));
    framer.Frame(LineFramer::Input::kMayGoOn, pending);
    RawBatch batch;
    std::swap(batch, pending);
    framer.CarryTail(batch, *pending.bytes);
    lines.Join(batch);
    for (size_t i = 0; i < batch.records.size(); ++i) {
      found.push_back(
          absl::StrCat(batch.positions[i].line, " ",
                       std::string(batch.bytes->view().substr(
                           batch.records[i].offset, batch.records[i].length))));
    }
    for (const Rejected& rejected : batch.rejected) {
      found.push_back(absl::StrCat("!", rejected.position.line, " ",
                                   RejectReasonName(rejected.reason), " ",
                                   rejected.record_bytes));
    }
  }
  return found;
}

TEST(CriLinesTest, JoinsPiecesWhereverBatchesEnd) {
  std::string log =
      Line("stdout F", "{\"a\":1}") + Line("stdout P", "{\"words\":\"two ") +
      Line("stderr F", "I1125 klog text") + Line("stdout P", "words and ") +
      Line("stderr P", "more klog") + Line("stdout F", "more\"}") +
      Line("stdout F", "{\"b\":2}") + "not a container line\n" +
      Line("stdout P", "{\"c\"") + Line("stdout F", ":3}");
  for (size_t per_batch = 1; per_batch <= log.size(); ++per_batch) {
    EXPECT_THAT(
        RecordsOfCri(log, per_batch),
        ElementsAre("1 {\"a\":1}", "2 {\"words\":\"two words and more\"}",
                    "7 {\"b\":2}", "8 not a container line", "9 {\"c\":3}"))
        << per_batch;
  }
}

TEST(CriLinesTest, RejectsWhatIsTooLongAfterJoining) {
  std::string piece(40, 'x');
  std::string log = Line("stdout P", piece) + Line("stdout F", piece) +
                    Line("stdout P", piece) + Line("stdout P", piece) +
                    Line("stdout F", "y") + Line("stdout F", "{}");
  for (size_t per_batch : {size_t{7}, size_t{50}, log.size()}) {
    EXPECT_THAT(RecordsOfCri(log, per_batch, 80),
                ::testing::UnorderedElementsAre("1 " + piece + piece,
                                                "!3 oversized 81", "6 {}"));
  }
}

TEST(CriLinesTest, TailsAContainerLogThroughRotationAndRestart) {
  TempFolder folder;
  RotatingLog log(folder.path());
  TailOptions options = TailOptionsFor(log.path());
  log.Append(Line("stdout F", "{\"a\":1}") + Line("stdout P", "{\"b\":"));
  TailReading first = ReadAfter(options, "");
  EXPECT_THAT(first.records, ElementsAre("{\"a\":1}"));
  log.Append(Line("stdout P", "\"2"));
  // The runtime goes on in a new file, in the middle of a line.
  std::string rotated = log.Rotate();
  log.Append(Line("stdout F", "3\"}") + Line("stdout F", "{\"c\":4}"));
  RotatingLog::CompressAll(rotated);
  RotatingLog::RemovePlain(rotated);
  for (const std::string& bookmark : first.bookmarks) {
    TailReading rest = ReadAfter(options, bookmark);
    EXPECT_THAT(rest.records, ElementsAre("{\"b\":\"23\"}", "{\"c\":4}"));
    EXPECT_THAT(rest.rejected, IsEmpty());
    EXPECT_THAT(ReadAfter(options, rest.last_bookmark()).records, IsEmpty());
  }
}

TEST(CriLinesTest, DoesNotGlueTheRestOfALineToAnotherFile) {
  TempFolder folder;
  RotatingLog log(folder.path());
  TailSource source(TailOptionsFor(log.path()));
  TailReading reading;
  log.Append(Line("stdout P", "{\"a\":"));
  ReadAllThereIs(source, reading);
  log.Truncate();
  log.Append(Line("stdout F", "{\"b\":1} and much more than there was before"));
  ReadAllThereIs(source, reading);
  EXPECT_THAT(reading.records,
              ElementsAre("{\"b\":1} and much more than there was before"));
  ASSERT_THAT(reading.rejected, SizeIs(2));
  EXPECT_EQ(reading.rejected[0].reason, RejectReason::kEmptied);
  EXPECT_EQ(reading.rejected[1].reason, RejectReason::kTorn);
}

}  // namespace
}  // namespace oddverb
