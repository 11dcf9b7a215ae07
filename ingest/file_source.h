// Reads one file, pipe or standard input, compressed or not, once from its
// beginning to its end.
#ifndef ODDVERB_INGEST_FILE_SOURCE_H_
#define ODDVERB_INGEST_FILE_SOURCE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ingest/byte_stream.h"
#include "ingest/line_framer.h"
#include "ingest/source.h"

namespace oddverb {

struct FileSourceOptions {
  uint32_t source_index = 0;  // for positions
  // Bytes read into one batch. Tests use small ones.
  size_t block_bytes = RawBatch::kTargetBytes;
  size_t max_record_bytes = LineFramer::Options().max_record_bytes;
  size_t max_document_bytes = LineFramer::Options().max_document_bytes;
  // Of a merge: files held open at once. The rest is opened for each block.
  size_t max_open_files = 32;
};

// A file that cannot be opened, a read error and damaged compression are not
// errors of Read(): all that was readable is handed on, an unfinished record
// too, then one Rejected (kUnreadable), then the end. A file is never waited
// for; pipes and terminals are, until the deadline.
//
// Threads: as Source says; progress() and committed_offset() from any.
class FileSource final : public Source {
 public:
  // `stream` is the file's number, for positions. The file is opened at the
  // first Read().
  FileSource(StoredFile file, uint32_t stream,
             const FileSourceOptions& options);

  absl::Status Read(absl::Time deadline, RawBatch& out) override;

  // A scan has nothing to make durable: only the highest offset is kept.
  absl::Status Accepted(const Position& position) override;
  absl::Status Commit(const Position& position) override;
  // Offset of the last record committed; nullopt: none yet.
  std::optional<uint64_t> committed_offset() const;

  std::string Describe(const Position& position) const override;
  Progress progress() const override;

  // Gives the file descriptor back until the next Read().
  void Park();

 private:
  enum class Fill : uint8_t { kRead, kWaiting };

  Fill FillBlock(absl::Time deadline);
  void Reject(const absl::Status& error);
  void HandOver(RawBatch& out);

  const StoredFile file_;
  const uint32_t source_;
  const uint32_t stream_;
  const size_t block_bytes_;
  std::unique_ptr<ByteStream> bytes_;  // null after the end
  LineFramer framer_;
  // Being filled: handed over by swapping, so that no whole record is copied.
  RawBatch pending_;
  std::atomic<uint64_t> stored_bytes_read_{0};
  std::atomic<uint64_t> committed_end_{0};  // offset + 1; 0 = none
};

// "FILE:LINE" for messages.
std::string DescribePlace(const StoredFile& file, const Position& position);

// Raises `highest` to `value`; thread-safe.
void RaiseTo(uint64_t value, std::atomic<uint64_t>& highest);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_FILE_SOURCE_H_
