#include "pipeline/state_tables.h"

#include <string_view>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/state_io.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "model/finding_state.h"
#include "pipeline/state_schema.h"

namespace oddverb {
namespace {

constexpr char kRecordsJudged[] = "records_judged";

absl::Status DamagedRow(std::string_view table) {
  return absl::DataLossError(
      absl::StrCat("a row of the table ", A(table), " is damaged"));
}

std::tuple<std::string_view, uint8_t, uint32_t> KeyOf(const StateRow& row) {
  return {row.owner, row.kind, row.id};
}

uint64_t StateSum(const StateRow& row) {
  return RowSum("state", {row.owner, row.bytes}, {row.kind, row.id});
}

// From a row of (number, finding, sum).
absl::StatusOr<OutboxEntry> EntryOf(const SqliteStatement& row) {
  uint64_t number = row.Integer(0);
  uint64_t sum = row.Integer(2);
  std::string bytes(row.Bytes(1));
  StateReader in(bytes);
  Finding finding = LoadFinding(in);
  if (sum != RowSum("outbox", {bytes}, {number}) || !in.status().ok()) {
    return DamagedRow("outbox");
  }
  return OutboxEntry{number, std::move(finding)};
}

// The counters that always have a value, by name.
struct NamedCounter {
  std::string_view name;
  uint64_t StateTotals::*value;
};
constexpr NamedCounter kCounters[] = {
    {"next_finding", &StateTotals::next_finding},
    {"next_body", &StateTotals::next_body},
    {"next_dead_letter", &StateTotals::next_dead_letter},
};

}  // namespace

absl::StatusOr<StateTables> StateTables::Make(SqliteDatabase& database) {
  StateTables tables(database);
  const std::pair<SqliteStatement*, std::string_view> statements[] = {
      {&tables.put_state_,
       "INSERT OR REPLACE INTO state VALUES(?1,?2,?3,?4,?5)"},
      {&tables.put_bookmark_,
       "INSERT OR REPLACE INTO bookmarks VALUES(?1,?2,?3)"},
      {&tables.put_finding_, "INSERT INTO outbox VALUES(?1,?2,?3)"},
      {&tables.delete_findings_, "DELETE FROM outbox WHERE number<=?1"},
      {&tables.read_outbox_,
       "SELECT number, finding, sum FROM outbox WHERE number>?1"
       " ORDER BY number LIMIT ?2"},
      {&tables.measure_findings_,
       "SELECT count(*), coalesce(sum(length(finding)),0) FROM outbox"
       " WHERE number<=?1"},
      {&tables.put_counter_,
       "INSERT OR REPLACE INTO counters VALUES(?1,?2,?3)"},
  };
  for (const auto& [statement, sql] : statements) {
    ODDVERB_ASSIGN_OR_RETURN(*statement, database.Prepare(sql));
  }
  return tables;
}

absl::Status StateTables::PutState(const StateRows& rows) {
  for (const StateRow* row : rows) {
    ODDVERB_RETURN_IF_ERROR(put_state_.BindText(row->owner)
                                .BindInteger(row->kind)
                                .BindInteger(row->id)
                                .BindBlob(row->bytes)
                                .BindInteger(StateSum(*row))
                                .Run());
  }
  return absl::OkStatus();
}

absl::Status StateTables::PutBookmarks(
    const std::map<std::string, std::string>& all) {
  for (const auto& [source, bytes] : all) {
    ODDVERB_RETURN_IF_ERROR(
        put_bookmark_.BindText(source)
            .BindBlob(bytes)
            .BindInteger(RowSum("bookmarks", {source, bytes}, {}))
            .Run());
  }
  return absl::OkStatus();
}

uint64_t StateTables::SizeOf(std::span<const std::string> findings) {
  uint64_t size = 0;
  for (const std::string& bytes : findings) {
    size += bytes.size() + kBytesPerFinding;
  }
  return size;
}

absl::Status StateTables::PutFindings(std::span<const std::string> findings,
                                      StateTotals& totals) {
  for (const std::string& bytes : findings) {
    uint64_t number = totals.next_finding++;
    ODDVERB_RETURN_IF_ERROR(
        put_finding_.BindInteger(number)
            .BindBlob(bytes)
            .BindInteger(RowSum("outbox", {bytes}, {number}))
            .Run());
  }
  totals.outbox_findings += findings.size();
  totals.outbox_bytes += SizeOf(findings);
  return absl::OkStatus();
}

absl::Status StateTables::DeleteFindings(uint64_t up_to, StateTotals& totals) {
  StateTotals gone;
  ODDVERB_RETURN_IF_ERROR(MeasureFindings(up_to, gone));
  totals.outbox_findings -= gone.outbox_findings;
  totals.outbox_bytes -= gone.outbox_bytes;
  return delete_findings_.BindInteger(up_to).Run();
}

absl::Status StateTables::MeasureOutbox(StateTotals& totals) {
  return MeasureFindings(totals.next_finding, totals);
}

absl::Status StateTables::MeasureFindings(uint64_t up_to, StateTotals& out) {
  measure_findings_.BindInteger(up_to);
  ODDVERB_ASSIGN_OR_RETURN(bool has_row, measure_findings_.Step());
  if (has_row) {
    out.outbox_findings = measure_findings_.Integer(0);
    out.outbox_bytes =
        measure_findings_.Integer(1) + out.outbox_findings * kBytesPerFinding;
  }
  measure_findings_.Reset();
  return absl::OkStatus();
}

absl::Status StateTables::PutCounters(const StateTotals& before,
                                      const StateTotals& now) {
  auto put = [&](std::string_view name, uint64_t value) {
    return put_counter_.BindText(name)
        .BindInteger(value)
        .BindInteger(RowSum("counters", {name}, {value}))
        .Run();
  };
  if (now.records_judged.has_value() &&
      now.records_judged != before.records_judged) {
    ODDVERB_RETURN_IF_ERROR(put(kRecordsJudged, *now.records_judged));
  }
  for (const auto& [name, value] : kCounters) {
    if (now.*value == before.*value) continue;
    ODDVERB_RETURN_IF_ERROR(put(name, now.*value));
  }
  return absl::OkStatus();
}

absl::StatusOr<StateTotals> StateTables::LoadCounters() {
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteStatement read,
      database_->Prepare("SELECT name, value, sum FROM counters"));
  StateTotals totals;
  for (;;) {
    ODDVERB_ASSIGN_OR_RETURN(bool has_row, read.Step());
    if (!has_row) return totals;
    std::string name(read.Bytes(0));
    uint64_t value = read.Integer(1);
    if (read.Integer(2) != RowSum("counters", {name}, {value})) {
      return DamagedRow("counters");
    }
    if (name == kRecordsJudged) totals.records_judged = value;
    for (const NamedCounter& counter : kCounters) {
      if (name == counter.name) totals.*counter.value = value;
    }
  }
}

