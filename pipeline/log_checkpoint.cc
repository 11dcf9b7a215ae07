#include "pipeline/log_checkpoint.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/state_io.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "model/finding_state.h"
#include "pipeline/hash_key.h"

namespace oddverb {
namespace {

using Type = StateLogKey::Type;

// Counted for each finding besides its bytes: about what its record takes.
constexpr uint64_t kBytesPerFinding = 64;

std::string SavedFinding(const Finding& finding) {
  StateWriter writer;
  SaveFinding(finding, writer);
  return writer.Release();
}

uint64_t SizeOf(std::string_view finding) {
  return finding.size() + kBytesPerFinding;
}

}  // namespace

LogCheckpoint::LogCheckpoint(Options options, StateLog& log)
    : options_(std::move(options)), log_(log) {}

LogCheckpoint::~LogCheckpoint() = default;

absl::StatusOr<std::unique_ptr<LogCheckpoint>> LogCheckpoint::Open(
    Options options, StateLog& log) {
  std::unique_ptr<LogCheckpoint> made(
      new LogCheckpoint(std::move(options), log));
  ODDVERB_RETURN_IF_ERROR(made->Load());
  const std::string& shared = made->options_.hash_key;
  if (!made->has_origin_ && shared.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(made->hash_key_, RandomHashKey());
  } else if (!made->has_origin_) {
    made->hash_key_ = shared;
  } else if (!shared.empty() && made->hash_key_ != shared) {
    return absl::FailedPreconditionError(
        "the state there was made with another key than that of its group; "
        "take another state_topic");
  }
  ODDVERB_ASSIGN_OR_RETURN(made->hash_, ParseHashKey(made->hash_key_));
  return made;
}

std::string LogCheckpoint::Origin() const {
  return OriginValue({.owner = options_.owner, .hash_key = hash_key_});
}

absl::StatusOr<std::optional<Restored>> LogCheckpoint::Restore() {
  std::lock_guard<FairMutex> guard(mutex_);
  ODDVERB_RETURN_IF_ERROR(SettleFirst().status());
  if (has_commit_ && !loaded_.has_value()) ODDVERB_RETURN_IF_ERROR(Load());
  return std::exchange(loaded_, std::nullopt);
}

// Whether there was an undecided write that turned out to be there. REQUIRES:
// mutex_ is held.
absl::StatusOr<bool> LogCheckpoint::SettleFirst() {
  if (!undecided_.has_value()) return false;
  absl::Status settled = log_.Settle();
  const bool is_there = settled.ok();
  if (!is_there && !absl::IsAborted(settled)) return settled;
  Pending pending = *std::exchange(undecided_, std::nullopt);
  if (is_there) Apply(std::move(pending));
  return is_there;
}

// The first one of all says whose state follows.
StateLogWrite LogCheckpoint::NewWrite() const {
  StateLogWrite write;
  if (!has_origin_) {
    write.records.push_back(
        {StateLogKey{.type = Type::kOrigin}.ToText(), Origin()});
  }
  return write;
}

void LogCheckpoint::AppendRows(const std::vector<StateRow>& rows,
                               StateLogWrite& write, Pending& pending) const {
  for (const StateRow& row : rows) {
    std::string key = StateLogKey{.type = Type::kRow,
                                  .name = row.owner,
                                  .kind = row.kind,
                                  .id = row.id}
                          .ToText();
    auto later = pending.parts.find(key);
    auto before = parts_.find(key);
    const uint64_t parts_before = later != pending.parts.end() ? later->second
                                  : before != parts_.end()     ? before->second
                                                               : 1;
    const uint64_t parts = AppendRow(row, parts_before, write.records);
    if (parts > 1 || parts_before > 1) pending.parts[std::move(key)] = parts;
  }
}

void LogCheckpoint::AppendCommit(const CheckpointBatch& batch,
                                 StateLogWrite& write, Pending& pending) const {
  auto put = [&write](const StateLogKey& key, std::string value) {
    write.records.push_back({key.ToText(), std::move(value)});
  };
  for (const auto& [source, bookmark] : batch.bookmarks) {
    put({.type = Type::kBookmark, .name = source}, bookmark);
  }
  write.bookmarks = batch.bookmarks;
  write.findings = batch.findings;
  write.dead_letters = batch.dead_letters;
  write.observations = batch.observations;
  for (const std::string& finding : pending.findings) {
    put({.type = Type::kFinding, .number = pending.totals.next_finding++},
        finding);
  }
  pending.totals.records_judged = batch.records_judged;
  StateWriter totals;
  totals.PutU64(pending.totals.records_judged);
  totals.PutU64(pending.totals.next_finding);
  put({.type = Type::kTotals}, totals.Release());
}

// What differs from the log, and what every sink has.
void LogCheckpoint::AppendCursors(StateLogWrite& write,
                                  const Pending& pending) const {
  for (const auto& [name, cursor] : pending.cursors) {
    auto known = cursors_in_log_.find(name);
    if (known != cursors_in_log_.end() &&
        known->second.delivered == cursor.delivered &&
        known->second.state == cursor.state) {
      continue;
    }
    write.records.push_back(
        {StateLogKey{.type = Type::kSink, .name = name}.ToText(),
         SinkValue(cursor)});
  }
  for (const auto& [name, cursor] : cursors_in_log_) {
    if (pending.cursors.contains(name)) continue;
    write.records.push_back(
        {StateLogKey{.type = Type::kSink, .name = name}.ToText(),
         std::nullopt});
  }
  const uint64_t delivered = DeliveredToAll(pending.cursors);
  for (const auto& [number, finding] : outbox_) {
    if (number > delivered) break;
    write.records.push_back(
        {StateLogKey{.type = Type::kFinding, .number = number}.ToText(),
         std::nullopt});
  }
}

// REQUIRES: mutex_ is held.
absl::Status LogCheckpoint::Write(const StateLogWrite& write, Pending pending) {
  absl::Status status = log_.Write(write);
  if (status.ok()) {
    Apply(std::move(pending));
  } else if (log_.is_undecided()) {
    undecided_ = std::move(pending);
  }
  return status;
}

// REQUIRES: mutex_ is held.
void LogCheckpoint::Apply(Pending pending) {
  loaded_.reset();
  const uint64_t delivered = DeliveredToAll(pending.cursors);
  outbox_.erase(outbox_.begin(), outbox_.upper_bound(delivered));
  uint64_t number = pending.totals.next_finding - pending.findings.size();
  for (std::string& finding : pending.findings) {
    outbox_[number++] = std::move(finding);
  }
  for (const auto& [key, parts] : pending.parts) {
    if (parts > 1) {
      parts_[key] = parts;
    } else {
      parts_.erase(key);
    }
  }
  // Delivered() may have moved the one that is here meanwhile.
  cursors_in_log_ = std::move(pending.cursors);
  for (const auto& [name, cursor] : cursors_in_log_) {
    auto here = cursors_.find(name);
    if (here != cursors_.end() && here->second.delivered <= cursor.delivered) {
      here->second = cursor;
    }
  }
  totals_ = pending.totals;
  has_origin_ = true;
  has_commit_ |= pending.is_commit;
  newest_finding_ = totals_.next_finding - 1;
  Usage usage;
  usage.outbox_findings = outbox_.size();
  for (const auto& [finding_number, finding] : outbox_) {
    usage.outbox_bytes += SizeOf(finding);
  }
  std::lock_guard<std::mutex> lock(published_mutex_);
  published_ = usage;
}

absl::Status LogCheckpoint::CheckOutbox(
    std::span<const std::string> findings) const {
  auto first = outbox_.upper_bound(DeliveredToAll(cursors_));
  // An empty one takes anything, as waiting would not help.
  if (findings.empty() || first == outbox_.end()) return absl::OkStatus();
  uint64_t count = findings.size();
  uint64_t bytes = 0;
  for (const std::string& finding : findings) bytes += SizeOf(finding);
  for (; first != outbox_.end(); ++first) {
    ++count;
    bytes += SizeOf(first->second);
  }
  if (count <= options_.max_outbox_findings &&
      bytes <= options_.max_outbox_bytes) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "outbox full: ", count, " findings (", bytes,
      " bytes) would wait to be delivered, the limits are ",
      options_.max_outbox_findings, " and ", options_.max_outbox_bytes,
      "; an output does not take them: see to it, or raise state.max_outbox"));
}

