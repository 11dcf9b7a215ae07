#include "pipeline/dead_letter_table.h"

#include <algorithm>
#include <string_view>

#include "base/status_macros.h"

namespace oddverb {
namespace {

uint64_t SizeOf(const DeadLetterRow& row) {
  return row.source.size() + row.place.size() + row.reason.size() +
         row.detail.size() + row.sample.size() + DeadLetterTable::kBytesPerRow;
}

}  // namespace

absl::StatusOr<DeadLetterTable> DeadLetterTable::Make(
    SqliteDatabase& database) {
  DeadLetterTable table(database);
  ODDVERB_ASSIGN_OR_RETURN(
      table.insert_,
      database.Prepare(
          "INSERT INTO dead_letters VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)"));
  ODDVERB_ASSIGN_OR_RETURN(
      table.oldest_, database.Prepare("SELECT number, size FROM dead_letters"
                                      " ORDER BY number"));
  ODDVERB_ASSIGN_OR_RETURN(
      table.delete_,
      database.Prepare("DELETE FROM dead_letters WHERE number<=?1"));
  return table;
}

absl::Status DeadLetterTable::Insert(std::span<const DeadLetterRow> rows,
                                     absl::Time now, StateTotals& totals) {
  if (rows.empty()) return absl::OkStatus();
  std::string at =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", now, absl::UTCTimeZone());
  for (const DeadLetterRow& row : rows) {
    ODDVERB_RETURN_IF_ERROR(insert_.BindInteger(totals.next_dead_letter++)
                                .BindText(row.source)
                                .BindText(row.place)
                                .BindText(row.reason)
                                .BindText(row.detail)
                                .BindBlob(row.sample)
                                .BindInteger(row.record_bytes)
                                .BindText(at)
                                .BindInteger(SizeOf(row))
                                .Run());
    totals.dead_letter_bytes += SizeOf(row);
  }
  return absl::OkStatus();
}

absl::Status DeadLetterTable::Trim(uint64_t max_bytes, StateTotals& totals) {
  if (totals.dead_letter_bytes <= max_bytes) return absl::OkStatus();
  uint64_t last = 0;
  while (totals.dead_letter_bytes > max_bytes) {
    ODDVERB_ASSIGN_OR_RETURN(bool has_row, oldest_.Step());
    if (!has_row) break;
    last = oldest_.Integer(0);
    totals.dead_letter_bytes -=
        std::min(oldest_.Integer(1), totals.dead_letter_bytes);
  }
  oldest_.Reset();
  // Only the oldest ever go: numbers from 1 to here.
  totals.dead_letters_dropped = last;
  return delete_.BindInteger(last).Run();
}

absl::StatusOr<std::vector<DeadLetter>> DeadLetterTable::Read(uint64_t after,
                                                              size_t limit) {
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteStatement read,
      database_->Prepare("SELECT number, source, place, reason, detail, sample,"
                         " record_bytes, at FROM dead_letters WHERE number>?1"
                         " ORDER BY number LIMIT ?2"));
  read.BindInteger(after).BindInteger(limit);
  std::vector<DeadLetter> letters;
  for (;;) {
    ODDVERB_ASSIGN_OR_RETURN(bool has_row, read.Step());
    if (!has_row) return letters;
    DeadLetter& letter = letters.emplace_back();
    letter.number = read.Integer(0);
    letter.row.source = read.Bytes(1);
    letter.row.place = read.Bytes(2);
    letter.row.reason = read.Bytes(3);
    letter.row.detail = read.Bytes(4);
    letter.row.sample = read.Bytes(5);
    letter.row.record_bytes = read.Integer(6);
    letter.at = read.Bytes(7);
  }
}

absl::Status DeadLetterTable::Measure(StateTotals& totals) {
  ODDVERB_ASSIGN_OR_RETURN(totals.dead_letter_bytes,
                           database_->ReadInteger("SELECT coalesce(sum(size),0)"
                                                  " FROM dead_letters"));
  ODDVERB_ASSIGN_OR_RETURN(
      uint64_t oldest, database_->ReadInteger("SELECT coalesce(min(number),0)"
                                              " FROM dead_letters"));
  totals.dead_letters_dropped =
      (oldest == 0 ? totals.next_dead_letter : oldest) - 1;
  return absl::OkStatus();
}

}  // namespace oddverb
