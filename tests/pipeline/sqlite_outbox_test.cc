// The outbox of a SqliteCheckpoint: a cursor for each sink, and what goes when.
#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/sqlite_checkpoint.h"
#include "tests/support/input_files.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SqliteOutboxTest : public ::testing::Test {
 protected:
  SqliteOutboxTest() { Reopen(); }

  // As after a kill: nothing was said to the database.
  void Reopen() {
    checkpoint_.reset();
    checkpoint_ = OpenState(folder_.path("state"), clock_);
    EXPECT_EQ(checkpoint_->notice(), "");
  }
  void Commit(int findings) {
    CheckpointBatch batch;
    batch.findings.resize(static_cast<size_t>(findings));
    for (Finding& finding : batch.findings) finding.count = ++committed_;
    ASSERT_THAT(checkpoint_->Commit(batch), IsOk());
  }
  std::vector<uint64_t> Use(const std::vector<std::string>& names) {
    std::vector<uint64_t> delivered;
    auto cursors = checkpoint_->UseSinks(names);
    EXPECT_THAT(cursors, IsOk());
    if (!cursors.ok()) return {};
    EXPECT_EQ(cursors->size(), names.size());
    for (size_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ((*cursors)[i].name, names[i]);
      delivered.push_back((*cursors)[i].delivered);
    }
    return delivered;
  }
  std::vector<uint64_t> NumbersBehind(uint64_t after, size_t limit = 1000) {
    std::vector<uint64_t> numbers;
    auto entries = checkpoint_->ReadOutbox(after, limit);
    EXPECT_THAT(entries, IsOk());
    for (const OutboxEntry& entry : *entries) {
      EXPECT_EQ(entry.finding.count, static_cast<int64_t>(entry.number));
      numbers.push_back(entry.number);
    }
    return numbers;
  }
  absl::Status Advance(const std::string& sink, uint64_t number,
                       const std::string& state = "") {
    return checkpoint_->Advance({.cursor = {sink, number, state}});
  }

  TempFolder folder_;
  FixedClock clock_;
  std::unique_ptr<SqliteCheckpoint> checkpoint_;
  int64_t committed_ = 0;
};

TEST_F(SqliteOutboxTest, AFindingStaysUntilEverySinkHasIt) {
  EXPECT_THAT(Use({"a", "b"}), ElementsAre(0, 0));
  Commit(4);
  ASSERT_THAT(checkpoint_->Delivered(4), IsOk());
  ASSERT_THAT(Advance("a", 3), IsOk());
  EXPECT_THAT(NumbersBehind(0), ElementsAre(1, 2, 3, 4));
  ASSERT_THAT(Advance("b", 2), IsOk());
  EXPECT_THAT(NumbersBehind(2), ElementsAre(3, 4));
  EXPECT_THAT(NumbersBehind(2, 1), ElementsAre(3));
  Reopen();
  EXPECT_THAT(Use({"b", "a"}), ElementsAre(2, 3));
  EXPECT_THAT(NumbersBehind(2), ElementsAre(3, 4));
  ASSERT_THAT(Advance("b", 4), IsOk());
  ASSERT_THAT(Advance("a", 4), IsOk());
  EXPECT_THAT(NumbersBehind(0), IsEmpty());
  EXPECT_EQ(checkpoint_->newest_finding(), 4);
}

TEST_F(SqliteOutboxTest, ANewSinkBeginsAtThePresentAndARemovedOneIsForgotten) {
  Use({"old"});
  Commit(3);
  ASSERT_THAT(checkpoint_->Delivered(3), IsOk());
  EXPECT_THAT(Use({"old", "new"}), ElementsAre(0, 3));
  EXPECT_THAT(Use({"new"}), ElementsAre(3));
  // Nobody waits for them any more.
  EXPECT_THAT(NumbersBehind(0), IsEmpty());
  Commit(1);
  ASSERT_THAT(checkpoint_->Delivered(4), IsOk());
  EXPECT_THAT(Use({"new", "old"}), ElementsAre(3, 4));
  EXPECT_THAT(Advance("other", 4),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("\"other\"")));
}

// Version 1 had no sinks: what it had not delivered goes to all of them.
TEST_F(SqliteOutboxTest, TheFirstSinksGetWhatWasNotDeliveredBefore) {
  Commit(5);
  ASSERT_THAT(checkpoint_->Delivered(2), IsOk());
  checkpoint_.reset();
  {
    auto database = SqliteDatabase::Open(folder_.path("state/oddverb.db"),
                                         SqliteDatabase::Kind::kExisting);
    ASSERT_THAT(database, IsOk());
    ASSERT_THAT(database->Execute("DELETE FROM sinks"), IsOk());
  }
  Reopen();
  EXPECT_THAT(Use({"file"}), ElementsAre(2));
  EXPECT_THAT(NumbersBehind(2), ElementsAre(3, 4, 5));
}

