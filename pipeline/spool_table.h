// Bodies of sources that cannot be read again, until they are judged. One
// thread at a time.
#ifndef ODDVERB_PIPELINE_SPOOL_TABLE_H_
#define ODDVERB_PIPELINE_SPOOL_TABLE_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/checkpoint.h"
#include "pipeline/spool_ages.h"
#include "pipeline/sqlite_database.h"
#include "pipeline/state_tables.h"

namespace oddverb {

class SpoolTable {
 public:
  // Counted for each body besides its bytes: about what its row and its index
  // entry take (measured: 30 to 50 B), so that many small ones are bounded too.
  static constexpr uint64_t kBytesPerRow = 64;
  static uint64_t SizeOf(std::span<const std::string_view> bodies);

  // Must not outlive the database.
  static absl::StatusOr<SpoolTable> Make(SqliteDatabase& database);

  absl::Status Insert(std::string_view source,
                      std::span<const std::string_view> bodies,
                      StateTotals& totals);
  absl::Status Delete(std::string_view source, uint64_t up_to,
                      StateTotals& totals);
  // As Checkpoint::ReadSpool. DataLoss: a body is damaged.
  absl::StatusOr<std::vector<SpooledBody>> Read(std::string_view source,
                                                uint64_t after,
                                                size_t max_bytes);
  // Reads everything, sets totals.spool_bytes and adds to `ages`. DataLoss:
  // damaged.
  absl::Status Check(StateTotals& totals, SpoolAges& ages);

 private:
  explicit SpoolTable(SqliteDatabase& database) : database_(&database) {}

  SqliteDatabase* database_;
  SqliteStatement insert_, measure_, delete_, read_;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SPOOL_TABLE_H_
