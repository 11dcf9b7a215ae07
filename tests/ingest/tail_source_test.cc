#include "ingest/tail_source.h"

#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/ingest/tail_fixture.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using TailSourceTest = TailFixture;

TEST_F(TailSourceTest, ReadsWhatIsThereOldestFirst) {
  AppendEvents(3);
  std::string first = log_.Rotate();
  log_.CompressAll(first);
  log_.RemovePlain(first);
  AppendEvents(3);
  log_.CompressHalf(log_.Rotate());
  AppendEvents(3);
  TailReading reading = ReadAfter(options_, "");
  EXPECT_EQ(reading.records, written_);
  EXPECT_THAT(reading.rejected, IsEmpty());
  EXPECT_EQ(reading.positions[4], (Position{4, 1, written_[3].size() + 1, 2}));
}

TEST_F(TailSourceTest, FollowsTheFileThroughRotation) {
  TailSource source(options_);
  TailReading reading;
  AppendEvents(2);
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, written_);
  AppendEvents(2);  // not read before the rotation
  std::string rotated = log_.Rotate();
  AppendEvents(2);
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, written_);
  EXPECT_EQ(source.counters().files_rotated, 1u);
  EXPECT_EQ(source.Describe(reading.positions[2]), rotated + ":3");
  EXPECT_EQ(source.Describe(reading.positions[4]), path() + ":1");
  EXPECT_EQ(reading.source_bytes, source.progress().read_bytes);
  EXPECT_THAT(source.health(), IsOk());
}

TEST_F(TailSourceTest, WaitsForTheRestOfALine) {
  TailSource source(options_);
  TailReading reading;
  log_.Append("{\"a\":");
  ReadAllThereIs(source, reading);
  log_.Append("1}\n{\"b\"");
  ReadAllThereIs(source, reading);
  EXPECT_THAT(reading.records, ElementsAre("{\"a\":1}"));
  // The rest is not in memory only.
  log_.Append(":2}\n");
  EXPECT_THAT(ReadAfter(options_, reading.last_bookmark()).records,
              ElementsAre("{\"b\":2}"));
  ReadAllThereIs(source, reading);
  EXPECT_THAT(reading.records, ElementsAre("{\"a\":1}", "{\"b\":2}"));
}

TEST_F(TailSourceTest, KeepsALineTornByARestartOfTheWriterWhole) {
  log_.Append("{\"kind\":\"Event\",\"audit");
  AppendEvents(1);
  EXPECT_THAT(ReadAfter(options_, "").records,
              ElementsAre("{\"kind\":\"Event\",\"audit" + written_[0]));
}

TEST_F(TailSourceTest, HandsOnTheTornEndOfARotatedFile) {
  TailSource source(options_);
  TailReading reading;
  AppendEvents(1);
  log_.Append("{\"torn");
  log_.Rotate();
  ReadAllThereIs(source, reading);
  // A writer that has not begun its new file may still be at the old one.
  EXPECT_EQ(reading.records, written_);
  AppendEvents(1);
  ReadAllThereIs(source, reading);
  EXPECT_THAT(reading.records,
              ElementsAre(written_[0], "{\"torn", written_[1]));
  EXPECT_EQ(source.counters().torn_tails, 1u);
  for (const std::string& bookmark : reading.bookmarks) {
    EXPECT_LE(ReadAfter(options_, bookmark).records.size(), 3u);
  }
  EXPECT_THAT(ReadAfter(options_, reading.last_bookmark()).records, IsEmpty());
}

TEST_F(TailSourceTest, HandsOnARotatedFileThatIsOneTornLine) {
  log_.Append("{\"torn");
  log_.Rotate();
  AppendEvents(1);
  TailReading reading = ReadAfter(options_, "");
  EXPECT_THAT(reading.records, ElementsAre("{\"torn", written_[0]));
  EXPECT_THAT(ReadAfter(options_, reading.last_bookmark()).records, IsEmpty());
}

TEST_F(TailSourceTest, ReadsNothingTwiceWhileAFileIsCompressed) {
  AppendEvents(3);
  TailReading before = ReadAfter(options_, "");
  AppendEvents(3);
  std::string rotated = log_.Rotate();
  AppendEvents(1);
  std::vector<std::string> fresh = WrittenFrom(3);
  EXPECT_EQ(ReadAfter(options_, before.last_bookmark()).records, fresh);
  log_.CompressHalf(rotated);
  TailReading half = ReadAfter(options_, before.last_bookmark());
  EXPECT_EQ(half.records, fresh);
  log_.CompressAll(rotated);
  EXPECT_EQ(ReadAfter(options_, before.last_bookmark()).records, fresh);
  log_.RemovePlain(rotated);
  TailReading compressed = ReadAfter(options_, before.last_bookmark());
  EXPECT_EQ(compressed.records, fresh);
  EXPECT_EQ(compressed.positions[0].offset, 3 * (written_[0].size() + 1));
  EXPECT_EQ(compressed.positions[0].line, 4u);
  EXPECT_THAT(ReadAfter(options_, half.last_bookmark()).records, IsEmpty());
}

TEST_F(TailSourceTest, ReadsAPlainFileThatWasCompressedAwayUnderItsHands) {
  TailSource source(options_);
  TailReading reading;
  options_.reading.block_bytes = 64;
  AppendEvents(3);
  ReadOnce(source, reading);
  AppendEvents(3);
  std::string rotated = log_.Rotate();
  log_.CompressAll(rotated);
  log_.RemovePlain(rotated);
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, written_);
}

