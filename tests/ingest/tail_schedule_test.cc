// TailSource against a model: random schedules of a writer, a compressor and a
// clean-up, with the reader stopped and started again at any point. Whatever
// the schedule, the records from a bookmark on are exactly those that were
// written behind it, in the order of writing.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/rotating_log.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tail_reading.h"

namespace oddverb {
namespace {

using ::testing::IsEmpty;

enum class Writing : uint8_t { kLikeLumberjack, kCopyAndTruncate };
enum class Restarts : uint8_t {
  kFromTheLastBookmark,  // and files that were read are deleted
  kFromAnyBookmark,
};

class Schedule {
 public:
  Schedule(unsigned seed, Writing writing, Restarts restarts)
      : random_(seed),
        writing_(writing),
        restarts_(restarts),
        log_(folder_.path()),
        options_(TailOptionsFor(log_.path())) {
    options_.reading.block_bytes = 64 + random_() % 500;
    Start("", 0);
  }

  void Run(int actions) {
    for (int i = 0; i < actions && !::testing::Test::HasFailure(); ++i) Act();
    Append();  // the torn end of a file before waits for it
    ReadAllThereIs(*source_, reading_);
    Check();
    EXPECT_EQ(next_, written_.size()) << Story();
    EXPECT_EQ(source_->counters().lost_bytes, 0u) << Story();
  }

 private:
  struct Rotated {
    std::string path;
    size_t records_end = 0;  // in written_
    int stage = 0;           // of compression
  };

  void Act() {
    size_t choice = random_() % 100;
    if (choice < 35) return Append();
    if (choice < 42) return Tear();
    if (choice < 54) return Rotate();
    if (choice < 66) return Compress();
    if (choice < 70) return CleanUp();
    if (choice < 82) return Restart();
    Note("read");
    ReadOnce(*source_, reading_);
    Check();
  }

  void Append() {
    Note("append");
    for (size_t i = random_() % 3; i < 3; ++i) {
      written_.push_back(torn_ + log_.AppendEvent());
      torn_.clear();
    }
  }

  void Tear() {
    Note("tear");
    std::string part = absl::StrCat("{\"torn\":", ++tears_, ",");
    log_.Append(part);
    torn_ += part;
  }

  void Rotate() {
    Note("rotate");
    if (!torn_.empty()) written_.push_back(std::exchange(torn_, ""));
    if (writing_ == Writing::kCopyAndTruncate) return log_.CopyAndTruncate();
    rotated_.push_back({log_.Rotate(1 + static_cast<int64_t>(random_() % 2000)),
                        written_.size(), 0});
  }

  void Compress() {
    if (rotated_.empty()) return;
    Rotated& file = rotated_[random_() % rotated_.size()];
    Note(absl::StrCat("compress ", file.stage));
    if (file.stage == 0) log_.CompressHalf(file.path);
    if (file.stage == 1) log_.CompressAll(file.path);
    if (file.stage == 2) log_.RemovePlain(file.path);
    ++file.stage;
  }

  // Of what is read and remembered as read.
  void CleanUp() {
    if (restarts_ == Restarts::kFromAnyBookmark || rotated_.empty()) return;
    size_t remembered = reading_.bookmarks.empty()
                            ? start_
                            : start_ + reading_.records_before.back();
    if (rotated_[0].records_end > remembered) return;
    Note("delete");
    std::filesystem::remove(rotated_[0].path);
    std::filesystem::remove(rotated_[0].path + ".gz");
    rotated_.erase(rotated_.begin());
  }

  void Restart() {
    for (size_t i = 0; i < reading_.bookmarks.size(); ++i) {
      known_.push_back(
          {reading_.bookmarks[i], start_ + reading_.records_before[i]});
    }
    Note("restart");
    if (known_.empty()) return Start("", 0);
    size_t which = known_.size() - 1;
    if (restarts_ == Restarts::kFromAnyBookmark)
      which = random_() % (which + 1);
    std::pair<std::string, size_t> bookmark = known_[which];
    Start(bookmark.first, bookmark.second);
  }

  void Start(const std::string& bookmark, size_t records) {
    source_ = std::make_unique<TailSource>(options_);
    EXPECT_THAT(source_->Resume(bookmark), IsOk());
    reading_ = {};
    start_ = next_ = records;
    checked_ = 0;
  }

  void Check() {
    for (; checked_ < reading_.records.size(); ++checked_, ++next_) {
      ASSERT_LT(next_, written_.size())
          << reading_.records[checked_] << Story();
      ASSERT_EQ(reading_.records[checked_], written_[next_]) << Story();
    }
  }

