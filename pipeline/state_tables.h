// The tables that hold a checkpoint: state, bookmarks, findings not delivered,
// and the counters. Each row has a checksum that is compared when it is read.
// To be called inside of a transaction; one thread at a time.
#ifndef ODDVERB_PIPELINE_STATE_TABLES_H_
#define ODDVERB_PIPELINE_STATE_TABLES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/checkpoint.h"
#include "pipeline/sqlite_database.h"

namespace oddverb {

// What a transaction changes besides rows. It works on a copy that becomes
// valid with its commit.
struct StateTotals {
  // In the table of counters, so that no number is given twice.
  std::optional<uint64_t> records_judged;  // nullopt: no commit yet
  uint64_t next_finding = 1;
  uint64_t next_body = 1;
  uint64_t next_dead_letter = 1;
  // Found out when the database is opened.
  uint64_t spool_bytes = 0;
  uint64_t outbox_findings = 0;
  uint64_t outbox_bytes = 0;
  uint64_t dead_letter_bytes = 0;
  uint64_t dead_letters_dropped = 0;  // ever
};

// Rows in an order of their own.
using StateRows = std::vector<const StateRow*>;

class StateTables {
 public:
  // Must not outlive the database.
  static absl::StatusOr<StateTables> Make(SqliteDatabase& database);

  absl::Status PutState(const StateRows& rows);
  absl::Status PutBookmarks(const std::map<std::string, std::string>& all);
  // Counted for each finding besides its bytes: about what its row takes.
  static constexpr uint64_t kBytesPerFinding = 64;
  static uint64_t SizeOf(std::span<const std::string> findings);
  // `findings` in the form of model/finding_state.h.
  absl::Status PutFindings(std::span<const std::string> findings,
                           StateTotals& totals);
  absl::Status DeleteFindings(uint64_t up_to, StateTotals& totals);
  // Sets what `totals` says of the outbox.
  absl::Status MeasureOutbox(StateTotals& totals);
  // Those that differ from `before`.
  absl::Status PutCounters(const StateTotals& before, const StateTotals& now);

  // DataLoss: a row is damaged.
  absl::StatusOr<StateTotals> LoadCounters();
  // Without findings up to number `delivered`.
  absl::StatusOr<std::optional<Restored>> Load(const StateTotals& totals,
                                               uint64_t delivered);
  // Number of the oldest finding in the outbox, or the next one's.
  absl::StatusOr<uint64_t> OldestFinding(const StateTotals& totals);
  // See Outbox.
  absl::StatusOr<std::vector<OutboxEntry>> ReadOutbox(uint64_t after,
                                                      size_t max_entries);

 private:
  explicit StateTables(SqliteDatabase& database) : database_(&database) {}

  absl::Status MeasureFindings(uint64_t up_to, StateTotals& out);
  absl::Status LoadState(Restored& out);
  absl::Status LoadBookmarks(Restored& out);
  absl::Status LoadOutbox(const StateTotals& totals, uint64_t delivered,
                          Restored& out);

  SqliteDatabase* database_;
  SqliteStatement put_state_, put_bookmark_, put_finding_, delete_findings_,
      read_outbox_, measure_findings_, put_counter_;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_STATE_TABLES_H_
