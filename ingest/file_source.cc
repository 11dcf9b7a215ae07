#include "ingest/file_source.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace oddverb {
namespace {

constexpr size_t kLeastBlockBytes = 64;

LineFramer::Options FramingOf(uint32_t stream,
                              const FileSourceOptions& options) {
  LineFramer::Options framing;
  framing.source = options.source_index;
  framing.stream = stream;
  framing.max_record_bytes = options.max_record_bytes;
  framing.max_document_bytes = options.max_document_bytes;
  return framing;
}

}  // namespace

FileSource::FileSource(StoredFile file, uint32_t stream,
                       const FileSourceOptions& options)
    : file_(std::move(file)),
      source_(options.source_index),
      stream_(stream),
      block_bytes_(std::max(options.block_bytes, kLeastBlockBytes)),
      bytes_(MakeDecodedStream(MakeFileStream(file_))),
      framer_(FramingOf(stream, options)) {}

absl::Status FileSource::Read(absl::Time deadline, RawBatch& out) {
  out.Clear();
  while (bytes_ != nullptr &&
         (pending_.empty() || pending_.bytes->size() < block_bytes_)) {
    if (FillBlock(deadline) == Fill::kWaiting) break;
    // Skipping an endless line must not keep the caller either.
    if (pending_.empty() && bytes_ != nullptr && SteadyNow() >= deadline) break;
  }
  if (bytes_ == nullptr || !pending_.empty()) HandOver(out);
  return bytes_ == nullptr
             ? absl::OutOfRangeError(absl::StrCat("end of ", file_.path))
             : absl::OkStatus();
}

FileSource::Fill FileSource::FillBlock(absl::Time deadline) {
  PaddedBuffer& bytes = *pending_.bytes;
  size_t size = bytes.size();
  // Beyond a block only for a record that is longer.
  if (size >= block_bytes_) bytes.Reserve(std::max(2 * size, block_bytes_));
  if (bytes.capacity() < block_bytes_) bytes.Reserve(block_bytes_);
  size_t end = size < block_bytes_ ? block_bytes_ : bytes.capacity();
  absl::StatusOr<size_t> got =
      bytes_->Read(deadline, {bytes.data() + size, end - size});
  stored_bytes_read_.store(bytes_->stored_bytes_read(),
                           std::memory_order_relaxed);
  if (absl::IsDeadlineExceeded(got.status())) return Fill::kWaiting;
  if (got.ok() && *got > 0) {
    bytes.SetSize(size + *got);
    framer_.Frame(LineFramer::Input::kMayGoOn, pending_);
    return Fill::kRead;
  }
  framer_.Frame(LineFramer::Input::kEnded, pending_);
  if (!got.ok()) Reject(got.status());
  bytes_.reset();  // descriptor, windows and tables are not needed any more
  return Fill::kRead;
}

void FileSource::Reject(const absl::Status& error) {
  Rejected rejected;
  rejected.position = framer_.position();
  rejected.reason = RejectReason::kUnreadable;
  rejected.detail = std::string(error.message());
  pending_.rejected.push_back(std::move(rejected));
}

void FileSource::HandOver(RawBatch& out) {
  std::swap(out, pending_);
  // A buffer that grew for one long record would stay that large for ever.
  if (pending_.bytes->capacity() > 2 * block_bytes_) {
    pending_.bytes = std::make_unique<PaddedBuffer>();
  }
  framer_.CarryTail(out, *pending_.bytes);
}

absl::Status FileSource::Accepted(const Position&) { return absl::OkStatus(); }

absl::Status FileSource::Commit(const Position& position) {
  if (position.source != source_ || position.stream != stream_) {
    return absl::InvalidArgumentError("position of another source");
  }
  RaiseTo(position.offset + 1, committed_end_);
  return absl::OkStatus();
}

std::optional<uint64_t> FileSource::committed_offset() const {
  uint64_t end = committed_end_.load(std::memory_order_relaxed);
  if (end == 0) return std::nullopt;
  return end - 1;
}

std::string FileSource::Describe(const Position& position) const {
  return DescribePlace(file_, position);
}

Source::Progress FileSource::progress() const {
  return {stored_bytes_read_.load(std::memory_order_relaxed), file_.size_bytes};
}

void FileSource::Park() {
  if (bytes_ != nullptr) bytes_->Park();
}

std::string DescribePlace(const StoredFile& file, const Position& position) {
  return absl::StrCat(file.is_stdin() ? "stdin" : file.path, ":",
                      position.line);
}

void RaiseTo(uint64_t value, std::atomic<uint64_t>& highest) {
  uint64_t seen = highest.load(std::memory_order_relaxed);
  while (seen < value && !highest.compare_exchange_weak(
                             seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace oddverb