TEST_F(SqliteOutboxTest, ACursorKeepsItsStateAndNeverGoesBackOrAhead) {
  Use({"a"});
  Commit(3);
  ASSERT_THAT(Advance("a", 2, std::string("\0firing", 7)), IsOk());
  ASSERT_THAT(Advance("a", 1, "later"), IsOk());
  Reopen();
  auto cursors = checkpoint_->UseSinks(std::vector<std::string>{"a"});
  ASSERT_THAT(cursors, IsOk());
  EXPECT_EQ((*cursors)[0].delivered, 2);
  EXPECT_EQ((*cursors)[0].state, "later");
  ASSERT_THAT(Advance("a", 1000), IsOk());
  EXPECT_THAT(Use({"a"}), ElementsAre(3));
}

TEST_F(SqliteOutboxTest, ARefusedFindingIsADeadLetterOfItsSink) {
  Use({"a"});
  Commit(1);
  SinkProgress progress{.cursor = {"a", 1, ""}};
  progress.dead_letters = {{"a", "finding 1", "refused", "400", "{}", 2}};
  ASSERT_THAT(checkpoint_->Advance(progress), IsOk());
  Reopen();
  auto letters = checkpoint_->ReadDeadLetters(0, 10);
  ASSERT_EQ(letters->size(), 1);
  EXPECT_EQ((*letters)[0].row.source, "a");
  EXPECT_EQ((*letters)[0].row.detail, "400");
}

// A sink that was down for long: its backlog is not read into memory.
TEST_F(SqliteOutboxTest, RestoreShowsOnlyWhatThePipelineHasNotDelivered) {
  Use({"down"});
  Commit(100);
  ASSERT_THAT(checkpoint_->Delivered(98), IsOk());
  Reopen();
  auto restored = checkpoint_->Restore();
  ASSERT_THAT(restored, IsOk());
  ASSERT_EQ((*restored)->outbox.size(), 2);
  EXPECT_EQ((*restored)->outbox[0].number, 99);
  EXPECT_EQ(NumbersBehind(0).size(), 100);
}

TEST_F(SqliteOutboxTest, DamagedCursorsAreSeen) {
  for (const char* damage :
       {"UPDATE sinks SET delivered=delivered+1 WHERE name='a'",
        "UPDATE sinks SET state=x'00' WHERE name='a'",
        "UPDATE sinks SET name='b' WHERE name='a'", "DROP TABLE sinks"}) {
    Use({"a"});
    Commit(3);
    checkpoint_.reset();
    {
      auto database = SqliteDatabase::Open(folder_.path("state/oddverb.db"),
                                           SqliteDatabase::Kind::kExisting);
      ASSERT_THAT(database, IsOk());
      ASSERT_THAT(database->Execute(damage), IsOk()) << damage;
    }
    checkpoint_ = OpenState(folder_.path("state"), clock_);
    EXPECT_THAT(checkpoint_->notice(), HasSubstr("is damaged")) << damage;
    committed_ = 0;
  }
}

// Random sinks, commits, advances and kills: at any time the outbox holds all
// that some sink lacks, and nothing that all have.
TEST_F(SqliteOutboxTest, HoldsWhatSomebodyLacksWhateverHappens) {
  std::mt19937_64 random(7);
  std::map<std::string, uint64_t> expected = {{"a", 0}, {"b", 0}};
  auto names = [&] {
    std::vector<std::string> list;
    for (const auto& [name, at] : expected) list.push_back(name);
    return list;
  };
  Use(names());
  for (int step = 0; step < 400; ++step) {
    auto newest = static_cast<uint64_t>(committed_);
    switch (random() % 5) {
      case 0:
        Commit(static_cast<int>(random() % 5));
        break;
      case 1:
        ASSERT_THAT(checkpoint_->Delivered(newest), IsOk());
        break;
      case 2:
      case 3: {
        auto sink = std::next(expected.begin(),
                              static_cast<int>(random() % expected.size()));
        sink->second += random() % (newest - sink->second + 1);
        ASSERT_THAT(Advance(sink->first, sink->second), IsOk());
        break;
      }
      default: {
        ASSERT_THAT(checkpoint_->Delivered(newest), IsOk());
        Reopen();
        if (expected.size() > 2) expected.erase(expected.begin());
        expected[absl::StrCat("s", random() % 3)] += 0;
        std::vector<std::string> list = names();
        std::vector<uint64_t> cursors = Use(list);
        for (size_t i = 0; i < list.size(); ++i) {
          if (expected[list[i]] == 0) expected[list[i]] = cursors[i];
          ASSERT_EQ(cursors[i], expected[list[i]]) << step;
        }
      }
    }
    uint64_t least = static_cast<uint64_t>(committed_);
    for (const auto& [name, at] : expected) least = std::min(least, at);
    ASSERT_EQ(NumbersBehind(least).size(),
              static_cast<uint64_t>(committed_) - least);
  }
}

}  // namespace
}  // namespace oddverb