TEST_F(TailSourceTest, CatchesUpWithRotationsItDidNotSee) {
  AppendEvents(2);
  std::string bookmark = ReadAfter(options_, "").last_bookmark();
  for (int i = 0; i < 3; ++i) {
    AppendEvents(2);
    std::string rotated = log_.Rotate();
    if (i == 1) {
      log_.CompressAll(rotated);
      log_.RemovePlain(rotated);
    }
  }
  AppendEvents(2);
  TailSource source(options_);
  ASSERT_THAT(source.Resume(bookmark), IsOk());
  TailReading reading;
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, WrittenFrom(2));
  EXPECT_EQ(source.counters().files_rotated, 3u);
}

TEST_F(TailSourceTest, ReadsWhatIsAppendedToARotatedFileLate) {
  TailSource source(options_);
  TailReading reading;
  AppendEvents(2);
  std::string rotated = log_.Rotate();
  AppendEvents(1);
  ReadAllThereIs(source, reading);
  // A container runtime goes on in the old file for a moment.
  std::ofstream(rotated, std::ios::app) << "{\"late\":1}\n";
  ReadAllThereIs(source, reading);
  ASSERT_EQ(reading.records.size(), 4u);
  EXPECT_EQ(reading.records[3], "{\"late\":1}");
  EXPECT_THAT(ReadAfter(options_, reading.last_bookmark()).records, IsEmpty());
}

TEST_F(TailSourceTest, KeepsTheOrderWhenTheClockJumpsBack) {
  TailSource source(options_);
  TailReading reading;
  for (int64_t step : {1000, -3'600'000, 1000, 1000}) {
    AppendEvents(2);
    ReadOnce(source, reading);
    AppendEvents(2);
    log_.Rotate(step);
  }
  AppendEvents(2);
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, written_);
}

TEST_F(TailSourceTest, StartsAtTheEndWhenAskedTo) {
  AppendEvents(2);
  std::string rotated = log_.Rotate();
  AppendEvents(3);
  log_.Append("{\"half\":");
  options_.start = FollowedFiles::Start::kEnd;
  TailSource source(options_);
  TailReading reading;
  ReadAllThereIs(source, reading);
  EXPECT_THAT(reading.records, IsEmpty());
  log_.Append("1}\n");
  AppendEvents(1);
  log_.CompressAll(rotated);
  log_.RemovePlain(rotated);
  log_.Rotate();
  AppendEvents(1);
  ReadAllThereIs(source, reading);
  EXPECT_THAT(reading.records,
              ElementsAre("{\"half\":1}", written_[5], written_[6]));
  EXPECT_EQ(reading.positions[0].line, 4u);
}

TEST_F(TailSourceTest, RestartsBeforeAnOversizedRecordThatItWasSkipping) {
  options_.reading.max_record_bytes = 200;
  options_.reading.block_bytes = 100;
  AppendEvents(1);
  // The rest of it would look like an event.
  log_.Append(std::string(1000, 'x') + "\n");
  TailReading reading = ReadAfter(options_, "");
  EXPECT_EQ(reading.records, written_);
  ASSERT_THAT(reading.rejected, SizeIs(1));
  EXPECT_EQ(reading.rejected[0].reason, RejectReason::kOversized);
  log_.Append(std::string(1000, 'y'));
  TailReading skipping = ReadAfter(options_, reading.last_bookmark());
  log_.Append(written_[0] + "\n");
  TailReading rest = ReadAfter(options_, skipping.last_bookmark().empty()
                                             ? reading.last_bookmark()
                                             : skipping.last_bookmark());
  EXPECT_THAT(rest.records, IsEmpty());
  ASSERT_THAT(rest.rejected, SizeIs(1));
  EXPECT_EQ(rest.rejected[0].record_bytes, 1000 + written_[0].size());
}

TEST_F(TailSourceTest, SaysHowFarBehindItIs) {
  AppendEvents(3);
  log_.Rotate();
  AppendEvents(1);
  options_.reading.block_bytes = 64;
  TailSource source(options_);
  TailReading reading;
  ReadOnce(source, reading);
  uint64_t line = written_[0].size() + 1;
  EXPECT_EQ(source.progress().read_bytes, line);
  EXPECT_EQ(source.progress().total_bytes, 4 * line);
  ReadAllThereIs(source, reading);
  EXPECT_EQ(source.progress().read_bytes, 4 * line);
  EXPECT_EQ(source.progress().total_bytes, 4 * line);
}

TEST_F(TailSourceTest, AnswersFromAnyThread) {
  AppendEvents(200);
  options_.reading.block_bytes = 64;
  TailSource source(options_);
  std::atomic<bool> done{false};
  std::thread watcher([&] {
    while (!done) {
      Source::Progress progress = source.progress();
      EXPECT_LE(progress.read_bytes, progress.total_bytes);
      EXPECT_THAT(source.health(), IsOk());
      EXPECT_THAT(source.Describe({4, 0, 0, 7}), HasSubstr(":7"));
    }
  });
  TailReading reading;
  ReadAllThereIs(source, reading);
  done = true;
  watcher.join();
  EXPECT_EQ(reading.records, written_);
}

TEST_F(TailSourceTest, IsWokenByTheWriterWithoutPolling) {
  options_.poll_interval = absl::Hours(1);
  AppendEvents(1);
  TailSource source(options_);
  TailReading reading;
  ReadAllThereIs(source, reading);
  std::thread writer([this] {
    AppendEvents(1);
    log_.Rotate();
    AppendEvents(1);
  });
  RawBatch batch;
  while (reading.records.size() < 3) {
    ASSERT_THAT(source.Read(absl::Now() + absl::Milliseconds(20), batch),
                IsOk());
    for (const RecordSpan& span : batch.records) {
      reading.records.emplace_back(
          batch.bytes->view().substr(span.offset, span.length));
    }
  }
  writer.join();
  EXPECT_EQ(reading.records, written_);
}

}  // namespace
}  // namespace oddverb
