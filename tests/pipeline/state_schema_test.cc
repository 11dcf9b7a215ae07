#include "pipeline/state_schema.h"

#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const StateMigration kOne[] = {
    {1, "0.1.0", "CREATE TABLE a(x INTEGER) STRICT"}};
const StateMigration kThree[] = {
    kOne[0],
    {2, "0.2.0", "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7"},
    {3, "0.4.0", "CREATE TABLE b(z INTEGER) STRICT; INSERT INTO b VALUES(3)"}};

class StateSchemaTest : public ::testing::Test {
 protected:
  StateSchemaTest() {
    auto opened =
        SqliteDatabase::Open(folder_.path("a.db"), SqliteDatabase::Kind::kNew);
    EXPECT_THAT(opened, IsOk());
    if (opened.ok()) database_ = *std::move(opened);
  }
  std::string Version() {
    return ReadMeta(database_, "schema_version").value_or("none");
  }

  TempFolder folder_;
  SqliteDatabase database_;
};

TEST_F(StateSchemaTest, MigrationsCountUpFromOneAndNameTheirProgram) {
  uint64_t version = 0;
  for (const StateMigration& migration : StateMigrations()) {
    EXPECT_EQ(migration.version, ++version);
    EXPECT_STRNE(migration.program, "");
  }
  EXPECT_GE(version, 1);
}

TEST_F(StateSchemaTest, AppliesWhatIsMissingAndKeepsTheRows) {
  ASSERT_THAT(MigrateState(database_, kOne), IsOk());
  EXPECT_EQ(Version(), "1");
  ASSERT_THAT(database_.Execute("INSERT INTO a VALUES(5)"), IsOk());
  ASSERT_THAT(MigrateState(database_, kThree), IsOk());
  EXPECT_EQ(Version(), "3");
  EXPECT_EQ(*database_.ReadInteger("SELECT x*10+y FROM a"), 57);
  // Nothing to do the second time.
  ASSERT_THAT(MigrateState(database_, kThree), IsOk());
  EXPECT_EQ(*database_.ReadInteger("SELECT count(*) FROM b"), 1);
}

TEST_F(StateSchemaTest, ANewDatabaseGetsAllOfThem) {
  ASSERT_THAT(MigrateState(database_, kThree), IsOk());
  EXPECT_EQ(Version(), "3");
  EXPECT_EQ(*database_.ReadInteger("SELECT z FROM b"), 3);
}

TEST_F(StateSchemaTest, AMigrationThatFailsLeavesTheOldVersionAsItWas) {
  const StateMigration broken[] = {kThree[0], kThree[1], {3, "0.4.0", "OOPS"}};
  ASSERT_THAT(MigrateState(database_, kOne), IsOk());
  EXPECT_THAT(MigrateState(database_, broken),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("OOPS")));
  EXPECT_EQ(Version(), "1");
  EXPECT_FALSE(database_.ReadInteger("SELECT count(y) FROM a").ok());
  EXPECT_THAT(MigrateState(database_, kThree), IsOk());
}

TEST_F(StateSchemaTest, NamesTheProgramThatANewerStateNeeds) {
  ASSERT_THAT(MigrateState(database_, kThree), IsOk());
  EXPECT_THAT(MigrateState(database_, kOne),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("format 3"), HasSubstr("knows up to 1"),
                             HasSubstr("oddverb 0.4.0 or newer"))));
  EXPECT_EQ(Version(), "3");
}

TEST_F(StateSchemaTest, AVersionThatIsMissingOrChangedIsDamage) {
  ASSERT_THAT(MigrateState(database_, kOne), IsOk());
  ASSERT_THAT(
      database_.Execute("UPDATE meta SET value='9' WHERE key='schema_version'"),
      IsOk());
  EXPECT_THAT(MigrateState(database_, kOne),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("schema_version is damaged")));
  ASSERT_THAT(database_.Execute("DELETE FROM meta"), IsOk());
  EXPECT_THAT(MigrateState(database_, kOne),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is missing")));
}

TEST(RowSumTest, DependsOnEveryPartAndItsPlace) {
  const std::vector<uint64_t> sums = {
      RowSum("t", {}, {}),          RowSum("u", {}, {}),
      RowSum("t", {"a"}, {}),       RowSum("t", {"a", ""}, {}),
      RowSum("t", {"", "a"}, {}),   RowSum("t", {"ab", "c"}, {}),
      RowSum("t", {"a", "bc"}, {}), RowSum("t", {"a"}, {1}),
      RowSum("t", {"a"}, {1, 2}),   RowSum("t", {"a"}, {2, 1}),
  };
  EXPECT_EQ(std::set<uint64_t>(sums.begin(), sums.end()).size(), sums.size());
  // Part of the file's format.
  EXPECT_EQ(RowSum("t", {"a"}, {1}), RowSum("t", {"a"}, {1}));
}

}  // namespace
}  // namespace oddverb
