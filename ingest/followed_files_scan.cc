// FollowedFiles::Scan(): what a look at the folder changes.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "ingest/followed_files.h"
#include "ingest/stored_file.h"

namespace oddverb {
namespace {

// Unread files are held open, so that rotation's clean-up does not take them
// away; this many, because a deleted file fills the disk until it is closed.
constexpr ptrdiff_t kMostHeldOpen = 32;
// Of a log that is never cleaned up; the oldest finished ones are forgotten.
constexpr size_t kMostFiles = 65'536;
constexpr int kMostTries = 5;
// Of the last line end, and the number of the line behind it.
void FindLastLine(const IdentifiedFile& file, uint64_t& offset,
                  uint64_t& line) {
  std::unique_ptr<ByteStream> bytes = file.ReadFrom(0);
  std::string block(size_t{64} << 10, '\0');
  uint64_t read = 0;
  for (;;) {
    absl::StatusOr<size_t> got = bytes->Read(absl::InfinitePast(), block);
    if (!got.ok() || *got == 0) return;
    std::string_view text(block.data(), *got);
    line += static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
    size_t end = text.rfind('\n');
    if (end != std::string_view::npos) offset = read + end + 1;
    read += *got;
  }
}

}  // namespace

void FollowedFiles::Scan(absl::Time now) {
  Sight sight = Sight::kIncomplete;
  bool looked = false;
  for (int i = 0; i < kMostTries && sight == Sight::kIncomplete; ++i) {
    problem_ = absl::OkStatus();
    absl::StatusOr<std::vector<LogFile>> listing = names_.List();
    if (absl::IsAborted(listing.status())) continue;
    if (!listing.ok()) return NoteProblem(listing.status());
    looked = true;
    if (listing->empty() || !listing->back().active) {
      NoteProblem(FileError(names_.active_path(), ENOENT));
    }
    sight = LookAtAll(*listing, now);
    // A name may stand for another file by the time it is opened.
    absl::StatusOr<std::vector<LogFile>> again = names_.List();
    if (!again.ok() || !SameNames(*listing, *again)) sight = Sight::kIncomplete;
  }
  if (!looked) return;  // all is being renamed: the next scan tells
  JudgeEnds(now);
  Match(sight);
  if (sight == Sight::kIncomplete) return;
  DropVanished();
  scanned_ = true;
}

// Incomplete: files were renamed meanwhile. What is known is still good, but
// nothing can be said about what is new, or missing.
FollowedFiles::Sight FollowedFiles::LookAtAll(
    const std::vector<LogFile>& listing, absl::Time now) {
  std::map<std::string_view, const Sighting*> before;
  for (const Sighting& sighting : sightings_) {
    before.emplace(sighting.file.path, &sighting);
  }
  std::vector<Sighting> sightings;
  Sight sight = Sight::kAll;
  for (const LogFile& file : listing) {
    auto found = before.find(file.path);
    const Sighting* last = found == before.end() ? nullptr : found->second;
    absl::StatusOr<Sighting> seen = LookAt(file, last);
    if (absl::IsNotFound(seen.status())) sight = Sight::kIncomplete;
    if (!seen.ok()) continue;
    seen->unchanged = last != nullptr && last->file == file;
    seen->unchanged_since = seen->unchanged ? last->unchanged_since : now;
    sightings.push_back(*std::move(seen));
  }
  sightings_ = std::move(sightings);
  return sight;
}

absl::StatusOr<FollowedFiles::Sighting> FollowedFiles::LookAt(
    const LogFile& file, const Sighting* last) {
  Sighting seen;
  if (FollowedFile* held = HeldOpen(file); held != nullptr) {
    if (!held->log->StartChanged() &&
        (held->log->compressed() || file.size_bytes >= held->offset)) {
      seen.log = held->log;
      seen.held = true;
    } else {
      NoteTruncation(*held);
    }
  } else if (last != nullptr && last->file == file) {
    seen = *last;
    seen.held = false;
    return seen;
  }
  if (seen.log == nullptr) {
    absl::StatusOr<std::shared_ptr<const IdentifiedFile>> opened =
        IdentifiedFile::Open(file);
    if (absl::IsDataLoss(opened.status()) ||
        absl::IsUnimplemented(opened.status())) {
      seen.file = file;
      RejectWhole(opened.status());
      return seen;
    }
    if (!opened.ok()) {
      if (absl::IsNotFound(opened.status())) return opened.status();
      NoteProblem(opened.status());
      // Still the same file, only not readable any more.
      bool known = last != nullptr && last->file.SameInodeAs(file);
      if (!known) return opened.status();
      seen = *last;
      seen.held = false;
    } else {
      seen.log = *std::move(opened);
    }
  }
  seen.file = file;
  if (seen.log != nullptr) {
    seen.first_line = seen.log->first_line();
    seen.identity = seen.log->identity();
    seen.compressed = seen.log->compressed();
    seen.content_bytes = seen.log->ContentBytes();
  }
  return seen;
}

FollowedFile* FollowedFiles::HeldOpen(const LogFile& file) {
  for (const std::unique_ptr<FollowedFile>& followed : files_) {
    if (followed->log != nullptr && followed->log->SameInodeAs(file)) {
      return followed.get();
    }
  }
  return nullptr;
}

// Whether something will still be appended. The API server closes a file
// before it renames it; container runtimes go on for a moment. So a rotated
// file is over once its successor is written to and it rests itself.
void FollowedFiles::JudgeEnds(absl::Time now) {
  const Sighting* successor = nullptr;
  for (size_t i = sightings_.size(); i-- > 0;) {
    Sighting& seen = sightings_[i];
    bool quiet = seen.unchanged && now - seen.unchanged_since >= options_.quiet;
    seen.over = !seen.file.active &&
                (seen.compressed || (successor != nullptr && quiet));
    if (seen.file.size_bytes > 0 && successor == nullptr) successor = &seen;
  }
  // Files without a name, held open: a writer may still have them.
  for (const std::unique_ptr<FollowedFile>& file : files_) {
    if (file->present || file->log == nullptr) continue;
    uint64_t size = file->log->ContentBytes();
    bool unchanged = size == file->stored.size_bytes;
    if (!unchanged) file->unchanged_since = now;
    file->stored.size_bytes = size;
    file->over = successor != nullptr && successor->file.active && unchanged &&
                 now - file->unchanged_since >= options_.quiet;
  }
}

void FollowedFiles::Match(Sight sight) {
  std::map<Hash128, FollowedFile*> known;
  for (const std::unique_ptr<FollowedFile>& file : files_) {
    file->present = false;
    file->blocked = false;
    known.emplace(file->identity, file.get());
  }
  std::map<Hash128, const Sighting*> chosen;
  for (const Sighting& seen : sightings_) {
    if (!IsIdentified(seen) && !known.contains(seen.identity)) continue;
    const Sighting*& best = chosen[seen.identity];
    if (best == nullptr || IsBetter(seen, *best)) best = &seen;
  }
  bool gap = sight == Sight::kIncomplete;
  for (const Sighting& seen : sightings_) {
    auto best = chosen.find(seen.identity);
    if (best == chosen.end()) {
      // An older file comes first, even if it has to be waited for.
      gap |= seen.first_line == IdentifiedFile::FirstLine::kTorn;
      continue;
    }
    if (best->second != &seen) continue;
    auto file = known.find(seen.identity);
    bool is_new = file == known.end();
    if (is_new && gap) continue;
    FollowedFile& followed = is_new ? Add(seen) : *file->second;
    Update(followed, seen);
    if (is_new && !scanned_ && options_.start == Start::kEnd) {
      SkipContent(followed, seen);
    }
  }
  for (Sighting& seen : sightings_) seen.log = nullptr;  // files_ hold them
}

// A line that is not whole may become another one, as long as it grows.
bool FollowedFiles::IsIdentified(const Sighting& seen) {
  return seen.first_line == IdentifiedFile::FirstLine::kWhole ||
         (seen.first_line == IdentifiedFile::FirstLine::kTorn && seen.over);
}

// Of two names for one identity: a hard link, a copy, or a copy in the making.
bool FollowedFiles::IsBetter(const Sighting& a, const Sighting& b) {
  if (a.held != b.held) return a.held;
  if (a.file.active != b.file.active) return a.file.active;
  if (a.compressed != b.compressed) return b.compressed;
  return a.content_bytes > b.content_bytes;
}

FollowedFile& FollowedFiles::Add(const Sighting& seen) {
  if (files_.size() >= kMostFiles) {
    auto oldest = std::find_if(files_.begin(), files_.end(),
                               [](const auto& file) { return file->finished; });
    if (oldest != files_.end()) Forget(oldest - files_.begin());
  }
  files_.push_back(std::make_unique<FollowedFile>());
  FollowedFile& file = *files_.back();
  file.identity = seen.identity;
  file.stream = next_stream_++;
  if (scanned_ && !seen.file.active) ++counters_.files_rotated;
  return file;
}

void FollowedFiles::Update(FollowedFile& file, const Sighting& seen) {
  bool changed = file.stored != seen.file;
  if (file.active && !seen.file.active) ++counters_.files_rotated;
  file.stored = seen.file;
  file.present = true;
  file.active = seen.file.active;
  file.compressed = seen.compressed;
  file.over = seen.over;
  file.unchanged_since = seen.unchanged_since;
  file.name = seen.file.path.substr(seen.file.path.rfind('/') + 1);
  // A copy that is being made may be shorter than what is read already.
  bool is_same_file = file.log == nullptr || seen.held;
  file.elsewhere = !is_same_file;
  if (is_same_file && !seen.compressed && !file.finished &&
      seen.content_bytes < file.offset) {
    if (!file.truncated) NoteTruncation(file);
    ReportLost(file, RejectReason::kEmptied);
    Restart(file);
  } else if (file.truncated) {
    ReportLost(file, RejectReason::kCopyTruncated);
  }
  file.truncated = false;
  if (is_same_file) {
    file.known_bytes = seen.compressed
                           ? std::max(file.known_bytes, seen.content_bytes)
                           : seen.content_bytes;
  }
  bool grew = !seen.compressed && seen.content_bytes > file.offset;
  if (file.finished && changed && (grew || file.damaged)) {
    file.finished = file.damaged = false;
  }
  if (!file.finished && file.log == nullptr &&
      std::count_if(files_.begin(), files_.end(), [](const auto& other) {
        return other->log != nullptr;
      }) < kMostHeldOpen) {
    file.log = seen.log;
  }
}

void FollowedFiles::SkipContent(FollowedFile& file, const Sighting& seen) {
  if (file.active && file.log != nullptr) {
    FindLastLine(*file.log, file.offset, file.line);
    return;
  }
  file.offset = seen.content_bytes;
  Finish(file);
}

void FollowedFiles::NoteTruncation(FollowedFile& file) {
  ++counters_.files_truncated;
  file.truncated = true;
  file.log = nullptr;
}

// What was followed and has no name any more. What is held open can still be
// read; of the rest, what was not read is lost.
void FollowedFiles::DropVanished() {
  for (size_t i = files_.size(); i-- > 0;) {
    FollowedFile& file = *files_[i];
    if (file.present) continue;
    file.active = false;
    if (file.log != nullptr) continue;
    bool all_read =
        file.finished || (file.truncated && file.known_bytes <= file.offset);
    if (!all_read) {
      ++counters_.files_lost;
      counters_.lost_bytes +=
          file.known_bytes - std::min(file.known_bytes, file.offset);
    }
    if (file.truncated) {
      ReportLost(file, RejectReason::kEmptied);
    } else if (!all_read) {
      ReportLost(file, RejectReason::kLost);
    }
    Forget(static_cast<ptrdiff_t>(i));
  }
}

}  // namespace oddverb
