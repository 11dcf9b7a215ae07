// TailSource where files are deleted, emptied, replaced, damaged or unreadable.
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingest/tail_source.h"
#include "tests/ingest/tail_fixture.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using TailLossTest = TailFixture;

std::vector<RejectReason> Reasons(const TailReading& reading) {
  std::vector<RejectReason> reasons;
  for (const Rejected& rejected : reading.rejected) {
    reasons.push_back(rejected.reason);
  }
  return reasons;
}

TEST_F(TailLossTest, ReadsANewFileThatHasTheInodeOfADeletedOne) {
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

TEST_F(TailLossTest, ReadsAFileWhoseRotatedNameWasTakenByTheNextOne) {
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

TEST_F(TailLossTest, ReportsAFileThatWasReplacedUnread) {
  AppendEvents(2);
  std::string bookmark = ReadAfter(options_, "").last_bookmark();
  AppendEvents(2);
  log_.Rotate();
  AppendEvents(2);
  log_.Rotate(0);
  TailReading reading = ReadAfter(options_, bookmark);
  EXPECT_EQ(reading.records, WrittenFrom(4));
  EXPECT_THAT(Reasons(reading), ElementsAre(RejectReason::kLost));
}

TEST_F(TailLossTest, ReportsAFileThatWasDeletedUnread) {
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
  EXPECT_EQ(lost.reason, RejectReason::kLost);
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

TEST_F(TailLossTest, ReadsADeletedFileToTheEndItHoldsOpen) {
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

TEST_F(TailLossTest, StartsAgainInAFileThatWasEmptied) {
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
  // Also where everything had been read: who does that hides something.
  EXPECT_THAT(Reasons(reading),
              ElementsAre(RejectReason::kEmptied, RejectReason::kEmptied));
  EXPECT_NE(reading.positions[3].stream, reading.positions[2].stream);
  EXPECT_EQ(reading.positions[3].offset, 0u);
}

TEST_F(TailLossTest, ReportsWhatWasEmptiedUnread) {
  options_.reading.block_bytes = 64;
  TailSource source(options_);
  TailReading reading;
  AppendEvents(2);
  ReadOnce(source, reading);
  log_.Truncate();
  std::string fresh = log_.AppendEvent();
  ReadAllThereIs(source, reading);
  EXPECT_THAT(reading.records, ElementsAre(written_[0], fresh));
  ASSERT_THAT(Reasons(reading), ElementsAre(RejectReason::kEmptied));
  EXPECT_THAT(reading.rejected[0].detail, HasSubstr("emptied in place"));
  EXPECT_EQ(reading.rejected[0].record_bytes, written_[1].size() + 1);
  EXPECT_EQ(source.counters().lost_bytes, written_[1].size() + 1);
}

TEST_F(TailLossTest, NoticesAFileThatWasCutWhileNobodyRead) {
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
  EXPECT_THAT(Reasons(reading), ElementsAre(RejectReason::kEmptied));
}

TEST_F(TailLossTest, ReadsAllAgainWhereItsPlaceIsInsideOfALine) {
  AppendEvents(3);
  std::string bookmark = ReadAfter(options_, "").last_bookmark();
  // A crash of the machine takes what was not on the disk.
  std::filesystem::resize_file(path(), written_[0].size() + 1);
  std::vector<std::string> fresh = {"{\"longer\":\"" + std::string(1000, 'x') +
                                    "\"}"};
  log_.Append(fresh[0] + "\n");
  TailSource source(options_);
  ASSERT_THAT(source.Resume(bookmark), IsOk());
  TailReading reading;
  ReadAllThereIs(source, reading);
  EXPECT_THAT(reading.records, ElementsAre(written_[0], fresh[0]));
  EXPECT_EQ(source.counters().files_truncated, 1u);
  EXPECT_THAT(Reasons(reading), ElementsAre(RejectReason::kEmptied));
}

TEST_F(TailLossTest, ReadsTheRestOfATruncatedFileFromItsCopy) {
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
  // Nobody looked between the two.
  EXPECT_THAT(Reasons(reading), ElementsAre(RejectReason::kCopyTruncated));
  EXPECT_THAT(ReadAfter(options_, reading.last_bookmark()).records, IsEmpty());
}

TEST_F(TailLossTest, ReportsDamagedCompressionOnceAndReadsOn) {
  AppendEvents(200);
  std::string rotated = log_.Rotate();
  AppendEvents(2);
  log_.CompressHalf(rotated);
  log_.RemovePlain(rotated);
  TailSource source(options_);
  TailReading reading;
  ReadAllThereIs(source, reading);
  ASSERT_THAT(Reasons(reading), ElementsAre(RejectReason::kUnreadable));
  EXPECT_THAT(reading.rejected[0].detail,
              AllOf(HasSubstr(rotated + ".gz"), HasSubstr("damaged")));
  EXPECT_EQ(reading.records.back(), written_.back());
}

TEST_F(TailLossTest, IsNotMisledByACopyInTheMaking) {
  TailSource source(options_);
  TailReading reading;
  AppendEvents(3);
  ReadAllThereIs(source, reading);
  log_.Delete();
  folder_.Write("audit.log.1", written_[0] + "\n" + written_[1]);
  ReadAllThereIs(source, reading);
  AppendEvents(1);
  log_.Reopen();
  AppendEvents(1);
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, written_);
  EXPECT_EQ(source.counters().files_truncated, 0u);
}

TEST_F(TailLossTest, ReadsTheRestOfADamagedFileOnceItIsWhole) {
  AppendEvents(200);
  std::string rotated = log_.Rotate();
  log_.CompressHalf(rotated);
  std::filesystem::rename(rotated, folder_.path("aside"));
  TailSource source(options_);
  TailReading reading;
  ReadAllThereIs(source, reading);
  ASSERT_THAT(reading.rejected, SizeIs(1));
  ASSERT_LT(reading.records.size(), 200u);
  std::filesystem::rename(folder_.path("aside"), rotated);
  log_.CompressAll(rotated);
  log_.RemovePlain(rotated);
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records.back(), written_.back());
}

TEST_F(TailLossTest, SaysWhatItWaitsForAndGoesOnWhenItComes) {
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

TEST_F(TailLossTest, NamesBothCuresForAFileItMayNotReadAndTriesAgain) {
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

TEST_F(TailLossTest, SurvivesDamagedBookmarks) {
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