absl::StatusOr<uint64_t> LogCheckpoint::Commit(const CheckpointBatch& batch) {
  std::lock_guard<FairMutex> guard(mutex_);
  const bool was_commit = undecided_.has_value() && undecided_->is_commit;
  ODDVERB_ASSIGN_OR_RETURN(bool is_there, SettleFirst());
  // It is the same batch.
  if (is_there && was_commit) {
    return totals_.next_finding - batch.findings.size();
  }
  const uint64_t first = totals_.next_finding;
  Pending pending{.is_commit = true,
                  .totals = totals_,
                  .findings = {},
                  .cursors = cursors_,
                  .parts = {}};
  for (const Finding& finding : batch.findings) {
    pending.findings.push_back(SavedFinding(finding));
  }
  ODDVERB_RETURN_IF_ERROR(CheckOutbox(pending.findings));
  StateLogWrite write = NewWrite();
  AppendRows(batch.state, write, pending);
  if (options_.commit_mode == CommitMode::kSplitForTest) {
    ODDVERB_RETURN_IF_ERROR(log_.Write(write));
    options_.between_for_test(batch);
    write = NewWrite();
  }
  AppendCommit(batch, write, pending);
  AppendCursors(write, pending);
  ODDVERB_RETURN_IF_ERROR(Write(write, std::move(pending)));
  return first;
}

