#include "pipeline/state_copy.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "pipeline/state_schema.h"

namespace oddverb {
namespace {

// Counted up when the tables or what they hold change: another one's copy is
// dropped.
constexpr uint64_t kFormat = 1;

constexpr char kTables[] =
    "CREATE TABLE records(key BLOB PRIMARY KEY, value BLOB NOT NULL,"
    " sum INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE mark(one INTEGER PRIMARY KEY CHECK(one=1),"
    " identity BLOB NOT NULL, next_offset INTEGER NOT NULL,"
    " complete_as_of_ms INTEGER NOT NULL, sum INTEGER NOT NULL);";

// Whole or as of an earlier moment after a power cut: both will do.
constexpr char kSettings[] = "PRAGMA synchronous=NORMAL;";

uint64_t SumOf(std::string_view key, std::string_view value) {
  return RowSum("records", {key, value}, {});
}

uint64_t MillisecondsOf(absl::Time time) {
  return static_cast<uint64_t>(absl::ToUnixMillis(time));
}

uint64_t SumOf(const StateCopy::Mark& mark) {
  return RowSum("mark", {mark.identity},
                {mark.next_offset, MillisecondsOf(mark.complete_as_of)});
}

// Nullopt: there is none.
absl::StatusOr<std::optional<StateCopy::Mark>> ReadMark(
    SqliteDatabase& database) {
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteStatement read,
      database.Prepare("SELECT identity, next_offset, complete_as_of_ms, sum"
                       " FROM mark"));
  ODDVERB_ASSIGN_OR_RETURN(const bool has_row, read.Step());
  if (!has_row) return std::nullopt;
  StateCopy::Mark mark = {.identity = std::string(read.Bytes(0)),
                          .next_offset = read.Integer(1),
                          .complete_as_of = absl::FromUnixMillis(
                              static_cast<int64_t>(read.Integer(2)))};
  if (read.Integer(3) != SumOf(mark)) {
    return absl::DataLossError("the row of the table mark is damaged");
  }
  return mark;
}

// What helps against these is to make it anew.
bool IsUseless(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsInvalidArgument(status);
}

}  // namespace

absl::StatusOr<std::unique_ptr<StateCopy>> StateCopy::Open(
    const std::string& path) {
  ODDVERB_ASSIGN_OR_RETURN(StateDirectory directory,
                           StateDirectory::Open(path, "copy_dir"));
  std::unique_ptr<StateCopy> made(new StateCopy(std::move(directory)));
  absl::StatusOr<bool> is_there = made->directory_.HasDatabase();
  if (is_there.ok() && *is_there) {
    absl::StatusOr<SqliteDatabase> database = SqliteDatabase::Open(
        made->directory_.database_path(), SqliteDatabase::Kind::kExisting);
    absl::Status used =
        database.ok() ? made->Use(*std::move(database)) : database.status();
    if (used.ok()) return made;
    if (!IsUseless(used)) return used;
  } else if (!is_there.ok() && !IsUseless(is_there.status())) {
    return is_there.status();
  }
  ODDVERB_RETURN_IF_ERROR(made->Clear());
  return made;
}

absl::Status StateCopy::Use(SqliteDatabase database) {
  ODDVERB_RETURN_IF_ERROR(database.Execute(kSettings));
  ODDVERB_ASSIGN_OR_RETURN(const uint64_t format,
                           database.ReadInteger("PRAGMA user_version"));
  if (format != kFormat) {
    return absl::DataLossError("the copy is of another version");
  }
  ODDVERB_ASSIGN_OR_RETURN(mark_, ReadMark(database));
  ODDVERB_ASSIGN_OR_RETURN(
      put_,
      database.Prepare("INSERT OR REPLACE INTO records VALUES(?1,?2,?3)"));
  ODDVERB_ASSIGN_OR_RETURN(
      delete_, database.Prepare("DELETE FROM records WHERE key=?1"));
  ODDVERB_ASSIGN_OR_RETURN(
      put_mark_,
      database.Prepare("INSERT OR REPLACE INTO mark VALUES(1,?1,?2,?3,?4)"));
  database_ = std::move(database);
  return absl::OkStatus();
}

absl::Status StateCopy::Create() {
  ODDVERB_RETURN_IF_ERROR(directory_.PrepareNewDatabase());
  ODDVERB_ASSIGN_OR_RETURN(SqliteDatabase database,
                           SqliteDatabase::Open(directory_.new_database_path(),
                                                SqliteDatabase::Kind::kNew));
  ODDVERB_RETURN_IF_ERROR(database.Execute(kTables));
  ODDVERB_RETURN_IF_ERROR(
      database.Execute(absl::StrCat("PRAGMA user_version=", kFormat)));
  database.Close();
  return directory_.KeepNewDatabase();
}

absl::Status StateCopy::Clear() {
  for (SqliteStatement* statement : {&put_, &delete_, &put_mark_}) {
    *statement = SqliteStatement();
  }
  database_ = SqliteDatabase();
  mark_.reset();
  // Before its log, without which it would be another one.
  ::unlink(directory_.database_path().c_str());
  ODDVERB_RETURN_IF_ERROR(Create());
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteDatabase database,
      SqliteDatabase::Open(directory_.database_path(),
                           SqliteDatabase::Kind::kExisting));
  return Use(std::move(database));
}

absl::Status StateCopy::Read(const StateLog::Each& each) {
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteStatement read,
      database_.Prepare("SELECT key, value, sum FROM records"));
  for (;;) {
    ODDVERB_ASSIGN_OR_RETURN(const bool has_row, read.Step());
    if (!has_row) return absl::OkStatus();
    const std::string_view key = read.Bytes(0);
    const std::string_view value = read.Bytes(1);
    if (read.Integer(2) != SumOf(key, value)) {
      return absl::DataLossError("a row of the table records is damaged");
    }
    ODDVERB_RETURN_IF_ERROR(each(key, value));
  }
}

absl::Status StateCopy::Apply(std::span<const StateLogRecord> records,
                              const Mark& mark) {
  ODDVERB_ASSIGN_OR_RETURN(SqliteTransaction transaction,
                           SqliteTransaction::Begin(database_));
  for (const StateLogRecord& record : records) {
    if (record.value.has_value()) {
      ODDVERB_RETURN_IF_ERROR(put_.BindBlob(record.key)
                                  .BindBlob(*record.value)
                                  .BindInteger(SumOf(record.key, *record.value))
                                  .Run());
    } else {
      ODDVERB_RETURN_IF_ERROR(delete_.BindBlob(record.key).Run());
    }
  }
  ODDVERB_RETURN_IF_ERROR(put_mark_.BindBlob(mark.identity)
                              .BindInteger(mark.next_offset)
                              .BindInteger(MillisecondsOf(mark.complete_as_of))
                              .BindInteger(SumOf(mark))
                              .Run());
  ODDVERB_RETURN_IF_ERROR(transaction.Commit());
  mark_ = mark;
  return absl::OkStatus();
}

}  // namespace oddverb