absl::StatusOr<std::optional<Restored>> StateTables::Load(
    const StateTotals& totals, uint64_t delivered) {
  Restored restored;
  ODDVERB_RETURN_IF_ERROR(LoadState(restored));
  ODDVERB_RETURN_IF_ERROR(LoadBookmarks(restored));
  ODDVERB_RETURN_IF_ERROR(LoadOutbox(totals, delivered, restored));
  if (!totals.records_judged.has_value()) return std::nullopt;
  restored.records_judged = *totals.records_judged;
  return restored;
}

absl::Status StateTables::LoadState(Restored& out) {
  // SQLite compares text byte by byte, as std::string does.
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteStatement read,
      database_->Prepare("SELECT owner, kind, id, bytes, sum FROM state"
                         " ORDER BY owner, kind, id"));
  for (;;) {
    ODDVERB_ASSIGN_OR_RETURN(bool has_row, read.Step());
    if (!has_row) return absl::OkStatus();
    StateRow row;
    row.owner = read.Bytes(0);
    uint64_t kind = read.Integer(1);
    uint64_t id = read.Integer(2);
    row.kind = static_cast<uint8_t>(kind);
    row.id = static_cast<uint32_t>(id);
    row.bytes = read.Bytes(3);
    // Out of order: a page stands where another one was.
    if (kind != row.kind || id != row.id || read.Integer(4) != StateSum(row) ||
        (!out.state.empty() && KeyOf(out.state.back()) >= KeyOf(row))) {
      return DamagedRow("state");
    }
    out.state.push_back(std::move(row));
  }
}

absl::Status StateTables::LoadBookmarks(Restored& out) {
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteStatement read,
      database_->Prepare("SELECT source, bytes, sum FROM bookmarks"));
  for (;;) {
    ODDVERB_ASSIGN_OR_RETURN(bool has_row, read.Step());
    if (!has_row) return absl::OkStatus();
    std::string source(read.Bytes(0));
    std::string bytes(read.Bytes(1));
    if (read.Integer(2) != RowSum("bookmarks", {source, bytes}, {})) {
      return DamagedRow("bookmarks");
    }
    out.bookmarks[source] = std::move(bytes);
  }
}

absl::Status StateTables::LoadOutbox(const StateTotals& totals,
                                     uint64_t delivered, Restored& out) {
  ODDVERB_ASSIGN_OR_RETURN(
      SqliteStatement read,
      database_->Prepare(
          "SELECT number, finding, sum FROM outbox ORDER BY number"));
  uint64_t last = 0;
  for (;;) {
    ODDVERB_ASSIGN_OR_RETURN(bool has_row, read.Step());
    if (!has_row) break;
    ODDVERB_ASSIGN_OR_RETURN(OutboxEntry entry, EntryOf(read));
    // Only the first ones ever go, so the numbers are without a gap.
    if (last != 0 && entry.number != last + 1) return DamagedRow("outbox");
    last = entry.number;
    // A sink that was down for long leaves more than memory should hold.
    if (last > delivered) out.outbox.push_back(std::move(entry));
  }
  if (last != 0 && last + 1 != totals.next_finding) return DamagedRow("outbox");
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> StateTables::OldestFinding(const StateTotals& totals) {
  ODDVERB_ASSIGN_OR_RETURN(
      uint64_t oldest,
      database_->ReadInteger("SELECT coalesce(min(number),0) FROM outbox"));
  return oldest == 0 ? totals.next_finding : oldest;
}

absl::StatusOr<std::vector<OutboxEntry>> StateTables::ReadOutbox(
    uint64_t after, size_t max_entries) {
  read_outbox_.BindInteger(after).BindInteger(max_entries);
  std::vector<OutboxEntry> entries;
  for (;;) {
    absl::StatusOr<bool> has_row = read_outbox_.Step();
    if (!has_row.ok() || !*has_row) {
      ODDVERB_RETURN_IF_ERROR(has_row.status());
      return entries;
    }
    absl::StatusOr<OutboxEntry> entry = EntryOf(read_outbox_);
    if (!entry.ok() || entry->number != after + 1) {
      read_outbox_.Reset();
      return DamagedRow("outbox");
    }
    after = entry->number;
    entries.push_back(*std::move(entry));
  }
}

}  // namespace oddverb
