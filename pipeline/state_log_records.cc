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

// There are 64 shards and a few more; so many fit beside a row's id.
constexpr size_t kMaxOwners = 1 << 16;

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
  auto owner = numbers_.find(key.name);
  if (owner == numbers_.end()) {
    owner =
        numbers_.emplace(key.name, static_cast<uint32_t>(owners_.size())).first;
    owners_.push_back(key.name);
  }
  const Part part = {.owner = owner->second,
                     .id = key.id,
                     .number = key.number,
                     .kind = key.kind};
  if (value.has_value()) {
    parts_[part] = *value;
  } else {
    parts_.erase(part);
  }
}

std::vector<RowAssembly::Place> RowAssembly::InOrder() {
  std::vector<uint64_t> ranks(owners_.size());
  uint64_t rank = 0;
  for (const auto& [name, number] : numbers_) ranks[number] = rank++;
  std::vector<Place> places;
  places.reserve(parts_.size());
  for (auto& entry : parts_) {
    const Part& part = entry.first;
    places.push_back(
        {.row = ranks[part.owner] << 40 | uint64_t{part.kind} << 32 | part.id,
         .number = part.number,
         .part = &entry});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.row != b.row ? a.row < b.row : a.number < b.number;
  });
  return places;
}

absl::StatusOr<std::vector<StateRow>> RowAssembly::Take() {
  if (owners_.size() > kMaxOwners) {
    return absl::DataLossError("the state has rows of too many owners");
  }
  std::vector<StateRow> rows;
  rows.reserve(parts_.size());
  Part last;             // of the last row
  uint64_t missing = 0;  // parts of it
  bool is_whole = true;
  for (const Place& place : InOrder()) {
    const Part& part = place.part->first;
    std::string& bytes = place.part->second;
    if (part.number == 0 && missing == 0) {
      StateReader head(bytes);
      missing = head.GetU64();
      StateWriter again;
      again.PutU64(missing);
      is_whole = head.status().ok() && missing > 0;
      if (!is_whole) break;
      bytes.erase(0, again.bytes().size());
      rows.push_back(
          {owners_[part.owner], part.kind, part.id, std::move(bytes)});
    } else {
      ++last.number;
      is_whole = missing > 0 && part == last;
      if (!is_whole) break;
      rows.back().bytes += bytes;
    }
    last = part;
    --missing;
  }
  parts_.clear();
  if (is_whole && missing == 0) return rows;
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
