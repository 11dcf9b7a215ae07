#include "pipeline/sink_table.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "pipeline/state_schema.h"

namespace oddverb {
namespace {

uint64_t SumOf(const SinkCursor& cursor) {
  return RowSum("sinks", {cursor.name, cursor.state}, {cursor.delivered});
}

}  // namespace

absl::StatusOr<SinkTable> SinkTable::Make(SqliteDatabase& database) {
  SinkTable table(database);
  ODDVERB_ASSIGN_OR_RETURN(
      table.put_,
      database.Prepare("INSERT OR REPLACE INTO sinks VALUES(?1,?2,?3,?4)"));
  ODDVERB_ASSIGN_OR_RETURN(table.delete_,
                           database.Prepare("DELETE FROM sinks WHERE name=?1"));
  return table;
}

absl::Status SinkTable::Put(const SinkCursor& cursor) {
  return put_.BindText(cursor.name)
      .BindInteger(cursor.delivered)
      .BindBlob(cursor.state)
      .BindInteger(SumOf(cursor))
      .Run();
}

absl::Status SinkTable::Delete(const std::string& name) {
  return delete_.BindText(name).Run();
}

absl::StatusOr<SinkCursors> SinkTable::Load() {
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteStatement read,
      database_->Prepare("SELECT name, delivered, state, sum FROM sinks"));
  SinkCursors cursors;
  for (;;) {
    ODDVERB_ASSIGN_OR_RETURN(bool has_row, read.Step());
    if (!has_row) return cursors;
    SinkCursor cursor;
    cursor.name = read.Bytes(0);
    cursor.delivered = read.Integer(1);
    cursor.state = read.Bytes(2);
    if (read.Integer(3) != SumOf(cursor)) {
      return absl::DataLossError("a row of the table sinks is damaged");
    }
    cursors[cursor.name] = std::move(cursor);
  }
}

SinkCursors WithSinks(const SinkCursors& before,
                      std::span<const std::string> names) {
  SinkCursors now;
  const SinkCursor& present = before.at(SinkTable::kSynchronous);
  now[present.name] = present;
  for (const std::string& name : names) {
    auto known = before.find(name);
    now[name] = known != before.end() ? known->second
                                      : SinkCursor{name, present.delivered, ""};
  }
  return now;
}

uint64_t DeliveredToAll(const SinkCursors& cursors) {
  uint64_t least = UINT64_MAX;
  for (const auto& [name, cursor] : cursors) {
    least = std::min(least, cursor.delivered);
  }
  return least;
}

}  // namespace oddverb
