#include "pipeline/state_log_records.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/state_io.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

// Each in the order of StateLogKey::Type.
constexpr std::string_view kTypes[] = {"row",  "bookmark", "finding",
                                       "sink", "totals",   "origin"};

// The text up to the next space, which goes with it.
std::string_view TakeWord(std::string_view& rest) {
  const size_t end = std::min(rest.find(' '), rest.size());
  std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

template <class Number>
bool TakeNumber(std::string_view& rest, Number& number) {
  uint64_t value = 0;
  if (!absl::SimpleAtoi(A(TakeWord(rest)), &value)) return false;
  number = static_cast<Number>(value);
  return number == value;
}

}  // namespace

std::string StateLogKey::ToText() const {
  const absl::string_view word = A(kTypes[static_cast<size_t>(type)]);
  switch (type) {
    case Type::kRow:
      return absl::StrCat(word, " ", static_cast<uint32_t>(kind), " ", id, " ",
                          number, " ", name);
    case Type::kFinding:
      return absl::StrCat(word, " ", number);
    case Type::kBookmark:
    case Type::kSink:
      return absl::StrCat(word, " ", name);
    default:
      return std::string(word);
  }
}

std::optional<StateLogKey> StateLogKey::Parse(std::string_view text) {
  std::string_view rest = text;
  const std::string_view word = TakeWord(rest);
  const auto* found = std::find(std::begin(kTypes), std::end(kTypes), word);
  if (found == std::end(kTypes)) return std::nullopt;
  StateLogKey key;
  key.type = static_cast<Type>(found - std::begin(kTypes));
  bool is_good = true;
  if (key.type == Type::kRow) {
    is_good = TakeNumber(rest, key.kind) && TakeNumber(rest, key.id) &&
              TakeNumber(rest, key.number);
  }
  if (key.type == Type::kFinding) is_good = TakeNumber(rest, key.number);
  if (!is_good) return std::nullopt;
  key.name = rest;
  return key;
}

std::string OriginValue(const StateOrigin& origin) {
  StateWriter out;
  out.PutU64(origin.format);
  out.PutString(origin.owner);
  out.PutString(origin.hash_key);
  return out.Release();
}

absl::StatusOr<StateOrigin> ParseOriginValue(std::string_view value) {
  StateReader in(value);
  StateOrigin origin;
  origin.format = in.GetU64();
  origin.owner = in.GetString();
  origin.hash_key = in.GetString();
  ODDVERB_RETURN_IF_ERROR(in.status());
  return origin;
}

uint64_t PartsOf(const StateRow& row) {
  return std::max<uint64_t>(
      1, (row.bytes.size() + kMaxStateLogValue - 1) / kMaxStateLogValue);
}

// The first part begins with their number.
uint64_t AppendRow(const StateRow& row, uint64_t parts_before,
                   std::vector<StateLogRecord>& out) {
  StateLogKey key = {.type = StateLogKey::Type::kRow,
                     .name = row.owner,
                     .kind = row.kind,
                     .id = row.id};
  const uint64_t parts = PartsOf(row);
  for (; key.number < parts; ++key.number) {
    StateWriter head;
    if (key.number == 0) head.PutU64(parts);
    std::string value = head.Release();
    value.append(row.bytes, key.number * kMaxStateLogValue, kMaxStateLogValue);
    out.push_back({key.ToText(), std::move(value)});
  }
  for (; key.number < parts_before; ++key.number) {
    out.push_back({key.ToText(), std::nullopt});
  }
  return parts;
}

void RowAssembly::Add(const StateLogKey& key,
                      std::optional<std::string_view> value) {
  Key part(key.name, key.kind, key.id, key.number);
  if (value.has_value()) {
    parts_[std::move(part)] = *value;
  } else {
    parts_.erase(part);
  }
}

absl::StatusOr<std::vector<StateRow>> RowAssembly::Take() {
  std::vector<StateRow> rows;
  uint64_t missing = 0;  // parts of the last row
  uint64_t next = 0;
  while (!parts_.empty()) {
    auto node = parts_.extract(parts_.begin());
    const auto& [owner, kind, id, part] = node.key();
    if (part == 0 && missing == 0) {
      StateReader head(node.mapped());
      missing = head.GetU64();
      StateWriter again;
      again.PutU64(missing);
      if (!head.status().ok() || missing == 0) break;
      rows.push_back(
          {owner, kind, id, node.mapped().substr(again.bytes().size())});
    } else if (missing > 0 && part == next && rows.back().owner == owner &&
               rows.back().kind == kind && rows.back().id == id) {
      rows.back().bytes += node.mapped();
    } else {
      missing = 1;
      break;
    }
    --missing;
    next = part + 1;
  }
  if (missing == 0 && parts_.empty()) return rows;
  parts_.clear();
  return absl::DataLossError("parts of a row of state are missing");
}

absl::StatusOr<OutboxEntry> StateLogEntry(uint64_t number,
                                          std::string_view bytes) {
  StateReader in(bytes);
  OutboxEntry entry{number, LoadFinding(in)};
  ODDVERB_RETURN_IF_ERROR(in.status());
  return entry;
}

std::string SinkValue(const SinkCursor& cursor) {
  StateWriter out;
  out.PutU64(cursor.delivered);
  out.PutString(cursor.state);
  return out.Release();
}

absl::StatusOr<SinkCursor> ParseSinkValue(const std::string& name,
                                          std::string_view value) {
  StateReader in(value);
  SinkCursor cursor;
  cursor.name = name;
  cursor.delivered = in.GetU64();
  cursor.state = in.GetString();
  ODDVERB_RETURN_IF_ERROR(in.status());
  return cursor;
}

}  // namespace oddverb
