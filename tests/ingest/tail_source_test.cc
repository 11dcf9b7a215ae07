#include "ingest/tail_source.h"

#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/rotating_log.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tail_reading.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class TailSourceTest : public ::testing::Test {
 protected:
  TailSourceTest() : log_(folder_.path()), options_(TailOptionsFor(path())) {}

  const std::string& path() const { return log_.path(); }
  void AppendEvents(int count) {
    for (int i = 0; i < count; ++i) written_.push_back(log_.AppendEvent());
  }
  // Without what a test wrote before it was of interest.
  std::vector<std::string> WrittenFrom(size_t first) const {
    return {written_.begin() + static_cast<ptrdiff_t>(first), written_.end()};
  }

  TempFolder folder_;
  RotatingLog log_;
  TailOptions options_;
  std::vector<std::string> written_;
};

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

TEST_F(TailSourceTest, ReadsANewFileThatHasTheInodeOfADeletedOne) {
  AppendEvents(2);
  std::string bookmark = ReadAfter(options_, "").last_bookmark();
  // The file system gives the number again once no one holds the old file.
  log_.Delete();
  log_.Reopen();
  std::vector<std::string> fresh = {log_.AppendEvent(), log_.AppendEvent(),
                                    log_.AppendEvent()};
  TailReading reading = ReadAfter(options_, bookmark);
  EXPECT_EQ(reading.records, fresh);
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

TEST_F(TailSourceTest, ReadsAFileWhoseRotatedNameWasTakenByTheNextOne) {
  TailSource source(options_);
  TailReading reading;
  AppendEvents(2);
  ReadOnce(source, reading);
  AppendEvents(2);
  log_.Rotate();
  ReadOnce(source, reading);  // sees the renamed file
  AppendEvents(2);
  log_.Rotate(0);  // in the same millisecond
  AppendEvents(2);
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, written_);
  EXPECT_EQ(source.counters().files_lost, 0u);
}

TEST_F(TailSourceTest, ReportsAFileThatWasReplacedUnread) {
  AppendEvents(2);
  std::string bookmark = ReadAfter(options_, "").last_bookmark();
  AppendEvents(2);
  log_.Rotate();
  AppendEvents(2);
  log_.Rotate(0);
  TailReading reading = ReadAfter(options_, bookmark);
  EXPECT_EQ(reading.records, WrittenFrom(4));
  ASSERT_THAT(reading.rejected, SizeIs(1));
}

TEST_F(TailSourceTest, ReportsAFileThatWasDeletedUnread) {
  AppendEvents(2);
  std::string rotated = log_.Rotate();
  AppendEvents(2);
  options_.reading.block_bytes = 64;  // a batch is one event
  TailReading first;
  {
    TailSource source(options_);
    ReadOnce(source, first);
    ASSERT_THAT(first.records, ElementsAre(written_[0]));
  }
  std::filesystem::remove(rotated);
  TailSource source(options_);
  ASSERT_THAT(source.Resume(first.last_bookmark()), IsOk());
  TailReading reading;
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, WrittenFrom(2));
  ASSERT_THAT(reading.rejected, SizeIs(1));
  const Rejected& lost = reading.rejected[0];
  uint64_t bytes = written_[1].size() + 1;
  EXPECT_EQ(lost.reason, RejectReason::kUnreadable);
  EXPECT_EQ(lost.record_bytes, bytes);
  EXPECT_EQ(lost.position.offset, written_[0].size() + 1);
  EXPECT_THAT(lost.detail,
              AllOf(HasSubstr(rotated), HasSubstr(absl::StrCat(bytes)),
                    HasSubstr("maxbackup"), HasSubstr("somebody")));
  EXPECT_EQ(source.counters().files_lost, 1u);
  EXPECT_EQ(source.counters().lost_bytes, bytes);
  // Once.
  EXPECT_THAT(ReadAfter(options_, reading.last_bookmark()).rejected, IsEmpty());
}

TEST_F(TailSourceTest, ReadsADeletedFileToTheEndItHoldsOpen) {
  TailSource source(options_);
  TailReading reading;
  AppendEvents(2);
  ReadAllThereIs(source, reading);
  log_.Delete();
  AppendEvents(2);  // the API server does not notice
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, written_);
  AppendEvents(1);
  log_.Reopen();  // its next rotation
  AppendEvents(2);
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, written_);
  EXPECT_EQ(source.counters().files_lost, 0u);
}

TEST_F(TailSourceTest, StartsAgainInAFileThatWasEmptied) {
  TailSource source(options_);
  TailReading reading;
  AppendEvents(3);
  ReadAllThereIs(source, reading);
  log_.Truncate();
  ReadAllThereIs(source, reading);
  AppendEvents(1);  // shorter than before
  ReadAllThereIs(source, reading);
  log_.Truncate();
  AppendEvents(4);  // longer than before, before anybody looks
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, written_);
  EXPECT_EQ(source.counters().files_truncated, 2u);
  EXPECT_EQ(source.counters().files_lost, 0u);
  EXPECT_NE(reading.positions[3].stream, reading.positions[2].stream);
  EXPECT_EQ(reading.positions[3].offset, 0u);
}

