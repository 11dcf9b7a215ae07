#include "ingest/line_framer.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace oddverb {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
// RecordSpan counts in 32 bits.
constexpr size_t kMostRecordBytes = size_t{1} << 30;

// Keys by which an envelope of many events shows itself at its start: the
// webhook's EventList, Azure's, Firehose's and Lambda's records, CloudWatch.
constexpr std::string_view kEnvelopeKeys[] = {"\"EventList\"", "\"records\"",
                                              "\"Records\"", "\"logEvents\""};
constexpr size_t kEnvelopeStartBytes = 256;

bool IsBlank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\0';
}

// Neither blank nor a control character: nothing to trim at this end.
bool IsSolid(char c) { return static_cast<unsigned char>(c) > ' '; }

bool IsEnvelope(std::string_view record) {
  if (record.starts_with('[')) return true;
  std::string_view start = record.substr(0, kEnvelopeStartBytes);
  return std::any_of(std::begin(kEnvelopeKeys), std::end(kEnvelopeKeys),
                     [start](std::string_view key) {
                       return start.find(key) != std::string_view::npos;
                     });
}

uint64_t CountLineEnds(std::string_view bytes) {
  return static_cast<uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
}

}  // namespace

LineFramer::LineFramer(const Options& options)
    : options_(options),
      mode_(options.form == Form::kLines ? Mode::kLines : Mode::kFirstLine),
      at_stream_start_(options.start_offset == 0),
      base_offset_(options.start_offset),
      reported_offset_(options.start_offset),
      ended_lines_(options.start_line - 1) {
  options_.max_record_bytes =
      std::min(options_.max_record_bytes, kMostRecordBytes);
  options_.max_document_bytes = std::clamp(
      options_.max_document_bytes, options_.max_record_bytes, kMostRecordBytes);
}

void LineFramer::Frame(Input input, RawBatch& batch) {
  if (at_stream_start_ && !StripByteOrderMark(input, batch)) return;
  Progress progress;
  do {
    progress =
        mode_ == Mode::kDocuments ? FrameDocuments(batch) : FrameLines(batch);
  } while (progress == Progress::kGoesOn);
  if (input == Input::kMayGoOn) return LimitTail(batch);
  FinishRecord(batch, batch.bytes->size());
}

// False: more bytes are needed to know.
bool LineFramer::StripByteOrderMark(Input input, RawBatch& batch) {
  std::string_view start = batch.bytes->view().substr(0, kByteOrderMark.size());
  if (start.size() < kByteOrderMark.size() &&
      kByteOrderMark.starts_with(start) && input == Input::kMayGoOn) {
    return false;
  }
  at_stream_start_ = false;
  if (start == kByteOrderMark) {
    std::memset(batch.bytes->data(), ' ', start.size());
  }
  return true;
}

LineFramer::Progress LineFramer::FrameLines(RawBatch& batch) {
  const char* data = batch.bytes->data();
  size_t size = batch.bytes->size();
  while (searched_ < size) {
    const void* found = std::memchr(data + searched_, '\n', size - searched_);
    if (found == nullptr) break;
    size_t end = static_cast<size_t>(static_cast<const char*>(found) - data);
    if (mode_ == Mode::kFirstLine && StartsDocument(*batch.bytes, end)) {
      return Progress::kGoesOn;
    }
    FinishRecord(batch, end);
    record_begin_ = searched_ = end + 1;
    ++ended_lines_;
  }
  searched_ = size;
  return Progress::kNeedsBytes;
}

LineFramer::Progress LineFramer::FrameDocuments(RawBatch& batch) {
  PaddedBuffer& bytes = *batch.bytes;
  if (!in_document_) {
    SkipBlanks(bytes, bytes.size());
    searched_ = record_begin_;
    if (searched_ == bytes.size()) return Progress::kNeedsBytes;
    scanner_.Restart();
    in_document_ = true;
  }
  DocumentScanner::Result result =
      scanner_.Scan(bytes.view().substr(searched_));
  searched_ += result.scanned;
  if (result.verdict == DocumentScanner::Verdict::kInside) {
    return Progress::kNeedsBytes;
  }
  FinishRecord(batch, searched_);
  in_document_ = false;
  if (result.verdict == DocumentScanner::Verdict::kBroken) {
    mode_ = Mode::kLines;
  }
  return Progress::kGoesOn;
}

// Decides the mode at the first line that is not blank.
bool LineFramer::StartsDocument(const PaddedBuffer& bytes, size_t line_end) {
  std::string_view line =
      bytes.view().substr(record_begin_, line_end + 1 - record_begin_);
  size_t first = 0;
  while (first < line.size() && IsBlank(line[first])) ++first;
  if (skipping_.has_value()) first = 0;
  if (first == line.size()) return false;
  mode_ = Mode::kLines;
  if (skipping_.has_value() || (line[first] != '{' && line[first] != '[')) {
    return false;
  }
  scanner_.Restart();
  DocumentScanner::Result result = scanner_.Scan(line.substr(first));
  if (result.verdict != DocumentScanner::Verdict::kInside) return false;
  mode_ = Mode::kDocuments;
  in_document_ = true;
  record_begin_ += first;
  searched_ = line_end + 1;
  return true;
}

// Moves the start of the record over blanks, and makes NULs white space.
void LineFramer::SkipBlanks(PaddedBuffer& bytes, size_t end) {
  char* data = bytes.data();
  for (; record_begin_ < end && IsBlank(data[record_begin_]); ++record_begin_) {
    if (data[record_begin_] == '\n') ++ended_lines_;
    if (data[record_begin_] == '\0') data[record_begin_] = ' ';
  }
}

