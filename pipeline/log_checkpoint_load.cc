// What a log holds, read at the start.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/state_io.h"
#include "base/status_macros.h"
#include "pipeline/log_checkpoint.h"

namespace oddverb {
namespace {

using Type = StateLogKey::Type;

}  // namespace

absl::Status LogCheckpoint::LoadOrigin(std::string_view value) {
  ODDVERB_ASSIGN_OR_RETURN(const StateOrigin origin, ParseOriginValue(value));
  hash_key_ = origin.hash_key;
  if (origin.format != StateLogKey::kFormat) {
    return absl::FailedPreconditionError(
        "the state was written by a newer version; take that one, or another "
        "state_topic");
  }
  if (origin.owner != options_.owner) {
    return absl::FailedPreconditionError(
        absl::StrCat("the state there is that of ", origin.owner, ", not of ",
                     options_.owner, "; give each its own state_topic"));
  }
  has_origin_ = true;
  return absl::OkStatus();
}

absl::Status LogCheckpoint::LoadRecord(std::string_view text,
                                       std::optional<std::string_view> value,
                                       Restored& restored, RowAssembly& rows) {
  std::optional<StateLogKey> key = StateLogKey::Parse(text);
  if (!key.has_value()) {
    return absl::DataLossError(
        "the state holds keys that oddverb did not write");
  }
  switch (key->type) {
    case Type::kRow:
      rows.Add(*key, value);
      return absl::OkStatus();
    case Type::kBookmark:
      if (value.has_value()) restored.bookmarks[key->name] = *value;
      return absl::OkStatus();
    case Type::kFinding:
      outbox_.erase(key->number);
      if (value.has_value()) outbox_[key->number] = *value;
      return absl::OkStatus();
    case Type::kSink: {
      cursors_.erase(key->name);
      if (!value.has_value()) return absl::OkStatus();
      ODDVERB_ASSIGN_OR_RETURN(cursors_[key->name],
                               ParseSinkValue(key->name, *value));
      return absl::OkStatus();
    }
    case Type::kTotals: {
      StateReader in(value.value_or(""));
      totals_.records_judged = in.GetU64();
      totals_.next_finding = in.GetU64();
      has_commit_ = true;
      return in.status();
    }
    case Type::kOrigin:
      return LoadOrigin(value.value_or(""));
  }
  return absl::OkStatus();
}

absl::Status LogCheckpoint::CheckLoaded(const Restored& restored) {
  const bool is_empty = !has_commit_ && restored.state.empty() &&
                        restored.bookmarks.empty() && outbox_.empty() &&
                        cursors_.empty();
  if (is_empty || has_origin_) return absl::OkStatus();
  return absl::DataLossError(
      "the state has no beginning: something has deleted messages of it. Its "
      "topic must have cleanup.policy=compact; delete and make it anew, and "
      "the service starts from the beginning of its source");
}

absl::Status LogCheckpoint::Load() {
  absl::Status loaded = LoadOnce();
  return absl::IsAborted(loaded) ? LoadOnce() : loaded;
}

absl::Status LogCheckpoint::LoadOnce() {
  has_origin_ = has_commit_ = false;
  outbox_.clear();
  cursors_.clear();
  parts_.clear();
  totals_ = Totals();
  Restored restored;
  RowAssembly rows;
  ODDVERB_RETURN_IF_ERROR(log_.Read(
      [&](std::string_view key, std::optional<std::string_view> value) {
        return LoadRecord(key, value, restored, rows);
      }));
  ODDVERB_ASSIGN_OR_RETURN(restored.state, rows.Take());
  ODDVERB_RETURN_IF_ERROR(CheckLoaded(restored));
  for (const StateRow& row : restored.state) {
    const uint64_t parts = PartsOf(row);
    if (parts < 2) continue;
    parts_[StateLogKey{
        .type = Type::kRow, .name = row.owner, .kind = row.kind, .id = row.id}
               .ToText()] = parts;
  }
  const std::string synchronous = SinkTable::kSynchronous;
  cursors_.try_emplace(synchronous, SinkCursor{synchronous, 0, ""});
  cursors_in_log_ = cursors_;
  restored.records_judged = totals_.records_judged;
  const uint64_t shown = cursors_.at(synchronous).delivered;
  for (auto entry = outbox_.upper_bound(shown); entry != outbox_.end();
       ++entry) {
    ODDVERB_ASSIGN_OR_RETURN(OutboxEntry loaded,
                             StateLogEntry(entry->first, entry->second));
    restored.outbox.push_back(std::move(loaded));
  }
  newest_finding_ = totals_.next_finding - 1;
  if (has_commit_) loaded_ = std::move(restored);
  return absl::OkStatus();
}

}  // namespace oddverb
