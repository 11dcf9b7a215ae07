// Records that nobody could judge, for a person to look at: the newest ones,
// within a bound, as an attacker can make any number of them. One thread at a
// time.
#ifndef ODDVERB_PIPELINE_DEAD_LETTER_TABLE_H_
#define ODDVERB_PIPELINE_DEAD_LETTER_TABLE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pipeline/checkpoint.h"
#include "pipeline/sqlite_database.h"
#include "pipeline/state_tables.h"

namespace oddverb {

struct DeadLetter {
  uint64_t number = 0;  // ascending from 1; gaps only before the oldest
  std::string at;       // RFC 3339, UTC
  DeadLetterRow row;
};

class DeadLetterTable {
 public:
  // Counted for each row besides its texts.
  static constexpr uint64_t kBytesPerRow = 64;

  // Must not outlive the database.
  static absl::StatusOr<DeadLetterTable> Make(SqliteDatabase& database);

  absl::Status Insert(std::span<const DeadLetterRow> rows, absl::Time now,
                      StateTotals& totals);
  // Deletes the oldest until at most `max_bytes` are there.
  absl::Status Trim(uint64_t max_bytes, StateTotals& totals);
  // At most `limit` of those behind `after`, oldest first.
  absl::StatusOr<std::vector<DeadLetter>> Read(uint64_t after, size_t limit);
  // Sets what `totals` says of dead letters, after the counters are loaded.
  absl::Status Measure(StateTotals& totals);

 private:
  explicit DeadLetterTable(SqliteDatabase& database) : database_(&database) {}

  SqliteDatabase* database_;
  SqliteStatement insert_, oldest_, delete_;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_DEAD_LETTER_TABLE_H_
