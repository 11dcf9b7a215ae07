#include "pipeline/sqlite_checkpoint.h"

#include <sys/stat.h>

#include <algorithm>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/spool_table.h"
#include "tests/support/input_files.h"
#include "tests/support/random_finding.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SqliteCheckpointTest : public ::testing::Test {
 protected:
  std::string directory() const { return folder_.path("state"); }
  std::unique_ptr<SqliteCheckpoint> Open() {
    return OpenState(directory(), clock_);
  }
  std::unique_ptr<SqliteCheckpoint> Open(SqliteCheckpoint::Options options) {
    options.directory = directory();
    auto opened = SqliteCheckpoint::Open(std::move(options), clock_);
    EXPECT_THAT(opened, IsOk());
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  TempFolder folder_;
  FixedClock clock_;
};

std::vector<uint64_t> Numbers(const std::vector<SpooledBody>& bodies) {
  std::vector<uint64_t> numbers;
  for (const SpooledBody& body : bodies) numbers.push_back(body.number);
  return numbers;
}

std::vector<std::string_view> Views(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

TEST_F(SqliteCheckpointTest, ANewOneIsEmpty) {
  auto checkpoint = Open();
  EXPECT_EQ(checkpoint->notice(), "");
  EXPECT_EQ(ContentOf(*checkpoint, "hook"), "nothing\n");
  EXPECT_THAT(*checkpoint->ReadDeadLetters(0, 10), IsEmpty());
}

TEST_F(SqliteCheckpointTest,
       GivesBackWhatWasCommittedInThisAndInALaterProcess) {
  std::mt19937_64 random(1);
  CheckpointBatch batch;
  batch.records_judged = uint64_t{1} << 40;
  for (const char* name : {"a", "b", ""}) {
    batch.bookmarks[name] = RandomHostileText(random);
    batch.state.push_back({name, 0, 0xffffffff, RandomHostileText(random)});
    batch.state.push_back({name, 255, 0, std::string("\0\xff", 2)});
  }
  batch.state.push_back({"large", 3, 7, std::string(3'000'000, 'x')});
  for (int i = 0; i < 50; ++i) batch.findings.push_back(RandomFinding(random));
  Restored expected;
  expected.records_judged = batch.records_judged;
  expected.bookmarks = batch.bookmarks;
  expected.state = batch.state;
  std::sort(expected.state.begin(), expected.state.end(),
            [](const StateRow& a, const StateRow& b) {
              return std::tie(a.owner, a.kind, a.id) <
                     std::tie(b.owner, b.kind, b.id);
            });
  for (const Finding& finding : batch.findings) {
    expected.outbox.push_back({expected.outbox.size() + 1, finding});
  }

  auto checkpoint = Open();
  EXPECT_EQ(*checkpoint->Commit(batch), 1);
  EXPECT_EQ(TextOf(*checkpoint->Restore()), TextOf(expected));
  checkpoint.reset();
  checkpoint = Open();
  EXPECT_EQ(TextOf(*checkpoint->Restore()), TextOf(expected));
  EXPECT_EQ(TextOf(*checkpoint->Restore()), TextOf(expected));
  EXPECT_EQ(checkpoint->notice(), "");
}

TEST_F(SqliteCheckpointTest, ReplacesOnlyTheRowsThatABatchHolds) {
  auto checkpoint = Open();
  CheckpointBatch batch;
  batch.bookmarks = {{"x", "1"}, {"y", "1"}};
  batch.state = {{"o", 0, 1, "a"}, {"o", 0, 2, "b"}, {"o", 1, 1, "c"}};
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  batch = {};
  batch.records_judged = 9;
  batch.bookmarks = {{"y", "2"}};
  // Of two rows with one key the later one counts.
  batch.state = {{"o", 0, 2, "early"}, {"p", 0, 0, "new"}, {"o", 0, 2, "late"}};
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  Restored restored = **checkpoint->Restore();
  EXPECT_EQ(restored.records_judged, 9);
  EXPECT_EQ(restored.bookmarks["x"] + restored.bookmarks["y"], "12");
  std::string rows;
  for (const StateRow& row : restored.state) {
    absl::StrAppend(&rows, row.owner, row.kind, row.id, "=", row.bytes, " ");
  }
  EXPECT_EQ(rows, "o01=a o02=late o11=c p00=new ");
}

TEST_F(SqliteCheckpointTest, RestoreNeverShowsLessThanTheLastCommit) {
  auto checkpoint = Open();
  ASSERT_THAT(checkpoint->Commit(NumberedBatch(1)), IsOk());
  checkpoint.reset();
  checkpoint = Open();
  // What Open has read is outdated by now.
  ASSERT_THAT(checkpoint->Commit(NumberedBatch(2)), IsOk());
  EXPECT_THAT(NumbersIn(**checkpoint->Restore()), ElementsAre(2));
}

TEST_F(SqliteCheckpointTest, NumbersFindingsOnceAndForEver) {
  auto checkpoint = Open();
  CheckpointBatch two;
  two.findings.resize(2);
  EXPECT_EQ(*checkpoint->Commit(two), 1);
  EXPECT_EQ(*checkpoint->Commit(two), 3);
  ASSERT_THAT(checkpoint->Delivered(3), IsOk());
  checkpoint.reset();
  checkpoint = Open();
  auto outbox = (*checkpoint->Restore())->outbox;
  ASSERT_EQ(outbox.size(), 1);
  EXPECT_EQ(outbox[0].number, 4);
  // Also after the table has become empty.
  ASSERT_THAT(checkpoint->Delivered(100), IsOk());
  checkpoint.reset();
  checkpoint = Open();
  EXPECT_THAT((*checkpoint->Restore())->outbox, IsEmpty());
  EXPECT_EQ(*checkpoint->Commit({}), 5);
  EXPECT_EQ(*checkpoint->Commit(two), 5);
}

TEST_F(SqliteCheckpointTest, SpooledBodiesStayUntilACommitJudgesThem) {
  const std::vector<std::string> texts = {"one", "", std::string("th\0ree", 6)};
  auto checkpoint = Open();
  EXPECT_EQ(*checkpoint->Spool("a", Views(texts)), 1);
  EXPECT_EQ(*checkpoint->Spool("b", Views({"other"})), 4);
  checkpoint.reset();
  checkpoint = Open();
  auto bodies = *checkpoint->ReadSpool("a", 0, 1'000);
  EXPECT_THAT(Numbers(bodies), ElementsAre(1, 2, 3));
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(bodies[i].bytes, texts[i]);
  EXPECT_THAT(Numbers(*checkpoint->ReadSpool("a", 1, 1'000)),
              ElementsAre(2, 3));
  EXPECT_THAT(*checkpoint->ReadSpool("c", 0, 1'000), IsEmpty());

  CheckpointBatch batch;
  batch.spool_judged = {{"a", 2}};
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  EXPECT_THAT(Numbers(*checkpoint->ReadSpool("a", 0, 1'000)), ElementsAre(3));
  EXPECT_THAT(Numbers(*checkpoint->ReadSpool("b", 0, 1'000)), ElementsAre(4));
  batch.spool_judged = {{"a", 9}, {"b", 9}};
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  EXPECT_EQ(checkpoint->usage().spool_bytes, 0);
  // Numbers are not used again though nothing is left that had them.
  checkpoint.reset();
  checkpoint = Open();
  EXPECT_EQ(*checkpoint->Spool("a", Views({"x"})), 5);
}

TEST_F(SqliteCheckpointTest, ReadSpoolKeepsToItsLimitButGivesAtLeastOne) {
  auto checkpoint = Open();
  ASSERT_THAT(
      checkpoint->Spool("a", Views({std::string(10, 'x'), std::string(5, 'y'),
                                    std::string(6, 'z')})),
      IsOk());
  const std::pair<size_t, size_t> limits[] = {{0, 1},  {9, 1},  {14, 1},
                                              {15, 2}, {20, 2}, {21, 3}};
  for (auto [max_bytes, count] : limits) {
    EXPECT_EQ(checkpoint->ReadSpool("a", 0, max_bytes)->size(), count)
        << max_bytes;
  }
}

TEST_F(SqliteCheckpointTest,
       AFullSpoolRefusesAllOfTheBodiesUntilSomeAreJudged) {
  constexpr uint64_t kRow = SpoolTable::kBytesPerRow;
  SqliteCheckpoint::Options options;
  options.max_spool_bytes = 2 * (100 + kRow);
  auto checkpoint = Open(options);
  const std::string body(100, 'x');
  ASSERT_THAT(checkpoint->Spool("a", Views({body})), IsOk());
  EXPECT_THAT(
      checkpoint->Spool("b", Views({body, body})),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("spool full")));
  EXPECT_THAT(*checkpoint->ReadSpool("b", 0, 1'000), IsEmpty());
  // Exactly full, and one byte more.
  EXPECT_THAT(
      checkpoint->Spool("b", Views({body + "y"})),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("full")));
  EXPECT_EQ(*checkpoint->Spool("b", Views({body})), 2);
  // A restart still knows.
  checkpoint.reset();
  checkpoint = Open(options);
  EXPECT_EQ(checkpoint->usage().spool_bytes, options.max_spool_bytes);
  EXPECT_THAT(
      checkpoint->Spool("a", Views({""})),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("full")));
  CheckpointBatch batch;
  batch.spool_judged = {{"a", 1}};
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  EXPECT_EQ(*checkpoint->Spool("a", Views({body})), 3);
}

TEST_F(SqliteCheckpointTest, KeepsDeadLettersWithTheirTime) {
  DeadLetterRow row{
      "hook", "post 7", "not_json", "bad \xff byte", std::string("{\0\xff", 3),
      1 << 20};
  CheckpointBatch batch;
  batch.dead_letters = {row, row};
  auto checkpoint = Open();
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  checkpoint.reset();
  checkpoint = Open();
  auto letters = *checkpoint->ReadDeadLetters(1, 10);
  ASSERT_EQ(letters.size(), 1);
  EXPECT_EQ(letters[0].number, 2);
  EXPECT_EQ(letters[0].at, "2023-11-14T22:13:20.000000Z");
  const DeadLetterRow& got = letters[0].row;
  EXPECT_EQ(std::tie(got.source, got.place, got.reason, got.detail, got.sample,
                     got.record_bytes),
            std::tie(row.source, row.place, row.reason, row.detail, row.sample,
                     row.record_bytes));
}

TEST_F(SqliteCheckpointTest, TheOldestDeadLettersGoAndAreCounted) {
  constexpr uint64_t kSize = 100 + DeadLetterTable::kBytesPerRow;
  SqliteCheckpoint::Options options;
  options.max_dead_letter_bytes = 3 * kSize;
  CheckpointBatch batch;
  batch.dead_letters = {{"", "", "", "", std::string(100, 's'), 0}};
  auto checkpoint = Open(options);
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  }
  EXPECT_EQ(checkpoint->usage().dead_letters_dropped, 0);
  batch.dead_letters.push_back(batch.dead_letters[0]);
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  auto expect_three_left = [&] {
    EXPECT_EQ(checkpoint->usage().dead_letters_dropped, 2);
    EXPECT_EQ(checkpoint->usage().dead_letter_bytes, 3 * kSize);
    auto letters = *checkpoint->ReadDeadLetters(0, 10);
    ASSERT_EQ(letters.size(), 3);
    EXPECT_EQ(letters[0].number, 3);
  };
  expect_three_left();
  checkpoint.reset();
  checkpoint = Open(options);
  expect_three_left();
  // One that is larger than all that may be kept.
  batch.dead_letters = {{"", "", "", "", std::string(4 * kSize, 's'), 0}};
  ASSERT_THAT(checkpoint->Commit(batch), IsOk());
  EXPECT_EQ(checkpoint->usage().dead_letters_dropped, 6);
  EXPECT_EQ(checkpoint->usage().dead_letter_bytes, 0);
  checkpoint.reset();
  checkpoint = Open(options);
  EXPECT_EQ(checkpoint->usage().dead_letters_dropped, 6);
}

TEST_F(SqliteCheckpointTest, TheHashKeyIsRandomAndStays) {
  auto first = Open();
  uint64_t hash = first->hash().Hash("x");
  first.reset();
  EXPECT_EQ(Open()->hash().Hash("x"), hash);
  EXPECT_NE(OpenState(folder_.path("other"), clock_)->hash().Hash("x"), hash);
  EXPECT_NE(KeyedHash().Hash("x"), hash);
}

TEST_F(SqliteCheckpointTest, OnlyTheOwnerMayReadItsFiles) {
  mode_t mask = ::umask(0);
  auto checkpoint = Open();
  ASSERT_THAT(checkpoint->Commit(NumberedBatch(1)), IsOk());
  auto mode_of = [&](const std::string& name) {
    struct stat found = {};
    EXPECT_EQ(::stat((directory() + name).c_str(), &found), 0) << name;
    return found.st_mode & 07777;
  };
  EXPECT_EQ(mode_of(""), 0700);
  for (const char* name :
       {"/oddverb.db", "/oddverb.db-wal", "/oddverb.db-shm", "/oddverb.lock"}) {
    EXPECT_EQ(mode_of(name), 0600) << name;
  }
  // Somebody has opened it up.
  checkpoint.reset();
  ::chmod((directory() + "/oddverb.db").c_str(), 0644);
  checkpoint = Open();
  ASSERT_THAT(checkpoint->Commit(NumberedBatch(2)), IsOk());
  EXPECT_EQ(mode_of("/oddverb.db"), 0600);
  EXPECT_EQ(mode_of("/oddverb.db-wal"), 0600);
  ::umask(mask);
}

TEST_F(SqliteCheckpointTest, SpoolsAndCommitsFromManyThreads) {
  constexpr uint64_t kCommits = 60;
  constexpr int kSpools = 60;
  auto checkpoint = Open();
  std::vector<std::thread> threads;
  for (const char* source : {"a", "b", "c"}) {
    threads.emplace_back([&checkpoint, source] {
      for (int i = 0; i < kSpools; ++i) {
        std::string body = absl::StrCat(source, i);
        EXPECT_THAT(checkpoint->Spool(source, Views({body, body})), IsOk());
      }
    });
  }
  threads.emplace_back([&] {
    for (uint64_t n = 1; n <= kCommits; ++n) {
      auto first = checkpoint->Commit(NumberedBatch(n));
      EXPECT_THAT(first, IsOk());
      EXPECT_THAT(checkpoint->Delivered(*first - 1), IsOk());
      checkpoint->usage();
    }
  });
  for (std::thread& thread : threads) thread.join();

  EXPECT_THAT(NumbersIn(**checkpoint->Restore()), ElementsAre(kCommits));
  std::vector<uint64_t> all;
  for (const char* source : {"a", "b", "c"}) {
    auto bodies = *checkpoint->ReadSpool(source, 0, 1 << 20);
    ASSERT_EQ(bodies.size(), 2 * kSpools);
    for (size_t i = 0; i < bodies.size(); ++i) {
      EXPECT_EQ(bodies[i].bytes, absl::StrCat(source, i / 2));
      // The two of one call stand side by side.
      EXPECT_EQ(bodies[i].number, bodies[i - i % 2].number + i % 2);
      all.push_back(bodies[i].number);
    }
  }
  std::sort(all.begin(), all.end());
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], i + 1);
}

}  // namespace
}  // namespace oddverb