// The record that began at record_begin_ ends before `end`.
void LineFramer::FinishRecord(RawBatch& batch, size_t end) {
  if (skipping_.has_value()) {
    SkipBytes(*batch.bytes, end);
    return FinishSkipping(batch);
  }
  const char* data = batch.bytes->data();
  if (record_begin_ < end && IsSolid(data[record_begin_]) &&
      IsSolid(data[end - 1]) &&
      end - record_begin_ <= options_.max_record_bytes &&
      mode_ == Mode::kLines) {
    AddRecord(batch, end);
    record_begin_ = end;
    return;
  }
  SkipBlanks(*batch.bytes, end);
  if (record_begin_ == end) return;
  std::string_view record =
      batch.bytes->view().substr(record_begin_, end - record_begin_);
  // Before trailing blanks are cut, because LimitTail() could not tell them
  // from blanks inside of a record; but CRLF must not cost a byte.
  size_t length = record.size() - (record.back() == '\r' ? 1 : 0);
  if (length > options_.max_record_bytes && length > LimitOf(record)) {
    skipping_ = StartSkipping(record, LimitOf(record));
    SkipBytes(*batch.bytes, end);
    return FinishSkipping(batch);
  }
  uint64_t line_ends = mode_ == Mode::kDocuments ? CountLineEnds(record) : 0;
  size_t last = end;
  while (IsBlank(data[last - 1])) --last;
  std::memset(batch.bytes->data() + last, ' ', end - last);
  AddRecord(batch, last);
  record_begin_ = searched_ = end;
  ended_lines_ += line_ends;
}

void LineFramer::AddRecord(RawBatch& batch, size_t end) {
  batch.records.push_back({static_cast<uint32_t>(record_begin_),
                           static_cast<uint32_t>(end - record_begin_)});
  batch.positions.push_back(position());
}

// Keeps memory bounded while a record's end is not in sight.
void LineFramer::LimitTail(RawBatch& batch) {
  if (!skipping_.has_value() && !in_document_) {
    SkipBlanks(*batch.bytes, batch.bytes->size());
    if (batch.records.empty()) DropBlanks(batch);
  }
  std::string_view tail = batch.bytes->view().substr(record_begin_);
  if (!skipping_.has_value()) {
    // One more than the limit: the last byte may be the CR of a CRLF.
    size_t known_bytes =
        std::max(options_.max_record_bytes + 1, kEnvelopeStartBytes);
    if (tail.size() <= known_bytes || tail.size() <= LimitOf(tail) + 1) return;
    skipping_ = StartSkipping(tail, LimitOf(tail));
  }
  size_t kept = record_begin_;
  SkipBytes(*batch.bytes, batch.bytes->size());
  base_offset_ += batch.bytes->size() - kept;
  batch.bytes->SetSize(kept);
  record_begin_ = searched_ = kept;
}

// Blanks before the first record are not kept: a hole in a file (a writer that
// goes on behind a truncation) would fill the memory with NULs.
void LineFramer::DropBlanks(RawBatch& batch) {
  constexpr size_t kWorthMoving = 4096;
  if (record_begin_ < kWorthMoving) return;
  size_t tail = batch.bytes->size() - record_begin_;
  std::memmove(batch.bytes->data(), batch.bytes->data() + record_begin_, tail);
  batch.bytes->SetSize(tail);
  base_offset_ += record_begin_;
  searched_ -= std::min(searched_, record_begin_);
  record_begin_ = 0;
}

void LineFramer::SkipBytes(PaddedBuffer& bytes, size_t end) {
  if (record_begin_ == end) return;
  char* begin = bytes.data() + record_begin_;
  size_t count = end - record_begin_;
  skipping_->rejected.record_bytes += count;
  skipping_->line_ends += CountLineEnds({begin, count});
  skipping_->last_byte = begin[count - 1];
  std::memset(begin, ' ', count);
  record_begin_ = searched_ = end;
}

void LineFramer::FinishSkipping(RawBatch& batch) {
  Rejected& rejected = skipping_->rejected;
  if (skipping_->last_byte == '\r') --rejected.record_bytes;
  rejected.detail =
      absl::StrCat("record of ", rejected.record_bytes,
                   " bytes, longer than the limit of ", skipping_->limit);
  ended_lines_ += skipping_->line_ends;
  batch.rejected.push_back(std::move(rejected));
  skipping_.reset();
}

LineFramer::Skipping LineFramer::StartSkipping(std::string_view record,
                                               size_t limit) const {
  Skipping skipping;
  skipping.limit = limit;
  skipping.rejected.position = position();
  skipping.rejected.reason = RejectReason::kOversized;
  // Not more than the limit, so that it does not depend on block sizes.
  skipping.rejected.sample =
      record.substr(0, std::min(Rejected::kSampleBytes, limit));
  return skipping;
}

size_t LineFramer::LimitOf(std::string_view record) const {
  return mode_ == Mode::kDocuments || IsEnvelope(record)
             ? options_.max_document_bytes
             : options_.max_record_bytes;
}

void LineFramer::CarryTail(RawBatch& batch, PaddedBuffer& next) {
  assert(next.size() == 0);
  next.Append(batch.bytes->view().substr(record_begin_));
  batch.bytes->SetSize(record_begin_);
  base_offset_ += record_begin_;
  searched_ -= record_begin_;
  record_begin_ = 0;
  batch.source_bytes = base_offset_ - reported_offset_;
  reported_offset_ = base_offset_;
}

Position LineFramer::position() const {
  return {options_.source, options_.stream, base_offset_ + record_begin_,
          ended_lines_ + 1};
}

Position LineFramer::restart_position() const {
  return skipping_.has_value() ? skipping_->rejected.position : position();
}

}  // namespace oddverb
