// The tables of the state database, their version, and the way from an older
// version to this one. Functions without state; as thread-safe as the database
// that they get.
#ifndef ODDVERB_PIPELINE_STATE_SCHEMA_H_
#define ODDVERB_PIPELINE_STATE_SCHEMA_H_

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/sqlite_database.h"

namespace oddverb {

// Brings a database from version `version` - 1 to `version`.
struct StateMigration {
  uint64_t version = 0;
  // The first release that can read the result.
  const char* program = "";
  const char* sql = "";
};
// All of them, ascending from 1.
std::span<const StateMigration> StateMigrations();

// Applies in one transaction what `database` lacks; a new database gets all.
// FailedPrecondition: a newer program wrote it; the message says which one is
// needed. DataLoss: it is no state database, or damaged.
absl::Status MigrateState(SqliteDatabase& database,
                          std::span<const StateMigration> migrations);

// The checksum of a row: of the table's name and what its other columns hold.
// SQLite checks the structure of its file and not the bytes in it.
uint64_t RowSum(std::string_view table,
                std::initializer_list<std::string_view> texts,
                std::initializer_list<uint64_t> numbers);

// Texts by name that outlive everything, e.g. the hash key. NotFound, or
// DataLoss where the row's sum does not fit.
absl::StatusOr<std::string> ReadMeta(SqliteDatabase& database,
                                     std::string_view key);
absl::Status WriteMeta(SqliteDatabase& database, std::string_view key,
                       std::string_view value);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_STATE_SCHEMA_H_
