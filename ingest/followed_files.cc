#include "ingest/followed_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace oddverb {
namespace {

// Position::stream of what has no identity.
constexpr uint32_t kNoStream = ~uint32_t{0};

}  // namespace

FollowedFiles::FollowedFiles(RotatedFiles names, const Options& options,
                             TailCounters& counters)
    : names_(std::move(names)), options_(options), counters_(counters) {}

void FollowedFiles::ReportLost(const FollowedFile& file, RejectReason reason) {
  uint64_t bytes = file.known_bytes - std::min(file.known_bytes, file.offset);
  Rejected lost;
  lost.position = {options_.source, file.stream, file.offset, file.line};
  lost.reason = reason;
  // What a copy holds is read from there.
  lost.record_bytes = reason == RejectReason::kCopyTruncated ? 0 : bytes;
  lost.detail = PathOf(file);
  std::string unread =
      bytes > 0 ? absl::StrCat("at least ", bytes, " bytes behind byte ",
                               file.offset, " are gone")
                : absl::StrCat("how much was written behind byte ", file.offset,
                               " is unknown");
  if (reason == RejectReason::kLost) {
    absl::StrAppend(
        &lost.detail, ": was deleted or emptied before it was read: ", unread,
        ". Either the API server's clean-up was faster (--audit-log-maxbackup, "
        "--audit-log-maxage), or somebody deleted it");
  } else if (reason == RejectReason::kEmptied) {
    absl::StrAppend(&lost.detail, ": was emptied in place: ", unread,
                    ". The API server never does that: somebody or a "
                    "copytruncate of logrotate did");
  } else {
    absl::StrAppend(&lost.detail,
                    ": was copied, then emptied in place: what was written "
                    "between the two is gone. The API server renames instead; "
                    "copytruncate of logrotate does that");
  }
  rejected_.push_back(std::move(lost));
}

void FollowedFiles::RejectWhole(const absl::Status& error) {
  Rejected rejected;
  rejected.position = {options_.source, kNoStream, 0, 0};
  rejected.reason = RejectReason::kUnreadable;
  rejected.detail = std::string(error.message());
  rejected_.push_back(std::move(rejected));
}

FollowedFile* FollowedFiles::Next() {
  FollowedFile* next = nullptr;
  for (const std::unique_ptr<FollowedFile>& file : files_) {
    if (file->finished || file->blocked) continue;
    if (!file->present && file->log == nullptr) continue;
    if (next == nullptr || (next->active && !file->active)) next = file.get();
    if (!next->active) break;
  }
  return next;
}

bool FollowedFiles::HoldOpen(FollowedFile& file) {
  if (file.log == nullptr) {
    absl::StatusOr<std::shared_ptr<const IdentifiedFile>> opened =
        IdentifiedFile::Open(file.stored);
    if (!opened.ok() && !absl::IsNotFound(opened.status())) {
      NoteProblem(opened.status());
    }
    file.blocked = !opened.ok() || (*opened)->identity() != file.identity;
    if (file.blocked) return false;
    file.log = *std::move(opened);
  }
  // Whatever was done to the file: no record starts there.
  if (!file.log->LineEndsAt(file.offset)) {
    ++counters_.files_truncated;
    ReportLost(file, RejectReason::kEmptied);
    Restart(file);
  }
  return true;
}

void FollowedFiles::Block(FollowedFile& file, const absl::Status& reason) {
  NoteProblem(reason);
  file.blocked = true;
  file.log = nullptr;
}

void FollowedFiles::Finish(FollowedFile& file) {
  file.finished = true;
  file.known_bytes = file.offset;
  file.log = nullptr;
  if (file.present) return;
  auto same =
      std::find_if(files_.begin(), files_.end(),
                   [&](const auto& other) { return other.get() == &file; });
  Forget(same - files_.begin());
}

void FollowedFiles::Restart(FollowedFile& file) {
  retired_bytes_ += file.offset;
  file.offset = 0;
  file.line = 1;
  file.finished = file.damaged = false;
  file.stream = next_stream_++;
  auto same =
      std::find_if(files_.begin(), files_.end(),
                   [&](const auto& other) { return other.get() == &file; });
  std::rotate(same, same + 1, files_.end());
}

void FollowedFiles::Forget(ptrdiff_t index) {
  retired_bytes_ += files_[static_cast<size_t>(index)]->offset;
  files_.erase(files_.begin() + index);
}

std::vector<Rejected> FollowedFiles::TakeRejected() {
  return std::exchange(rejected_, {});
}

void FollowedFiles::NoteProblem(const absl::Status& problem) {
  if (problem_.ok()) problem_ = problem;
}

Source::Progress FollowedFiles::progress() const {
  Source::Progress sum = {retired_bytes_, retired_bytes_};
  for (const std::unique_ptr<FollowedFile>& file : files_) {
    sum.read_bytes += file->offset;
    sum.total_bytes += std::max(file->offset, file->known_bytes);
  }
  return sum;
}

std::string FollowedFiles::PathOf(const FollowedFile& file) const {
  return absl::StrCat(names_.folder(), "/", file.name);
}

}  // namespace oddverb
