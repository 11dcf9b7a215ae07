// Cuts a stream of bytes into records, in place, in the batch that they were
// read into. The records and their positions do not depend on where the
// stream was cut into blocks.
//
// Two ways of framing; the first line that is not blank decides:
//  - lines (NDJSON, container logs): a record ends with its line;
//  - documents, where that line begins a JSON value and does not end it
//    (pretty-printed events, an EventList over several lines): a record ends
//    with its last bracket. When a document turns out to be broken (a line
//    torn by a crash looks like the start of one), its bytes so far are one
//    record, and the rest of the stream is read as lines.
//
// What separates records (line ends, blank lines, a byte order mark, the NULs
// that a crash leaves) is white space in the batch afterwards. A record longer
// than its limit becomes one Rejected; its bytes are not kept. One thread.
#ifndef ODDVERB_INGEST_LINE_FRAMER_H_
#define ODDVERB_INGEST_LINE_FRAMER_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "ingest/document_scanner.h"
#include "model/raw_batch.h"

namespace oddverb {

class LineFramer {
 public:
  // kLines: whatever the first line looks like. For a log that grows: a torn
  // first line must not make one document of the rest.
  enum class Form : uint8_t { kDetected, kLines };

  struct Options {
    uint32_t source = 0;  // for positions
    uint32_t stream = 0;
    Form form = Form::kDetected;
    // Of the first byte, where the stream is not read from its beginning.
    uint64_t start_offset = 0;
    uint64_t start_line = 1;
    // The API server cuts events to 100 KiB only if it is told to; without,
    // request bodies (3 MiB at most) come twice.
    size_t max_record_bytes = size_t{16} << 20;
    // For documents, and for lines that are envelopes of many events.
    size_t max_document_bytes = size_t{64} << 20;
  };
  enum class Input : uint8_t { kMayGoOn, kEnded };

  explicit LineFramer(const Options& options);

  // Frames what was appended to `batch.bytes` since the last call. At kEnded
  // an unfinished line is a record as well: the decoder judges it.
  void Frame(Input input, RawBatch& batch);

  // Moves the unfinished record from the end of `batch` to `next`, the bytes of
  // the batch that is filled from now on, and sets batch.source_bytes.
  // REQUIRES: `next` is empty.
  void CarryTail(RawBatch& batch, PaddedBuffer& next);

  // Where the next record would begin.
  Position position() const;

  // Where to start for the same records again behind those handed on: before
  // an oversized record whose end has not come.
  Position restart_position() const;

 private:
  enum class Mode : uint8_t { kFirstLine, kLines, kDocuments };
  enum class Progress : uint8_t { kNeedsBytes, kGoesOn };
  // An oversized record whose bytes are dropped as they come.
  struct Skipping {
    Rejected rejected;
    size_t limit = 0;
    uint64_t line_ends = 0;
    char last_byte = '\0';
  };

  bool StripByteOrderMark(Input input, RawBatch& batch);
  Progress FrameLines(RawBatch& batch);
  Progress FrameDocuments(RawBatch& batch);
  bool StartsDocument(const PaddedBuffer& bytes, size_t line_end);
  void SkipBlanks(PaddedBuffer& bytes, size_t end);
  void FinishRecord(RawBatch& batch, size_t end);
  void AddRecord(RawBatch& batch, size_t end);
  void LimitTail(RawBatch& batch);
  void DropBlanks(RawBatch& batch);
  void SkipBytes(PaddedBuffer& bytes, size_t end);
  void FinishSkipping(RawBatch& batch);
  Skipping StartSkipping(std::string_view record, size_t limit) const;
  size_t LimitOf(std::string_view record) const;

  Options options_;
  Mode mode_ = Mode::kFirstLine;
  DocumentScanner scanner_;
  bool in_document_ = false;
  bool at_stream_start_ = true;
  std::optional<Skipping> skipping_;

  size_t record_begin_ = 0;       // in the batch: all before is framed
  size_t searched_ = 0;           // in the batch: no record end before
  uint64_t base_offset_ = 0;      // in the stream, of the batch's first byte
  uint64_t reported_offset_ = 0;  // in the stream: in some source_bytes before
  uint64_t ended_lines_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_LINE_FRAMER_H_
