#include "ingest/tail_source.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

// A busy writer wakes the reader at each event; this many milliseconds of them
// are read at once instead.
constexpr int kGatherMilliseconds = 5;
// Without output, when the deadline has passed: blank or oversized content,
// and the way into the middle of a compressed file.
constexpr int kMostIdleSteps = 16;
// For messages about files that are gone.
constexpr size_t kMostPaths = 8192;

FollowedFiles::Options FollowingOf(const TailOptions& options) {
  FollowedFiles::Options following;
  following.source = options.source_index;
  following.quiet = options.poll_interval;
  following.start = options.start;
  return following;
}

}  // namespace

TailSource::TailSource(const TailOptions& options)
    : options_(options),
      names_(options.path),
      files_(names_, FollowingOf(options), counters_),
      watch_(names_.folder(), names_.name_stem()),
      container_lines_(options.reading.max_record_bytes) {}

absl::Status TailSource::Resume(std::string_view bookmark) {
  if (bookmark.empty()) return absl::OkStatus();
  ODDVERB_RETURN_IF_ERROR(files_.Load(bookmark));
  last_bookmark_ = bookmark;
  Publish();
  return absl::OkStatus();
}

absl::Status TailSource::Read(absl::Time deadline, RawBatch& out) {
  out.Clear();
  finishing_ = false;
  Outcome outcome = Outcome::kGoOn;
  for (int steps = 0;; ++steps) {
    if (watch_.Wait(absl::InfinitePast()) == DirectoryWatch::Change::kNames) {
      next_look_ = absl::InfinitePast();
    }
    absl::Time now = SteadyNow();
    if (now >= next_look_) {
      // A look may find that the file was emptied, and move its offset.
      if (HasOutput()) break;
      LookAtFolder(now);
      if (files_.has_rejected()) break;
    }
    outcome = Step();
    if (outcome == Outcome::kBatch) break;
    bool idle = outcome == Outcome::kWait || steps >= kMostIdleSteps;
    if (now >= deadline && (idle || HasOutput())) break;
    if (outcome == Outcome::kWait) WaitUntil(std::min(deadline, next_look_));
  }
  if (outcome == Outcome::kBatch || HasOutput()) HandOver(out);
  if (std::exchange(abandon_pieces_, false)) container_lines_.Abandon(out);
  for (Rejected& rejected : files_.TakeRejected()) {
    out.rejected.push_back(std::move(rejected));
  }
  std::string bookmark = files_.Save(container_lines_.unfinished());
  if (bookmark != last_bookmark_) {
    last_bookmark_ = bookmark;
    out.bookmark = std::move(bookmark);
  }
  Publish();
  return absl::OkStatus();
}

TailSource::Outcome TailSource::Step() {
  FollowedFile* file = files_.Next();
  if (file == nullptr) return Outcome::kWait;
  if (!Follow(*file)) return Outcome::kGoOn;  // it is blocked: the next one
  absl::StatusOr<LogReader::Step> step = reader_->ReadBlock();
  if (!step.ok()) return Fail(*file, step.status());
  switch (*step) {
    case LogReader::Step::kRead:
      return HasOutput() &&
                     reader_->pending_bytes() >= options_.reading.block_bytes
                 ? Outcome::kBatch
                 : Outcome::kGoOn;
    case LogReader::Step::kEnd:
      return AtEnd(*file);
    case LogReader::Step::kChanged:
      break;
  }
  // What was read before is good. The look finds out what happened.
  next_look_ = absl::InfinitePast();
  if (HasOutput()) return Outcome::kBatch;
  reader_.reset();
  return Outcome::kGoOn;
}

TailSource::Outcome TailSource::AtEnd(FollowedFile& file) {
  if (file.active) return Outcome::kWait;
  // What is appended later to a file with a name is found by its size.
  bool named = file.present && !file.elsewhere;
  bool ended = file.over || (named && !reader_->InsideLine());
  if (!ended) return Outcome::kWait;
  if (reader_->FinishLine()) ++counters_.torn_tails;
  finishing_ = true;
  return Outcome::kBatch;
}

TailSource::Outcome TailSource::Fail(FollowedFile& file,
                                     const absl::Status& error) {
  if (!absl::IsDataLoss(error)) {
    files_.Block(file, error);
    return Outcome::kBatch;
  }
  // Damaged compression: nothing behind it is readable, until the file changes.
  reader_->FinishLine();
  reader_->Reject(absl::DataLossError(
      absl::StrCat(files_.PathOf(file), ": ", error.message())));
  file.damaged = true;
  finishing_ = true;
  return Outcome::kBatch;
}

// Makes `reader_` read this file from where it was left.
bool TailSource::Follow(FollowedFile& file) {
  if (reader_ != nullptr && current_ == &file && reader_->file() == file.log) {
    return true;
  }
  if (!files_.HoldOpen(file)) return false;
  Position start = {options_.source_index, file.stream, file.offset, file.line};
  reader_ = std::make_unique<LogReader>(file.log, start, options_.reading);
  current_ = &file;
  const std::optional<Position>& pieces = container_lines_.unfinished();
  abandon_pieces_ |= pieces.has_value() && pieces->stream != file.stream &&
                     pieces->stream != ended_stream_;
  return true;
}

void TailSource::LookAtFolder(absl::Time now) {
  files_.Scan(now);
  next_look_ = SteadyNow() + options_.poll_interval;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const std::unique_ptr<FollowedFile>& file : files_.files()) {
    std::string& path = paths_[file->stream];
    if (!path.ends_with(file->name) || path.empty())
      path = files_.PathOf(*file);
  }
  while (paths_.size() > kMostPaths) paths_.erase(paths_.begin());
}

void TailSource::WaitUntil(absl::Time deadline) {
  if (MillisecondsUntil(deadline) > kGatherMilliseconds) {
    ::poll(nullptr, 0, kGatherMilliseconds);
  }
  if (watch_.Wait(deadline) == DirectoryWatch::Change::kNames) {
    next_look_ = absl::InfinitePast();
  }
}

bool TailSource::HasOutput() const {
  return reader_ != nullptr && reader_->has_records();
}

void TailSource::HandOver(RawBatch& out) {
  reader_->HandOver(out);
  Position next = reader_->next();
  current_->offset = next.offset;
  current_->line = next.line;
  if (std::exchange(abandon_pieces_, false)) container_lines_.Abandon(out);
  if (reader_->file()->in_container_form()) container_lines_.Join(out);
  if (!finishing_) return;
  const std::optional<Position>& pieces = container_lines_.unfinished();
  if (pieces.has_value() && pieces->stream == current_->stream) {
    ended_stream_ = current_->stream;
  }
  reader_.reset();
  files_.Finish(*current_);
  current_ = nullptr;
}

void TailSource::Publish() {
  Progress progress = files_.progress();
  read_bytes_.store(progress.read_bytes, std::memory_order_relaxed);
  total_bytes_.store(progress.total_bytes, std::memory_order_relaxed);
  std::lock_guard<std::mutex> lock(mutex_);
  health_ = files_.problem();
}

absl::Status TailSource::Accepted(const Position&) { return absl::OkStatus(); }

absl::Status TailSource::Commit(const Position&) { return absl::OkStatus(); }

std::string TailSource::Describe(const Position& position) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto path = paths_.find(position.stream);
  return absl::StrCat(path == paths_.end() ? options_.path : path->second, ":",
                      position.line);
}

Source::Progress TailSource::progress() const {
  return {read_bytes_.load(std::memory_order_relaxed),
          total_bytes_.load(std::memory_order_relaxed)};
}

absl::Status TailSource::health() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return health_;
}

}  // namespace oddverb
