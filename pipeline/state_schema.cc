#include "pipeline/state_schema.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/keyed_hash.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr char kVersionKey[] = "schema_version";
constexpr char kProgramKey[] = "needs_program";

// Of no version: every program must be able to read which one it meets.
constexpr char kMetaTable[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL,"
    " sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

// "sum" is RowSum(). Rows of bodies and findings keep the default layout: in a
// table WITHOUT ROWID a row above 1 KB would take a page of its own.
constexpr char kFirstVersion[] =
    // Numbers that survive the rows they were given to, and records_judged.
    "CREATE TABLE counters(name TEXT PRIMARY KEY NOT NULL,"
    " value INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE state(owner TEXT NOT NULL, kind INTEGER NOT NULL,"
    " id INTEGER NOT NULL, bytes BLOB NOT NULL, sum INTEGER NOT NULL,"
    " PRIMARY KEY(owner, kind, id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE bookmarks(source TEXT PRIMARY KEY NOT NULL,"
    " bytes BLOB NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE outbox(number INTEGER PRIMARY KEY, finding BLOB NOT NULL,"
    " sum INTEGER NOT NULL) STRICT;"
    "CREATE TABLE spool(number INTEGER PRIMARY KEY, source TEXT NOT NULL,"
    " bytes BLOB NOT NULL, sum INTEGER NOT NULL) STRICT;"
    "CREATE INDEX spool_by_source ON spool(source);"
    "CREATE TABLE dead_letters(number INTEGER PRIMARY KEY,"
    " source TEXT NOT NULL, place TEXT NOT NULL, reason TEXT NOT NULL,"
    " detail TEXT NOT NULL, sample BLOB NOT NULL,"
    " record_bytes INTEGER NOT NULL, at TEXT NOT NULL,"
    " size INTEGER NOT NULL) STRICT;";

// Cursors into the outbox. What version 1 had not delivered is still there and
// goes to every sink, as the first one begins at the oldest finding.
constexpr char kSecondVersion[] =
    "CREATE TABLE sinks(name TEXT PRIMARY KEY NOT NULL,"
    " delivered INTEGER NOT NULL, state BLOB NOT NULL,"
    " sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

constexpr StateMigration kMigrations[] = {
    {.version = 1, .program = "0.1.0", .sql = kFirstVersion},
    {.version = 2, .program = "0.1.0", .sql = kSecondVersion},
};

// 0 = a new database.
absl::StatusOr<uint64_t> VersionOf(SqliteDatabase& database) {
  ODDVERB_ASSIGN_OR_RETURN(
      uint64_t tables,
      database.ReadInteger("SELECT count(*) FROM sqlite_schema"));
  if (tables == 0) return 0;
  absl::StatusOr<std::string> text = ReadMeta(database, kVersionKey);
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  uint64_t version = 0;
  if (!text.ok() || !absl::SimpleAtoi(*text, &version) || version == 0) {
    return absl::DataLossError("the version of the state is missing");
  }
  return version;
}

absl::Status NewerStateError(SqliteDatabase& database, uint64_t version,
                             uint64_t known) {
  ODDVERB_ASSIGN_OR_RETURN(std::string program,
                           ReadMeta(database, kProgramKey));
  return absl::FailedPreconditionError(absl::StrCat(
      "the state has format ", version, " and this program knows up to ", known,
      "; use oddverb ", program, " or newer, or another state directory"));
}

}  // namespace

std::span<const StateMigration> StateMigrations() { return kMigrations; }

absl::Status MigrateState(SqliteDatabase& database,
                          std::span<const StateMigration> migrations) {
  ODDVERB_ASSIGN_OR_RETURN(uint64_t version, VersionOf(database));
  const StateMigration& last = migrations.back();
  if (version > last.version) {
    return NewerStateError(database, version, last.version);
  }
  if (version == last.version) return absl::OkStatus();
  ODDVERB_ASSIGN_OR_RETURN(SqliteTransaction transaction,
                           SqliteTransaction::Begin(database));
  if (version == 0) ODDVERB_RETURN_IF_ERROR(database.Execute(kMetaTable));
  for (const StateMigration& migration : migrations) {
    if (migration.version <= version) continue;
    ODDVERB_RETURN_IF_ERROR(database.Execute(migration.sql));
  }
  ODDVERB_RETURN_IF_ERROR(
      WriteMeta(database, kVersionKey, absl::StrCat(last.version)));
  ODDVERB_RETURN_IF_ERROR(WriteMeta(database, kProgramKey, last.program));
  return transaction.Commit();
}

uint64_t RowSum(std::string_view table,
                std::initializer_list<std::string_view> texts,
                std::initializer_list<uint64_t> numbers) {
  // The bytes may be large: hashed where they lie, not copied together.
  const KeyedHash hash;
  uint64_t sum = hash.Hash(table);
  for (std::string_view text : texts) sum = hash.Combine(sum, hash.Hash(text));
  for (uint64_t number : numbers) sum = hash.Combine(sum, number);
  return sum;
}

absl::StatusOr<std::string> ReadMeta(SqliteDatabase& database,
                                     std::string_view key) {
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteStatement read,
      database.Prepare("SELECT value, sum FROM meta WHERE key=?1"));
  ODDVERB_ASSIGN_OR_RETURN(bool has_row, read.BindText(key).Step());
  if (!has_row) {
    return absl::NotFoundError(absl::StrCat("meta lacks ", A(key)));
  }
  std::string value(read.Bytes(0));
  if (read.Integer(1) != RowSum("meta", {key, value}, {})) {
    return absl::DataLossError(absl::StrCat("meta: ", A(key), " is damaged"));
  }
  return value;
}

absl::Status WriteMeta(SqliteDatabase& database, std::string_view key,
                       std::string_view value) {
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteStatement write,
      database.Prepare("INSERT OR REPLACE INTO meta VALUES(?1,?2,?3)"));
  return write.BindText(key)
      .BindText(value)
      .BindInteger(RowSum("meta", {key, value}, {}))
      .Run();
}

}  // namespace oddverb