  void Note(const std::string& action) { story_.push_back(action); }
  std::string Story() const { return "\n" + absl::StrJoin(story_, ", "); }

  std::mt19937 random_;
  const Writing writing_;
  const Restarts restarts_;
  TempFolder folder_;
  RotatingLog log_;
  TailOptions options_;
  std::unique_ptr<TailSource> source_;
  TailReading reading_;  // since the start
  size_t start_ = 0;     // in written_, where the reader was started
  size_t checked_ = 0;   // of reading_
  size_t next_ = 0;      // in written_
  std::vector<std::string> written_;
  std::string torn_;
  int tears_ = 0;
  std::vector<Rotated> rotated_;
  std::vector<std::pair<std::string, size_t>> known_;
  std::vector<std::string> story_;
};

void RunSchedules(unsigned count, Writing writing, Restarts restarts) {
  for (unsigned seed = 0; seed < count; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Schedule(seed, writing, restarts).Run(60);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(TailScheduleTest, GivesEachRecordOnceFromTheLastBookmark) {
  RunSchedules(500, Writing::kLikeLumberjack, Restarts::kFromTheLastBookmark);
}

TEST(TailScheduleTest, GivesAllBehindAnOldBookmark) {
  RunSchedules(300, Writing::kLikeLumberjack, Restarts::kFromAnyBookmark);
}

TEST(TailScheduleTest, FindsTheRestInCopiesOfTruncatedFiles) {
  RunSchedules(200, Writing::kCopyAndTruncate, Restarts::kFromTheLastBookmark);
}

// A compressed file in the making ends anywhere, also within its first line.
TEST(TailScheduleTest, WaitsForTheFirstLineOfAFileThatIsBeingCompressed) {
  TempFolder folder;
  RotatingLog log(folder.path());
  TailSource source(TailOptionsFor(log.path()));
  TailReading reading;
  std::mt19937 random(3);
  std::string noise;
  while (noise.size() < 20'000) absl::StrAppend(&noise, random());
  std::vector<std::string> written = {absl::StrCat("{\"noise\":", noise, "}")};
  log.Append(written[0] + "\n");
  written.push_back(log.AppendEvent());
  ReadAllThereIs(source, reading);
  const std::string rotated = log.Rotate();
  written.push_back(log.AppendEvent());
  RotatingLog::CompressHalf(rotated);
  for (int i = 0; i < 3; ++i) ReadOnce(source, reading);
  RotatingLog::CompressAll(rotated);
  for (int i = 0; i < 3; ++i) ReadOnce(source, reading);
  RotatingLog::RemovePlain(rotated);
  ReadAllThereIs(source, reading);
  EXPECT_EQ(reading.records, written);
  EXPECT_THAT(reading.rejected, IsEmpty());
}

// The steps of the writer fall between any two system calls of the reader.
TEST(TailScheduleTest, LosesNothingToAWriterThatDoesNotWait) {
  TempFolder folder;
  RotatingLog log(folder.path());
  std::vector<std::string> written;
  std::thread writer([&log, &written] {
    for (int i = 0; i < 150; ++i) {
      for (int k = 0; k < 20; ++k) written.push_back(log.AppendEvent());
      std::string rotated = log.Rotate();
      RotatingLog::CompressHalf(rotated);
      RotatingLog::CompressAll(rotated);
      RotatingLog::RemovePlain(rotated);
    }
  });
  TailOptions options = TailOptionsFor(log.path());
  options.reading.block_bytes = 1000;
  auto source = std::make_unique<TailSource>(options);
  TailReading reading;
  for (int i = 1; reading.records.size() < 2500; ++i) {
    ReadOnce(*source, reading);
    if (i % 50 != 0) continue;
    source = std::make_unique<TailSource>(options);
    EXPECT_THAT(source->Resume(reading.last_bookmark()), IsOk());
  }
  writer.join();
  ReadAllThereIs(*source, reading);
  size_t same = static_cast<size_t>(
      std::mismatch(written.begin(), written.end(), reading.records.begin(),
                    reading.records.end())
          .first -
      written.begin());
  EXPECT_EQ(same, written.size()) << reading.records[same] << "\n instead of\n"
                                  << written[same];
  EXPECT_EQ(reading.records.size(), written.size());
  for (const Rejected& rejected : reading.rejected) {
    ADD_FAILURE() << rejected.detail;
  }
}

}  // namespace
}  // namespace oddverb
