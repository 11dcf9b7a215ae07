#include "ingest/merged_source.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/keyed_hash.h"
#include "base/status_macros.h"
#include "ingest/stage_time.h"

namespace oddverb {
namespace {

// For a look at the first record of a file that will be closed again.
constexpr size_t kPeekBlockBytes = 16 * 1024;
// Blocks get smaller when very many files overlap in time.
constexpr size_t kMostLoadedFullBlocks = 256;
constexpr size_t kSmallBlockBytes = 32 * 1024;

std::string_view RecordText(const RawBatch& batch, size_t index) {
  RecordSpan span = batch.records[index];
  return batch.bytes->view().substr(span.offset, span.length);
}

void MoveRejected(RawBatch& from, RawBatch& to) {
  std::move(from.rejected.begin(), from.rejected.end(),
            std::back_inserter(to.rejected));
  from.rejected.clear();
}

}  // namespace

// One file of the merge.
struct MergedSource::Cursor {
  uint32_t stream = 0;
  std::unique_ptr<FileSource> source;  // null: not open, or ended
  bool ended = false;                  // `source` has no more records
  uint64_t counted_bytes = 0;          // of source->progress()
  RawBatch block;
  std::vector<absl::Time> watermarks;  // parallel to block.records
  size_t next = 0;                     // in block.records

  absl::Time watermark = absl::InfinitePast();
  std::optional<Hash128> next_hash;  // made when a tie asks for it
  Hash128 first_hash;
  uint64_t size_bytes = 0;

  bool has_record() const { return next < block.records.size(); }

  Hash128 NextHash() {
    if (!next_hash.has_value()) {
      next_hash = KeyedHash().HashWide(RecordText(block, next));
    }
    return *next_hash;
  }

  // Makes the record at `index` the next one.
  void MoveTo(size_t index) {
    next = index;
    next_hash.reset();
    if (has_record()) watermark = watermarks[next];
  }

  void ReadWatermarks(TimestampReader& reader) {
    watermarks.clear();
    absl::Time highest = watermark;
    for (size_t i = 0; i < block.records.size(); ++i) {
      highest = std::max(highest, PeekStageTime(RecordText(block, i), reader));
      watermarks.push_back(highest);
    }
  }