TEST_F(TailSourceTest, ReportsWhatWasEmptiedUnread) {
  options_.reading.block_bytes = 64;
  TailSource source(options_);
  TailReading reading;
  AppendEvents(2);
  ReadOnce(source, reading);
  log_.Truncate();
  std::string fresh = log_.AppendEvent();
  ReadAllThereIs(source, reading);
  EXPECT_THAT(reading.records, ElementsAre(written_[0], fresh));
  ASSERT_THAT(reading.rejected, SizeIs(1));
  EXPECT_THAT(reading.rejected[0].detail, HasSubstr("emptied in place"));
  EXPECT_EQ(source.counters().lost_bytes, written_[1].size() + 1);
}

TEST_F(TailSourceTest, NoticesAFileThatWasCutWhileNobodyRead) {
  AppendEvents(3);
  std::string bookmark = ReadAfter(options_, "").last_bookmark();
  std::filesystem::resize_file(path(), written_[0].size() + 1);
  TailSource source(options_);
  ASSERT_THAT(source.Resume(bookmark), IsOk());
  TailReading reading;
  std::string fresh = log_.AppendEvent();
  ReadAllThereIs(source, reading);
  EXPECT_THAT(reading.records, ElementsAre(written_[0], fresh));
  EXPECT_EQ(source.counters().files_truncated, 1u);
}

TEST_F(TailSourceTest, ReadsTheRestOfATruncatedFileFromItsCopy) {
  TailSource source(options_);
  TailReading reading;
  AppendEvents(3);
  ReadAllThereIs(source, reading);
  AppendEvents(2);
  log_.CopyAndTruncate();
  AppendEvents(1);
  log_.CopyAndTruncate();
  AppendEvents(2);
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, written_);
  EXPECT_EQ(source.counters().files_lost, 0u);
  EXPECT_THAT(ReadAfter(options_, reading.last_bookmark()).records, IsEmpty());
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

TEST_F(TailSourceTest, ReportsDamagedCompressionOnceAndReadsOn) {
  AppendEvents(200);
  std::string rotated = log_.Rotate();
  AppendEvents(2);
  log_.CompressHalf(rotated);
  log_.RemovePlain(rotated);
  TailSource source(options_);
  TailReading reading;
  ReadAllThereIs(source, reading);
  ASSERT_THAT(reading.rejected, SizeIs(1));
  EXPECT_THAT(reading.rejected[0].detail,
              AllOf(HasSubstr(rotated + ".gz"), HasSubstr("damaged")));
  EXPECT_EQ(reading.records.back(), written_.back());
}

TEST_F(TailSourceTest, SaysWhatItWaitsForAndGoesOnWhenItComes) {
  TailOptions options = TailOptionsFor(folder_.path("later/audit.log"));
  TailSource source(options);
  TailReading reading;
  ReadAllThereIs(source, reading);
  EXPECT_THAT(source.health(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("later")));
  folder_.Write("later/audit.log", "{}\n");
  ReadAllThereIs(source, reading);
  EXPECT_THAT(source.health(), IsOk());
  EXPECT_THAT(reading.records, ElementsAre("{}"));
}

// Root may read everything, so this test gives up that right for a while.
class OtherUser {
 public:
  OtherUser() : was_root_(::geteuid() == 0) { Become(65534); }
  ~OtherUser() { Become(0); }

 private:
  void Become(uid_t user) {
    if (!was_root_) return;
    EXPECT_EQ(::seteuid(user), 0);
  }

  bool was_root_;
};

TEST_F(TailSourceTest, NamesBothCuresForAFileItMayNotReadAndTriesAgain) {
  AppendEvents(2);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(
      path(), std::filesystem::perms(::geteuid() == 0 ? 0600 : 0000));
  TailSource source(options_);
  TailReading reading;
  {
    OtherUser user;
    ReadAllThereIs(source, reading);
  }
  EXPECT_THAT(reading.records, IsEmpty());
  EXPECT_THAT(source.health(),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr(path()), HasSubstr("0640"),
                             HasSubstr("CAP_DAC_READ_SEARCH"))));
  std::filesystem::permissions(path(), std::filesystem::perms(0644));
  {
    OtherUser user;
    ReadAllThereIs(source, reading);
  }
  EXPECT_EQ(reading.records, written_);
  EXPECT_THAT(source.health(), IsOk());
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

TEST_F(TailSourceTest, SurvivesDamagedBookmarks) {
  AppendEvents(3);
  log_.Rotate();
  AppendEvents(3);
  std::string bookmark = ReadAfter(options_, "").last_bookmark();
  for (size_t size = 1; size < bookmark.size(); ++size) {
    TailSource source(options_);
    EXPECT_THAT(source.Resume(bookmark.substr(0, size)),
                StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
  }
  for (size_t at = 0; at < bookmark.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bookmark;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      TailSource source(options_);
      if (!source.Resume(damaged).ok()) continue;
      TailReading reading;
      ReadAllThereIs(source, reading);
    }
  }
}

}  // namespace
}  // namespace oddverb
