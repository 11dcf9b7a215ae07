// Whatever has become of the files: the state is what was committed, or it is
// set aside with a notice, as it was found.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/sqlite_checkpoint.h"
#include "pipeline/sqlite_database.h"
#include "pipeline/state_schema.h"
#include "tests/support/input_files.h"
#include "tests/support/random_finding.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kDatabase[] = "oddverb.db";
constexpr char kAside[] = "oddverb.db.damaged-20231114T221320Z";

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class StateDamageTest : public ::testing::Test {
 protected:
  // A state with rows in every table, free pages too.
  StateDamageTest() {
    std::mt19937_64 random(3);
    auto checkpoint = OpenState(folder_.path("good"), clock_);
    CheckpointBatch batch = NumberedBatch(1);
    for (int i = 0; i < 10; ++i) {
      batch.findings.push_back(RandomFinding(random));
    }
    EXPECT_THAT(checkpoint->Commit(batch), IsOk());
    const std::string bodies[] = {std::string(9'000, 'x'), "{}", "",
                                  std::string(3'000, 'y')};
    std::vector<std::string_view> views(std::begin(bodies), std::end(bodies));
    EXPECT_THAT(checkpoint->Spool("hook", views), IsOk());
    // Leaves free pages behind.
    batch = NumberedBatch(2);
    EXPECT_THAT(checkpoint->Commit(batch), IsOk());
    content_ = ContentOf(*checkpoint, "hook");
    checkpoint.reset();
    good_ = ReadFile(folder_.path("good/oddverb.db"));
  }

  // Puts `database` into a directory of its own, opens it, and checks what can
  // be relied on. Returns whether it was set aside.
  bool OpensOrSetsAside(const std::string& database) {
    std::string name = absl::StrCat("bad", ++directories_);
    folder_.Write(name + "/" + kDatabase, database);
    std::string directory = folder_.path(name);
    auto checkpoint = OpenState(directory, clock_);
    if (checkpoint == nullptr) return false;
    bool aside = !checkpoint->notice().empty();
    if (aside) {
      EXPECT_EQ(ContentOf(*checkpoint, "hook"), "nothing\n");
      // Not EXPECT_EQ, which would print them.
      EXPECT_TRUE(ReadFile(directory + "/" + kAside) == database);
      EXPECT_THAT(checkpoint->notice(),
                  AllOf(HasSubstr(directory + "/" + kAside),
                        HasSubstr("is damaged"), HasSubstr("starts anew")));
    } else {
      EXPECT_TRUE(ContentOf(*checkpoint, "hook") == content_);
    }
    // And the service goes on.
    EXPECT_THAT(checkpoint->Commit(NumberedBatch(3)), IsOk());
    EXPECT_TRUE(checkpoint->Restore()->has_value());
    checkpoint.reset();
    std::filesystem::remove_all(directory);
    return aside;
  }

  TempFolder folder_;
  FixedClock clock_;
  std::string content_;
  std::string good_;
  int directories_ = 0;
};

TEST_F(StateDamageTest, AGoodDatabaseIsNotSetAside) {
  EXPECT_GE(good_.size(), 16 * 4'096);
  EXPECT_FALSE(OpensOrSetsAside(good_));
}

TEST_F(StateDamageTest, AFileThatIsNoDatabaseIsSetAside) {
  const std::string none[] = {"",
                              "x",
                              std::string(4'096, '\0'),
                              std::string(100'000, '\xff'),
                              "SQLite format 3" + std::string(1, '\0'),
                              good_.substr(0, 100),
                              "S" + good_.substr(0, good_.size() - 1),
                              std::string(100, 'g') + good_.substr(100)};
  for (const std::string& bytes : none) {
    EXPECT_TRUE(OpensOrSetsAside(bytes)) << bytes.size();
  }
}

TEST_F(StateDamageTest, ATruncatedFileIsSetAside) {
  std::mt19937_64 random(5);
  size_t last_page = good_.size() - 4'096;
  for (int i = 0; i < 25; ++i) {
    EXPECT_TRUE(OpensOrSetsAside(good_.substr(0, random() % last_page)));
  }
  EXPECT_TRUE(OpensOrSetsAside(good_.substr(0, last_page)));
  // May have been zeros.
  OpensOrSetsAside(good_.substr(0, good_.size() - 1));
}

TEST_F(StateDamageTest, NoFlippedBitChangesAnythingInSilence) {
  std::mt19937_64 random(6);
  int aside = 0;
  for (int i = 0; i < 200; ++i) {
    std::string bytes = good_;
    // Half of them in the header, whose every field means something.
    size_t end = i % 2 == 0 ? bytes.size() : 200;
    bytes[random() % end] ^= static_cast<char>(1 << random() % 8);
    aside += OpensOrSetsAside(bytes) ? 1 : 0;
  }
  // Most bytes count; free pages and the unused middle of a page do not.
  EXPECT_GE(aside, 50);
}

TEST_F(StateDamageTest, NoPageThatWasOverwrittenChangesAnythingInSilence) {
  std::mt19937_64 random(7);
  size_t pages = good_.size() / 4'096;
  for (size_t page = 0; page < pages; ++page) {
    std::string bytes = good_;
    // Zeros, another page, or noise: what a disk puts there.
    std::string other(4'096, '\0');
    if (page % 3 == 1) other = good_.substr(random() % pages * 4'096, 4'096);
    if (page % 3 == 2) std::generate(other.begin(), other.end(), random);
    bytes.replace(page * 4'096, 4'096, other);
    SCOPED_TRACE(absl::StrCat("page ", page));
    OpensOrSetsAside(bytes);
  }
}

TEST_F(StateDamageTest, ADamagedLogLeavesAWholeCommit) {
  // Copied while it is open, as a crash would leave it.
  auto checkpoint = OpenState(folder_.path("live"), clock_);
  for (uint64_t n = 1; n <= 8; ++n) {
    ASSERT_THAT(checkpoint->Commit(NumberedBatch(n)), IsOk());
  }
  std::string database = ReadFile(folder_.path("live/oddverb.db"));
  std::string log = ReadFile(folder_.path("live/oddverb.db-wal"));
  ASSERT_GE(log.size(), 100'000);
  std::mt19937_64 random(8);
  for (int i = 0; i < 60; ++i) {
    std::string bytes = log;
    bytes[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
    if (i % 3 == 0) bytes.resize(random() % bytes.size());
    std::string name = absl::StrCat("crash", i);
    folder_.Write(name + "/" + kDatabase, database);
    folder_.Write(name + "/oddverb.db-wal", bytes);
    auto reopened = OpenState(folder_.path(name), clock_);
    ASSERT_NE(reopened, nullptr);
    auto restored = reopened->Restore();
    ASSERT_THAT(restored, IsOk());
    if (restored->has_value()) {
      EXPECT_EQ(NumbersIn(**restored).size(), 1);
    }
  }
}

TEST_F(StateDamageTest, ALogWithoutItsDatabaseIsSetAside) {
  folder_.Write("x/oddverb.db-wal", "pages of yesterday");
  auto checkpoint = OpenState(folder_.path("x"), clock_);
  EXPECT_THAT(checkpoint->notice(), HasSubstr("the file is missing"));
  EXPECT_EQ(ReadFile(folder_.path(absl::StrCat("x/", kAside, "-wal"))),
            "pages of yesterday");
}

TEST_F(StateDamageTest, TwoDamagedInOneSecondAreBothKept) {
  for (const char* text : {"first", "second", "third"}) {
    folder_.Write("x/oddverb.db", text);
    EXPECT_THAT(OpenState(folder_.path("x"), clock_)->notice(),
                HasSubstr("not a database"));
  }
  std::string aside = folder_.path(absl::StrCat("x/", kAside));
  EXPECT_EQ(ReadFile(aside) + ReadFile(aside + "-2") + ReadFile(aside + "-3"),
            "firstsecondthird");
}

TEST_F(StateDamageTest, WhatAKilledFirstStartLeftIsNoDamage) {
  folder_.Write("x/oddverb.db.new", "half");
  folder_.Write("x/oddverb.db.new-wal", "half");
  auto checkpoint = OpenState(folder_.path("x"), clock_);
  EXPECT_EQ(checkpoint->notice(), "");
  EXPECT_FALSE(std::filesystem::exists(folder_.path("x/oddverb.db.new")));
}

// Changes the good database by SQL and opens it.
class ChangedStateTest : public StateDamageTest,
                         public ::testing::WithParamInterface<const char*> {};

TEST_P(ChangedStateTest, IsSetAside) {
  std::string file = folder_.Write("changed.db", good_);
  auto database = SqliteDatabase::Open(file, SqliteDatabase::Kind::kExisting);
  ASSERT_THAT(database, IsOk());
  ASSERT_THAT(database->Execute(GetParam()), IsOk());
  database->Close();
  EXPECT_TRUE(OpensOrSetsAside(ReadFile(file)));
}

INSTANTIATE_TEST_SUITE_P(
    All, ChangedStateTest,
    ::testing::Values("UPDATE state SET bytes=x'00' WHERE id=3",
                      "UPDATE state SET id=99 WHERE id=3",
                      "UPDATE state SET kind=300 WHERE id=3",
                      "UPDATE bookmarks SET bytes=x'00'",
                      "UPDATE bookmarks SET source='other'",
                      "UPDATE outbox SET finding=x'00' WHERE number=2",
                      "UPDATE outbox SET number=500 WHERE number=2",
                      "UPDATE counters SET value=value-1",
                      "DELETE FROM counters", "UPDATE spool SET source='other'",
                      "UPDATE spool SET bytes=x'00' WHERE number=4",
                      "DELETE FROM meta WHERE key='hash_key'",
                      "UPDATE meta SET value='zz' WHERE key='hash_key'",
                      "DROP TABLE outbox", "DROP TABLE dead_letters",
                      "ALTER TABLE state ADD COLUMN more TEXT"));

TEST_F(StateDamageTest, ANewerStateIsRefusedAndLeftAlone) {
  std::string file = folder_.Write("x/oddverb.db", good_);
  {
    auto database = SqliteDatabase::Open(file, SqliteDatabase::Kind::kExisting);
    ASSERT_THAT(database, IsOk());
    ASSERT_THAT(WriteMeta(*database, "schema_version", "7"), IsOk());
    ASSERT_THAT(WriteMeta(*database, "needs_program", "9.1.0"), IsOk());
    ASSERT_THAT(database->Execute("ALTER TABLE state ADD COLUMN more TEXT"),
                IsOk());
  }
  std::string before = ReadFile(file);
  EXPECT_THAT(SqliteCheckpoint::Open({.directory = folder_.path("x")}, clock_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(file), HasSubstr("format 7"),
                             HasSubstr("use oddverb 9.1.0 or newer"))));
  EXPECT_TRUE(ReadFile(file) == before);
}

}  // namespace
}  // namespace oddverb
