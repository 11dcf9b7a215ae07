#include "pipeline/sqlite_database.h"

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

class SqliteDatabaseTest : public ::testing::Test {
 protected:
  SqliteDatabaseTest() {
    auto opened =
        SqliteDatabase::Open(folder_.path("a.db"), SqliteDatabase::Kind::kNew);
    EXPECT_THAT(opened, IsOk());
    if (opened.ok()) database_ = *std::move(opened);
    EXPECT_THAT(
        database_.Execute("CREATE TABLE t(n INTEGER PRIMARY KEY, x BLOB)"),
        IsOk());
  }

  SqliteStatement Prepare(std::string_view sql) {
    auto prepared = database_.Prepare(sql);
    EXPECT_THAT(prepared, IsOk());
    return prepared.ok() ? *std::move(prepared) : SqliteStatement();
  }
  uint64_t Count() {
    return database_.ReadInteger("SELECT count(*) FROM t").value_or(999);
  }

  TempFolder folder_;
  SqliteDatabase database_;
};

TEST_F(SqliteDatabaseTest, GivesBackExactlyTheBytesItGot) {
  const std::string values[] = {"", "a", std::string("a\0b", 3),
                                "\xff\xfe not UTF-8",
                                std::string(100'000, 'x')};
  SqliteStatement insert = Prepare("INSERT INTO t VALUES(?1,?2)");
  SqliteStatement read = Prepare("SELECT x, typeof(x) FROM t WHERE n=?1");
  uint64_t n = 0;
  for (const std::string& value : values) {
    for (bool is_text : {false, true}) {
      insert.BindInteger(++n);
      is_text ? insert.BindText(value) : insert.BindBlob(value);
      ASSERT_THAT(insert.Run(), IsOk());
      auto row = read.BindInteger(n).Step();
      ASSERT_THAT(row, IsOk());
      ASSERT_TRUE(*row);
      EXPECT_EQ(read.ByteCount(0), value.size());
      EXPECT_EQ(read.Bytes(0), value);
      EXPECT_EQ(read.Bytes(1), is_text ? "text" : "blob");
      read.Reset();
    }
  }
  // A default view has no bytes to point to, and is still not NULL.
  ASSERT_THAT(insert.BindInteger(++n).BindBlob({}).Run(), IsOk());
  EXPECT_EQ(
      *database_.ReadText(absl::StrCat("SELECT typeof(x) FROM t WHERE n=", n)),
      "blob");
}

TEST_F(SqliteDatabaseTest, KeepsAll64BitsOfANumber) {
  SqliteStatement insert = Prepare("INSERT INTO t VALUES(?1,'')");
  for (uint64_t n :
       {uint64_t{0}, uint64_t{1} << 32, uint64_t{1} << 63, ~uint64_t{0}}) {
    ASSERT_THAT(insert.BindInteger(n).Run(), IsOk());
    SqliteStatement read = Prepare("SELECT n FROM t WHERE n=?1");
    ASSERT_TRUE(*read.BindInteger(n).Step());
    EXPECT_EQ(read.Integer(0), n);
  }
}

TEST_F(SqliteDatabaseTest, AStatementIsUsableAgainAfterAFailure) {
  SqliteStatement insert = Prepare("INSERT INTO t VALUES(?1,?2)");
  ASSERT_THAT(insert.BindInteger(1).BindText("a").Run(), IsOk());
  EXPECT_THAT(insert.BindInteger(1).BindText("b").Run(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("UNIQUE")));
  // More values than the statement has.
  EXPECT_FALSE(insert.BindInteger(2).BindText("c").BindText("d").Run().ok());
  ASSERT_THAT(insert.BindInteger(2).BindText("e").Run(), IsOk());
  EXPECT_EQ(Count(), 2);
  EXPECT_EQ(*database_.ReadText("SELECT x FROM t WHERE n=2"), "e");
}

TEST_F(SqliteDatabaseTest, ATransactionWithoutCommitLeavesNothing) {
  {
    auto transaction = SqliteTransaction::Begin(database_);
    ASSERT_THAT(transaction, IsOk());
    ASSERT_THAT(database_.Execute("INSERT INTO t VALUES(1,'')"), IsOk());
    EXPECT_TRUE(database_.in_transaction());
  }
  EXPECT_FALSE(database_.in_transaction());
  EXPECT_EQ(Count(), 0);

  auto transaction = SqliteTransaction::Begin(database_);
  ASSERT_THAT(transaction, IsOk());
  ASSERT_THAT(database_.Execute("INSERT INTO t VALUES(1,'')"), IsOk());
  ASSERT_THAT(transaction->Commit(), IsOk());
  EXPECT_EQ(Count(), 1);
}

TEST_F(SqliteDatabaseTest, IsDurableAndCutsItsLog) {
  EXPECT_EQ(*database_.ReadText("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(*database_.ReadInteger("PRAGMA synchronous"), 2);  // FULL
  EXPECT_EQ(*database_.ReadInteger("PRAGMA auto_vacuum"), 2);  // INCREMENTAL
  EXPECT_EQ(*database_.ReadInteger("PRAGMA secure_delete"), 1);
}

TEST_F(SqliteDatabaseTest, SaysWhatIsWrong) {
  EXPECT_THAT(database_.Execute("SELECT x FROM nowhere"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no such table: nowhere")));
  EXPECT_THAT(database_.Prepare("SELEC"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(folder_.path("a.db"))));
  EXPECT_THAT(database_.ReadInteger("SELECT n FROM t"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no row")));
  EXPECT_THAT(SqliteDatabase::Open(folder_.path("missing/a.db"),
                                   SqliteDatabase::Kind::kNew),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing/a.db")));
  folder_.Write("text.db", std::string(5'000, 'x'));
  EXPECT_THAT(SqliteDatabase::Open(folder_.path("text.db"),
                                   SqliteDatabase::Kind::kExisting),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("text.db")));
}

TEST_F(SqliteDatabaseTest, OpeningChangesNothing) {
  database_.Close();
  auto before = std::filesystem::last_write_time(folder_.path("a.db"));
  auto opened = SqliteDatabase::Open(folder_.path("a.db"),
                                     SqliteDatabase::Kind::kExisting);
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(*opened->ReadInteger("SELECT count(*) FROM t"), 0);
  opened->Close();
  EXPECT_EQ(std::filesystem::last_write_time(folder_.path("a.db")), before);
}

TEST_F(SqliteDatabaseTest, NoSpaceIsResourceExhaustedAndPasses) {
  ASSERT_THAT(database_.Execute("PRAGMA max_page_count=20"), IsOk());
  SqliteStatement insert = Prepare("INSERT INTO t VALUES(?1,?2)");
  const std::string large(200'000, 'x');
  {
    auto transaction = SqliteTransaction::Begin(database_);
    ASSERT_THAT(insert.BindInteger(1).BindBlob("small").Run(), IsOk());
    EXPECT_THAT(insert.BindInteger(2).BindBlob(large).Run(),
                StatusIs(absl::StatusCode::kResourceExhausted,
                         HasSubstr("free space")));
  }
  EXPECT_EQ(Count(), 0);
  ASSERT_THAT(database_.Execute("PRAGMA max_page_count=2000"), IsOk());
  EXPECT_THAT(insert.BindInteger(2).BindBlob(large).Run(), IsOk());
}

}  // namespace
}  // namespace oddverb
