// SQLite's C interface as values with an owner and absl::Status: a database, a
// prepared statement, a transaction. Nothing here knows what is stored.
//
// Codes of every function here:
//   DataLoss           the file is damaged, or no database
//   ResourceExhausted  no space (disk, quota, size limit); works again later
//   Unavailable        another program holds the lock; try again
//   PermissionDenied, NotFound, FailedPrecondition (read-only)
//   InvalidArgument    the statement does not fit the tables that are there
//   Internal           the disk failed, or a bug
//
// One thread at a time for a database with all its statements.
#ifndef ODDVERB_PIPELINE_SQLITE_DATABASE_H_
#define ODDVERB_PIPELINE_SQLITE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace oddverb {

// A prepared statement. Values are bound from ?1 on in the order of the calls:
//
//   insert.BindText(source).BindInteger(7).BindBlob(bytes);
//   ODDVERB_RETURN_IF_ERROR(insert.Run());
//
// Must not outlive its database.
class SqliteStatement {
 public:
  SqliteStatement() = default;

  // The bytes must live until Run() or Reset(), or until Step() is at the end.
  // A failure shows in the Step() or Run() that follows.
  SqliteStatement& BindInteger(uint64_t value);
  SqliteStatement& BindText(std::string_view value);
  SqliteStatement& BindBlob(std::string_view value);

  // True: a row is there. False: at the end, ready for new values.
  absl::StatusOr<bool> Step();
  // Runs to the end and drops the rows.
  absl::Status Run();
  // Leaves the rows that are not read yet; ready for new values.
  void Reset();

  // Of the row that Step() found; column 0 is the first. A view lives until the
  // next call of another function.
  uint64_t Integer(int column) const;
  std::string_view Bytes(int column) const;
  // Of a text or blob, without reading it.
  size_t ByteCount(int column) const;

 private:
  friend class SqliteDatabase;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  int bound_ = 0;       // parameters so far
  int bind_error_ = 0;  // SQLite's code of the first one that failed
};

class SqliteDatabase {
 public:
  enum class Kind : uint8_t {
    kNew,       // an empty file, or none
    kExisting,  // not changed by opening it
  };

  SqliteDatabase() = default;  // not open

  // Durable at each commit. A new database gets a write-ahead log.
  static absl::StatusOr<SqliteDatabase> Open(const std::string& path,
                                             Kind kind);

  // All statements must be gone. The log goes into the database file.
  void Close() { database_.reset(); }
  // From now on Close() leaves the files as they are.
  void KeepLogOnClose();

  // Idempotent. FailedPrecondition: not on this file system.
  absl::Status UseWriteAheadLog();

  // One or several statements without values; rows are dropped.
  absl::Status Execute(const std::string& sql);
  absl::StatusOr<SqliteStatement> Prepare(std::string_view sql);
  // First column of the first row.
  absl::StatusOr<uint64_t> ReadInteger(std::string_view sql);
  absl::StatusOr<std::string> ReadText(std::string_view sql);

  // False once a failed statement or ROLLBACK has ended the transaction.
  bool in_transaction() const;

 private:
  struct Closer {
    void operator()(sqlite3* database) const;
  };

  std::unique_ptr<sqlite3, Closer> database_;
};

// Everything between Begin() and Commit(), or nothing: without Commit() the
// destructor rolls back. Must not outlive the database.
class SqliteTransaction {
 public:
  static absl::StatusOr<SqliteTransaction> Begin(SqliteDatabase& database);
  ~SqliteTransaction();
  SqliteTransaction(SqliteTransaction&& other) noexcept;
  SqliteTransaction& operator=(SqliteTransaction&&) = delete;

  // Durable when it returns OK.
  absl::Status Commit();

 private:
  explicit SqliteTransaction(SqliteDatabase& database) : database_(&database) {}

  SqliteDatabase* database_;  // null once moved from
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SQLITE_DATABASE_H_
