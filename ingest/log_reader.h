// Reads whole records from one log file that may grow, from some offset on.
#ifndef ODDVERB_INGEST_LOG_READER_H_
#define ODDVERB_INGEST_LOG_READER_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "ingest/identified_file.h"
#include "ingest/line_framer.h"
#include "model/raw_batch.h"

namespace oddverb {

// One thread. Offsets are those of the decompressed content.
class LogReader {
 public:
  struct Options {
    size_t block_bytes = RawBatch::kTargetBytes;
    size_t max_record_bytes = LineFramer::Options().max_record_bytes;
  };
  enum class Step : uint8_t {
    kRead,     // a block; call again
    kEnd,      // nothing more at present
    kChanged,  // emptied or written anew in place: this reader is of no use
  };

  LogReader(std::shared_ptr<const IdentifiedFile> file, const Position& start,
            const Options& options);

  // Reads at most one block. Any error is final; what was readable before it
  // has been read.
  absl::StatusOr<Step> ReadBlock();

  // Makes a record of an unfinished line. Returns whether there was one.
  bool FinishLine();
  bool InsideLine() const;

  bool has_records() const { return !pending_.empty(); }
  size_t pending_bytes() const { return pending_.bytes->size(); }
  // Adds to what HandOver() gives.
  void Reject(const absl::Status& error);
  void HandOver(RawBatch& out);

  // Where to go on behind all that was handed over.
  Position next() const { return framer_.restart_position(); }
  const std::shared_ptr<const IdentifiedFile>& file() const { return file_; }

 private:
  absl::StatusOr<Step> SkipToStart();

  const std::shared_ptr<const IdentifiedFile> file_;
  const size_t block_bytes_;
  std::unique_ptr<ByteStream> bytes_;
  LineFramer framer_;
  RawBatch pending_;
  uint64_t skip_bytes_ = 0;   // to where reading starts, in compressed files
  uint64_t read_offset_ = 0;  // behind the last byte framed
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_LOG_READER_H_
