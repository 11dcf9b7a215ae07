#include "pipeline/spool_table.h"

#include <string>
#include <utility>

#include "base/clock.h"
#include "base/status_macros.h"
#include "pipeline/state_schema.h"

namespace oddverb {
namespace {

uint64_t BodySum(std::string_view source, uint64_t number,
                 std::string_view bytes) {
  return RowSum("spool", {source, bytes}, {number});
}

absl::Status DamagedBody() {
  return absl::DataLossError("a row of the table spool is damaged");
}

}  // namespace

uint64_t SpoolTable::SizeOf(std::span<const std::string_view> bodies) {
  uint64_t size = 0;
  for (std::string_view body : bodies) size += body.size() + kBytesPerRow;
  return size;
}

absl::StatusOr<SpoolTable> SpoolTable::Make(SqliteDatabase& database) {
  SpoolTable table(database);
  ODDVERB_ASSIGN_OR_RETURN(
      table.insert_, database.Prepare("INSERT INTO spool VALUES(?1,?2,?3,?4)"));
  // length() of a blob does not read it.
  ODDVERB_ASSIGN_OR_RETURN(
      table.measure_,
      database.Prepare(
          "SELECT coalesce(sum(length(bytes)),0), count(*) FROM spool"
          " WHERE source=?1 AND number<=?2"));
  ODDVERB_ASSIGN_OR_RETURN(
      table.delete_,
      database.Prepare("DELETE FROM spool WHERE source=?1 AND number<=?2"));
  ODDVERB_ASSIGN_OR_RETURN(
      table.read_,
      database.Prepare("SELECT number, bytes, sum FROM spool"
                       " WHERE source=?1 AND number>?2 ORDER BY number"));
  return table;
}

absl::Status SpoolTable::Insert(std::string_view source,
                                std::span<const std::string_view> bodies,
                                StateTotals& totals) {
  for (std::string_view body : bodies) {
    uint64_t number = totals.next_body++;
    ODDVERB_RETURN_IF_ERROR(insert_.BindInteger(number)
                                .BindText(source)
                                .BindBlob(body)
                                .BindInteger(BodySum(source, number, body))
                                .Run());
  }
  totals.spool_bytes += SizeOf(bodies);
  return absl::OkStatus();
}

absl::Status SpoolTable::Delete(std::string_view source, uint64_t up_to,
                                StateTotals& totals) {
  ODDVERB_ASSIGN_OR_RETURN(bool has_row,
                           measure_.BindText(source).BindInteger(up_to).Step());
  if (has_row) {
    totals.spool_bytes -=
        measure_.Integer(0) + measure_.Integer(1) * kBytesPerRow;
  }
  measure_.Reset();
  return delete_.BindText(source).BindInteger(up_to).Run();
}

absl::StatusOr<std::vector<SpooledBody>> SpoolTable::Read(
    std::string_view source, uint64_t after, size_t max_bytes) {
  std::vector<SpooledBody> bodies;
  size_t bytes = 0;
  read_.BindText(source).BindInteger(after);
  for (;;) {
    ODDVERB_ASSIGN_OR_RETURN(bool has_row, read_.Step());
    if (!has_row) return bodies;
    bytes += read_.ByteCount(1);
    if (!bodies.empty() && bytes > max_bytes) break;
    SpooledBody& body = bodies.emplace_back();
    body.number = read_.Integer(0);
    body.bytes = read_.Bytes(1);
    if (read_.Integer(2) != BodySum(source, body.number, body.bytes)) {
      read_.Reset();
      return DamagedBody();
    }
  }
  read_.Reset();
  return bodies;
}

absl::Status SpoolTable::Check(StateTotals& totals, SpoolAges& ages) {
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteStatement all,
      database_->Prepare("SELECT number, source, bytes, sum FROM spool"));
  totals.spool_bytes = 0;
  absl::Time now = SteadyNow();
  for (;;) {
    ODDVERB_ASSIGN_OR_RETURN(bool has_row, all.Step());
    if (!has_row) return absl::OkStatus();
    uint64_t number = all.Integer(0);
    std::string source(all.Bytes(1));
    std::string_view bytes = all.Bytes(2);
    totals.spool_bytes += bytes.size() + kBytesPerRow;
    ages.Added(source, number, now);
    if (number >= totals.next_body ||
        all.Integer(3) != BodySum(source, number, bytes)) {
      return DamagedBody();
    }
  }
}

}  // namespace oddverb
