#include "pipeline/sqlite_database.h"

#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace oddverb {
namespace {

// Only a person's sqlite3 shell can hold the lock besides us.
constexpr int kBusyMilliseconds = 5'000;

// None of these is the default everywhere:
// - cell_size_check, trusted_schema, mmap_size: what SQLite advises for a file
//   that may be damaged (sqlite.org/security.html); a mapped file that shrinks
//   would end the process.
// - secure_delete: spooled bodies may hold secrets; what is judged must not
//   stay readable in free pages. Measured: 7 ms for each MB judged.
// - journal_size_limit: a log that one large commit has grown is cut again.
// A larger cache_size brought nothing: a commit of 20,000 rows spread over a
// million took 0.3 s with 2, 16 and 64 MiB.
constexpr char kSettings[] =
    "PRAGMA cell_size_check=ON;"
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA mmap_size=0;"
    "PRAGMA secure_delete=ON;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA journal_size_limit=16777216;"
    "PRAGMA temp_store=MEMORY;";

// No space by a name that SQLite does not know. Not after a failed fsync: what
// it was to write may be lost though a second fsync succeeds
// (Rebello et al., "Can Applications Recover from fsync Failures?", 2020).
bool IsNoSpace(int code, int system_error) {
  if (code == SQLITE_FULL) return true;
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) {
    return false;
  }
  bool is_io =
      (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
  return is_io && (system_error == ENOSPC || system_error == EDQUOT ||
                   system_error == EFBIG);
}

// Of the failed write, for which sqlite3_system_errno() says 0 after SQLite has
// rolled back: the log's file object still knows.
int LogWriteError(sqlite3* database) {
  sqlite3_file* log = nullptr;
  int error = 0;
  sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log != nullptr && log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  return error;
}

absl::StatusCode StatusCodeOf(int code, int system_error) {
  if (IsNoSpace(code, system_error)) {
    return absl::StatusCode::kResourceExhausted;
  }
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kUnavailable;
    case SQLITE_NOMEM:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_ERROR:
    case SQLITE_TOOBIG:
      return absl::StatusCode::kInvalidArgument;
    case SQLITE_READONLY:
      return absl::StatusCode::kFailedPrecondition;
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::StatusCode::kPermissionDenied;
    case SQLITE_CANTOPEN:
      return system_error == ENOENT ? absl::StatusCode::kNotFound
                                    : absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kInternal;
  }
}

// The status of `code`, which a call on the database at `path` has just
// returned. `database` is null where there was no memory for it.
absl::Status StatusAt(const char* path, sqlite3* database, int code) {
  int system_error = database == nullptr ? 0 : sqlite3_system_errno(database);
  if (code == SQLITE_IOERR_WRITE && system_error == 0) {
    system_error = LogWriteError(database);
  }
  std::string message =
      absl::StrCat(path, ": ", sqlite3_errstr(code), " (SQLite ", code);
  // The connection's message is about its last call, which need not be this.
  if (database != nullptr && sqlite3_extended_errcode(database) == code) {
    absl::StrAppend(&message, ": ", sqlite3_errmsg(database));
  }
  absl::StrAppend(&message, ")");
  absl::StatusCode result = StatusCodeOf(code, system_error);
  if (result == absl::StatusCode::kResourceExhausted) {
    absl::StrAppend(&message, "; free space on its file system");
  }
  return absl::Status(result, message);
}

absl::Status StatusOf(sqlite3* database, int code) {
  return StatusAt(sqlite3_db_filename(database, "main"), database, code);
}

}  // namespace

void SqliteStatement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqliteStatement& SqliteStatement::BindInteger(uint64_t value) {
  int code = sqlite3_bind_int64(statement_.get(), ++bound_,
                                static_cast<sqlite3_int64>(value));
  if (bind_error_ == SQLITE_OK) bind_error_ = code;
  return *this;
}

SqliteStatement& SqliteStatement::BindText(std::string_view value) {
  // A null pointer would bind NULL.
  const char* text = value.data() == nullptr ? "" : value.data();
  int code = sqlite3_bind_text64(statement_.get(), ++bound_, text, value.size(),
                                 SQLITE_STATIC, SQLITE_UTF8);
  if (bind_error_ == SQLITE_OK) bind_error_ = code;
  return *this;
}

SqliteStatement& SqliteStatement::BindBlob(std::string_view value) {
  const char* bytes = value.data() == nullptr ? "" : value.data();
  int code = sqlite3_bind_blob64(statement_.get(), ++bound_, bytes,
                                 value.size(), SQLITE_STATIC);
  if (bind_error_ == SQLITE_OK) bind_error_ = code;
  return *this;
}

