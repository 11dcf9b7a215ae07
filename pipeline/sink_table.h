// The cursors of those who take findings out of the outbox. To be called inside
// of a transaction; one thread at a time.
#ifndef ODDVERB_PIPELINE_SINK_TABLE_H_
#define ODDVERB_PIPELINE_SINK_TABLE_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/outbox.h"
#include "pipeline/sqlite_database.h"

namespace oddverb {

// By name.
using SinkCursors = std::map<std::string, SinkCursor, std::less<>>;

class SinkTable {
 public:
  // The cursor that Checkpoint::Delivered() moves; no sink has this name.
  static constexpr char kSynchronous[] = "";

  // Must not outlive the database.
  static absl::StatusOr<SinkTable> Make(SqliteDatabase& database);

  absl::Status Put(const SinkCursor& cursor);
  absl::Status Delete(const std::string& name);
  // DataLoss: a row is damaged.
  absl::StatusOr<SinkCursors> Load();

 private:
  explicit SinkTable(SqliteDatabase& database) : database_(&database) {}

  SqliteDatabase* database_;
  SqliteStatement put_, delete_;
};

// `before` with `names` and no other sinks; new ones begin where the
// synchronous cursor is.
SinkCursors WithSinks(const SinkCursors& before,
                      std::span<const std::string> names);
// Every one of them has the findings up to this number.
uint64_t DeliveredToAll(const SinkCursors& cursors);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SINK_TABLE_H_
