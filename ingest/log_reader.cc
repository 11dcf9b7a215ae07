#include "ingest/log_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/status_macros.h"

namespace oddverb {
namespace {

constexpr size_t kLeastBlockBytes = 64;

LineFramer::Options FramingOf(const Position& start,
                              const LogReader::Options& options) {
  LineFramer::Options framing;
  framing.source = start.source;
  framing.stream = start.stream;
  framing.form = LineFramer::Form::kLines;
  framing.start_offset = start.offset;
  framing.start_line = start.line;
  framing.max_record_bytes = options.max_record_bytes;
  framing.max_document_bytes = options.max_record_bytes;
  return framing;
}

}  // namespace

LogReader::LogReader(std::shared_ptr<const IdentifiedFile> file,
                     const Position& start, const Options& options)
    : file_(std::move(file)),
      block_bytes_(std::max(options.block_bytes, kLeastBlockBytes)),
      bytes_(file_->ReadFrom(start.offset)),
      framer_(FramingOf(start, options)),
      skip_bytes_(file_->compressed() ? start.offset : 0),
      read_offset_(start.offset) {}

absl::StatusOr<LogReader::Step> LogReader::ReadBlock() {
  if (skip_bytes_ > 0) return SkipToStart();
  PaddedBuffer& bytes = *pending_.bytes;
  size_t size = bytes.size();
  // Beyond a block only for a record that is longer.
  if (size >= block_bytes_) bytes.Reserve(std::max(2 * size, block_bytes_));
  if (bytes.capacity() < block_bytes_) bytes.Reserve(block_bytes_);
  size_t end = size < block_bytes_ ? block_bytes_ : bytes.capacity();
  ODDVERB_ASSIGN_OR_RETURN(
      size_t got,
      bytes_->Read(absl::InfinitePast(), {bytes.data() + size, end - size}));
  // After reading, because a log is written in order: bytes of a new content
  // are here only if its first line is there already.
  if (!file_->compressed() &&
      (file_->StartChanged() ||
       (got == 0 && file_->ContentBytes() < read_offset_))) {
    return Step::kChanged;
  }
  if (got == 0) return Step::kEnd;
  bytes.SetSize(size + got);
  read_offset_ += got;
  framer_.Frame(LineFramer::Input::kMayGoOn, pending_);
  return Step::kRead;
}

// There is no way into the middle of compressed data but through all before.
absl::StatusOr<LogReader::Step> LogReader::SkipToStart() {
  PaddedBuffer scratch(block_bytes_);
  size_t most =
      static_cast<size_t>(std::min<uint64_t>(skip_bytes_, scratch.capacity()));
  ODDVERB_ASSIGN_OR_RETURN(
      size_t got, bytes_->Read(absl::InfinitePast(), {scratch.data(), most}));
  skip_bytes_ -= got;
  return got == 0 ? Step::kEnd : Step::kRead;
}

bool LogReader::InsideLine() const {
  return framer_.restart_position().offset < read_offset_;
}

bool LogReader::FinishLine() {
  bool inside = InsideLine();
  framer_.Frame(LineFramer::Input::kEnded, pending_);
  return inside;
}

void LogReader::Reject(const absl::Status& error) {
  Rejected rejected;
  rejected.position = framer_.position();
  rejected.reason = RejectReason::kUnreadable;
  rejected.detail = std::string(error.message());
  pending_.rejected.push_back(std::move(rejected));
}

void LogReader::HandOver(RawBatch& out) {
  std::swap(out, pending_);
  // A buffer that grew for one long record would stay that large for ever.
  if (pending_.bytes->capacity() > 2 * block_bytes_) {
    pending_.bytes = std::make_unique<PaddedBuffer>();
  }
  framer_.CarryTail(out, *pending_.bytes);
}

}  // namespace oddverb