absl::Status LogCheckpoint::Delivered(uint64_t number) {
  std::lock_guard<FairMutex> guard(mutex_);
  uint64_t& delivered = cursors_.at(SinkTable::kSynchronous).delivered;
  delivered = std::max(delivered, number);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> LogCheckpoint::Spool(
    std::string_view source, std::span<const std::string_view> bodies) {
  return absl::FailedPreconditionError(
      absl::StrCat("source ", A(source), ": ", bodies.size(),
                   " records cannot be kept where there is no state_dir"));
}

absl::StatusOr<std::vector<SpooledBody>> LogCheckpoint::ReadSpool(
    std::string_view, uint64_t, size_t) {
  return std::vector<SpooledBody>();
}

absl::StatusOr<std::vector<SinkCursor>> LogCheckpoint::UseSinks(
    std::span<const std::string> names) {
  std::lock_guard<FairMutex> guard(mutex_);
  cursors_ = WithSinks(cursors_, names);
  std::vector<SinkCursor> used;
  for (const std::string& name : names) used.push_back(cursors_.at(name));
  return used;
}

absl::StatusOr<std::vector<OutboxEntry>> LogCheckpoint::ReadOutbox(
    uint64_t after, size_t max_entries) {
  std::lock_guard<FairMutex> guard(mutex_);
  std::vector<OutboxEntry> entries;
  for (auto entry = outbox_.upper_bound(after);
       entry != outbox_.end() && entries.size() < max_entries; ++entry) {
    ODDVERB_ASSIGN_OR_RETURN(OutboxEntry loaded,
                             StateLogEntry(entry->first, entry->second));
    entries.push_back(std::move(loaded));
  }
  return entries;
}

absl::Status LogCheckpoint::Advance(const SinkProgress& progress) {
  std::lock_guard<FairMutex> guard(mutex_);
  // A commit is asked for again by whoever made it, who waits for its outcome.
  if (undecided_.has_value() && undecided_->is_commit) {
    return absl::UnavailableError("a checkpoint is not settled yet");
  }
  ODDVERB_RETURN_IF_ERROR(SettleFirst().status());
  Pending pending{.is_commit = false,
                  .totals = totals_,
                  .findings = {},
                  .cursors = cursors_,
                  .parts = {}};
  SinkCursor& cursor = pending.cursors[progress.cursor.name];
  const uint64_t delivered =
      std::max(cursor.delivered, progress.cursor.delivered);
  cursor = progress.cursor;
  cursor.delivered = delivered;
  StateLogWrite write = NewWrite();
  write.dead_letters = progress.dead_letters;
  AppendCursors(write, pending);
  return Write(write, std::move(pending));
}

LogCheckpoint::Usage LogCheckpoint::usage() const {
  std::lock_guard<std::mutex> lock(published_mutex_);
  return published_;
}

}  // namespace oddverb