  // Whether this one gives its record before `other`.
  bool Before(Cursor& other) {
    if (watermark != other.watermark) return watermark < other.watermark;
    if (NextHash() != other.NextHash()) return NextHash() < other.NextHash();
    if (first_hash != other.first_hash) return first_hash < other.first_hash;
    if (size_bytes != other.size_bytes) return size_bytes < other.size_bytes;
    return stream < other.stream;
  }
};

MergedSource::MergedSource(std::vector<StoredFile> files,
                           const FileSourceOptions& options)
    : files_(std::move(files)),
      options_(options),
      committed_ends_(new std::atomic<uint64_t>[files_.size()]()) {
  bool all_known = true;
  for (const StoredFile& file : files_) {
    all_known = all_known && file.kind == StoredFile::Kind::kRegular;
    total_bytes_ += file.size_bytes;
    auto cursor = std::make_unique<Cursor>();
    cursor->stream = static_cast<uint32_t>(cursors_.size());
    cursor->size_bytes = file.size_bytes;
    cursors_.push_back(std::move(cursor));
  }
  if (!all_known) total_bytes_ = 0;
}

MergedSource::~MergedSource() = default;

absl::Status MergedSource::Read(absl::Time deadline, RawBatch& out) {
  out.Clear();
  if (!LookAtFirstRecords(deadline, out)) return absl::OkStatus();
  // A block of whole records is a little smaller than block_bytes: taken as it
  // is, it must not be filled up by a copy of the next one.
  const size_t full_bytes =
      std::max<size_t>(1, options_.block_bytes - options_.block_bytes / 8);
  while (out.bytes->size() < full_bytes) {
    if (current_ == nullptr) {
      if (waiting_.empty()) return absl::OutOfRangeError("end of all files");
      current_ = PopLowest();
    }
    if (!current_->has_record()) {
      switch (LoadBlock(*current_, deadline, out)) {
        case Load::kWaiting:
          return absl::OkStatus();
        case Load::kEnded:
          Close(*current_);
          current_ = nullptr;
          continue;
        case Load::kReady:
          break;
      }
    }
    if (!waiting_.empty() && waiting_.front()->Before(*current_)) {
      Push(current_);
      current_ = PopLowest();
      continue;
    }
    TakeRun(*current_, out);
  }
  return absl::OkStatus();
}

// False: the deadline came first.
bool MergedSource::LookAtFirstRecords(absl::Time deadline, RawBatch& out) {
  // One at least, whatever the deadline, or nothing would ever be done.
  bool first = true;
  for (; looked_at_ < cursors_.size(); ++looked_at_) {
    if (!first && SteadyNow() >= deadline) return false;
    first = false;
    Cursor& cursor = *cursors_[looked_at_];
    switch (LookAtFirstRecord(cursor, deadline, out)) {
      case Load::kWaiting:
        return false;
      case Load::kEnded:
        Close(cursor);
        break;
      case Load::kReady:
        Push(&cursor);
        break;
    }
  }
  return true;
}

MergedSource::Load MergedSource::LookAtFirstRecord(Cursor& cursor,
                                                   absl::Time deadline,
                                                   RawBatch& out) {
  bool is_regular = files_[cursor.stream].kind == StoredFile::Kind::kRegular;
  if (!is_regular || files_.size() <= options_.max_open_files) {
    Load load = LoadBlock(cursor, deadline, out);
    if (load == Load::kReady) cursor.first_hash = cursor.NextHash();
    return load;
  }
  RawBatch ignored;
  Open(cursor, std::min(kPeekBlockBytes, options_.block_bytes));
  // A file is never waited for: what would be done at a deadline is lost.
  Load load = LoadBlock(cursor, absl::InfiniteFuture(), ignored);
  if (load == Load::kEnded) {
    MoveRejected(ignored, out);
    out.source_bytes += ignored.source_bytes;
    return load;
  }
  cursor.first_hash = cursor.NextHash();
  absl::Time watermark = cursor.watermark;
  Close(cursor);
  read_bytes_.fetch_sub(cursor.counted_bytes, std::memory_order_relaxed);
  // What the next block starts with, though it is not loaded.
  cursor.ended = false;
  cursor.watermark = watermark;
  cursor.next_hash = cursor.first_hash;
  return load;
}

// REQUIRES: the cursor has no record. kReady: it has one again.
MergedSource::Load MergedSource::LoadBlock(Cursor& cursor, absl::Time deadline,
                                           RawBatch& out) {
  if (cursor.source == nullptr && !cursor.ended) {
    Open(cursor, loaded_ < kMostLoadedFullBlocks
                     ? options_.block_bytes
                     : std::min(kSmallBlockBytes, options_.block_bytes));
  }
  while (!cursor.ended) {
    HoldOpen(cursor);
    absl::Status status = cursor.source->Read(deadline, cursor.block);
    uint64_t read_bytes = cursor.source->progress().read_bytes;
    read_bytes_.fetch_add(read_bytes - cursor.counted_bytes,
                          std::memory_order_relaxed);
    cursor.counted_bytes = read_bytes;
    cursor.ended = !status.ok();  // OutOfRange is all that FileSource returns
    MoveRejected(cursor.block, out);
    out.source_bytes += cursor.block.source_bytes;
    cursor.ReadWatermarks(times_);
    cursor.MoveTo(0);
    if (cursor.has_record()) return Load::kReady;
    if (!cursor.ended && cursor.block.source_bytes == 0) return Load::kWaiting;
  }
  return Load::kEnded;
}

void MergedSource::Open(Cursor& cursor, size_t block_bytes) {
  FileSourceOptions options = options_;
  options.block_bytes = block_bytes;
  cursor.source = std::make_unique<FileSource>(files_[cursor.stream],
                                               cursor.stream, options);
  cursor.counted_bytes = 0;
  cursor.watermark = absl::InfinitePast();
  ++loaded_;
}

// Makes `cursor` the latest used of those with a descriptor.
void MergedSource::HoldOpen(Cursor& cursor) {
  std::erase(open_, &cursor);
  open_.push_back(&cursor);
  if (open_.size() <= std::max<size_t>(options_.max_open_files, 1)) return;
  if (open_.front()->source != nullptr) open_.front()->source->Park();
  open_.erase(open_.begin());
}

void MergedSource::Close(Cursor& cursor) {
  std::erase(open_, &cursor);
  if (cursor.source != nullptr) --loaded_;
  cursor.source.reset();
  cursor.block = RawBatch();
  cursor.watermarks = {};
  cursor.next = 0;
  cursor.ended = true;
}

// Appends to `out` the records of the current file that come before those of
// all others; the first one certainly does.
void MergedSource::TakeRun(Cursor& cursor, RawBatch& out) {
  RawBatch& block = cursor.block;
  size_t begin = cursor.next;
  size_t end = block.records.size();
  if (!waiting_.empty()) {
    auto first = cursor.watermarks.begin() + static_cast<ptrdiff_t>(begin);
    auto last = std::lower_bound(first, cursor.watermarks.end(),
                                 waiting_.front()->watermark);
    end = begin + std::max<size_t>(1, static_cast<size_t>(last - first));
  }
  if (begin == 0 && end == block.records.size() && out.records.empty()) {
    std::swap(out.bytes, block.bytes);
    std::swap(out.records, block.records);
    std::swap(out.positions, block.positions);
    block.Clear();
    return cursor.MoveTo(0);
  }
  size_t from = block.records[begin].offset;
  size_t to = block.records[end - 1].offset + block.records[end - 1].length;
  size_t moved_to = out.bytes->size();
  out.bytes->Reserve(options_.block_bytes);
  out.bytes->Append(block.bytes->view().substr(from, to - from));
  out.bytes->Append("\n");
  for (size_t i = begin; i < end; ++i) {
    RecordSpan span = block.records[i];
    span.offset = static_cast<uint32_t>(span.offset - from + moved_to);
    out.records.push_back(span);
    out.positions.push_back(block.positions[i]);
  }
  cursor.MoveTo(end);
}

MergedSource::Cursor* MergedSource::PopLowest() {
  auto after = [](Cursor* a, Cursor* b) { return b->Before(*a); };
  std::pop_heap(waiting_.begin(), waiting_.end(), after);
  Cursor* lowest = waiting_.back();
  waiting_.pop_back();
  return lowest;
}

void MergedSource::Push(Cursor* cursor) {
  auto after = [](Cursor* a, Cursor* b) { return b->Before(*a); };
  waiting_.push_back(cursor);
  std::push_heap(waiting_.begin(), waiting_.end(), after);
}

absl::Status MergedSource::Accepted(const Position&) {
  return absl::OkStatus();
}

absl::Status MergedSource::Commit(const Position& position) {
  if (position.source != options_.source_index ||
      position.stream >= files_.size()) {
    return absl::InvalidArgumentError("position of another source");
  }
  RaiseTo(position.offset + 1, committed_ends_[position.stream]);
  return absl::OkStatus();
}

std::optional<uint64_t> MergedSource::committed_offset(uint32_t stream) const {
  if (stream >= files_.size()) return std::nullopt;
  uint64_t end = committed_ends_[stream].load(std::memory_order_relaxed);
  if (end == 0) return std::nullopt;
  return end - 1;
}

std::string MergedSource::Describe(const Position& position) const {
  if (position.stream >= files_.size()) {
    return absl::StrCat("unknown file:", position.line);
  }
  return DescribePlace(files_[position.stream], position);
}

Source::Progress MergedSource::progress() const {
  return {read_bytes_.load(std::memory_order_relaxed), total_bytes_};
}

absl::StatusOr<std::unique_ptr<Source>> OpenFiles(
    const std::vector<std::string>& paths, const FileSourceOptions& options) {
  if (paths.empty()) return absl::InvalidArgumentError("nothing to read");
  std::vector<StoredFile> files;
  for (const std::string& path : paths) {
    ODDVERB_ASSIGN_OR_RETURN(StoredFile file, InspectFile(path));
    ODDVERB_RETURN_IF_ERROR(CheckReadable(file));
    files.push_back(std::move(file));
  }
  if (files.size() == 1) {
    return std::make_unique<FileSource>(std::move(files.front()), 0, options);
  }
  return std::make_unique<MergedSource>(std::move(files), options);
}

}  // namespace oddverb