absl::StatusOr<bool> SqliteStatement::Step() {
  int code =
      bind_error_ != SQLITE_OK ? bind_error_ : sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    Reset();
    return false;
  }
  // Before Reset(), which would overwrite the message.
  absl::Status failed = StatusOf(sqlite3_db_handle(statement_.get()), code);
  Reset();
  return failed;
}

absl::Status SqliteStatement::Run() {
  for (;;) {
    ODDVERB_ASSIGN_OR_RETURN(bool has_row, Step());
    if (!has_row) return absl::OkStatus();
  }
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_.get());
  // Borrowed bytes must not be seen again.
  sqlite3_clear_bindings(statement_.get());
  bound_ = 0;
  bind_error_ = SQLITE_OK;
}

uint64_t SqliteStatement::Integer(int column) const {
  return static_cast<uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

std::string_view SqliteStatement::Bytes(int column) const {
  // In this order: the pointer decides the form that is counted.
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  auto size =
      static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(bytes), size);
}

size_t SqliteStatement::ByteCount(int column) const {
  return static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
}

void SqliteDatabase::Closer::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

absl::StatusOr<SqliteDatabase> SqliteDatabase::Open(const std::string& path,
                                                    Kind kind) {
  SqliteDatabase result;
  sqlite3* database = nullptr;
  int create = kind == Kind::kNew ? SQLITE_OPEN_CREATE : 0;
  int code = sqlite3_open_v2(
      path.c_str(), &database,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | create, nullptr);
  result.database_.reset(database);  // also after a failure
  if (code != SQLITE_OK) return StatusAt(path.c_str(), database, code);
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, kBusyMilliseconds);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  ODDVERB_RETURN_IF_ERROR(result.Execute(kSettings));
  if (kind == Kind::kNew) {
    // Before the first table. Elsewhere this would write to the file.
    ODDVERB_RETURN_IF_ERROR(result.Execute("PRAGMA auto_vacuum=INCREMENTAL"));
    ODDVERB_RETURN_IF_ERROR(result.UseWriteAheadLog());
    return result;
  }
  // Reads the header, which knows whether the file may be written.
  ODDVERB_RETURN_IF_ERROR(result.ReadInteger("PRAGMA schema_version").status());
  if (sqlite3_db_readonly(database, "main") != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": cannot be written"));
  }
  return result;
}

void SqliteDatabase::KeepLogOnClose() {
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
                    nullptr);
}

absl::Status SqliteDatabase::UseWriteAheadLog() {
  ODDVERB_ASSIGN_OR_RETURN(std::string mode,
                           ReadText("PRAGMA journal_mode=WAL"));
  if (mode == "wal") return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      sqlite3_db_filename(database_.get(), "main"),
      ": its file system cannot share memory between programs, which SQLite's "
      "log needs; use a local disk"));
}

absl::Status SqliteDatabase::Execute(const std::string& sql) {
  int code =
      sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return StatusOf(database_.get(), code);
  return absl::OkStatus();
}

absl::StatusOr<SqliteStatement> SqliteDatabase::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v3(database_.get(), sql.data(),
                                static_cast<int>(sql.size()),
                                SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return StatusOf(database_.get(), code);
  return SqliteStatement(statement);
}

absl::StatusOr<uint64_t> SqliteDatabase::ReadInteger(std::string_view sql) {
  ODDVERB_ASSIGN_OR_RETURN(SqliteStatement query, Prepare(sql));
  ODDVERB_ASSIGN_OR_RETURN(bool has_row, query.Step());
  if (!has_row) return absl::NotFoundError(absl::StrCat(A(sql), ": no row"));
  return query.Integer(0);
}

absl::StatusOr<std::string> SqliteDatabase::ReadText(std::string_view sql) {
  ODDVERB_ASSIGN_OR_RETURN(SqliteStatement query, Prepare(sql));
  ODDVERB_ASSIGN_OR_RETURN(bool has_row, query.Step());
  if (!has_row) return absl::NotFoundError(absl::StrCat(A(sql), ": no row"));
  return std::string(query.Bytes(0));
}

bool SqliteDatabase::in_transaction() const {
  return database_ != nullptr && sqlite3_get_autocommit(database_.get()) == 0;
}

absl::StatusOr<SqliteTransaction> SqliteTransaction::Begin(
    SqliteDatabase& database) {
  // IMMEDIATE: the lock is taken now, where waiting for it can do no harm.
  ODDVERB_RETURN_IF_ERROR(database.Execute("BEGIN IMMEDIATE"));
  return SqliteTransaction(database);
}

SqliteTransaction::SqliteTransaction(SqliteTransaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

SqliteTransaction::~SqliteTransaction() {
  // Many failures (disk full) have rolled back already.
  if (database_ != nullptr && database_->in_transaction()) {
    database_->Execute("ROLLBACK").IgnoreError();
  }
}

absl::Status SqliteTransaction::Commit() {
  return database_->Execute("COMMIT");
}

}  // namespace oddverb
