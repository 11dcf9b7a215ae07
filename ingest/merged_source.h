// Several files as one source, in an order that follows from their contents
// alone: not from names, arguments or block sizes.
#ifndef ODDVERB_INGEST_MERGED_SOURCE_H_
#define ODDVERB_INGEST_MERGED_SOURCE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/file_source.h"
#include "ingest/source.h"
#include "ingest/stored_file.h"
#include "ingest/timestamp.h"

namespace oddverb {

// The rule. A file's watermark is the highest stage time up to and including
// its next record (no stage time: the watermark stays; at the start it is the
// infinite past). The file with the lowest watermark gives its next record. A
// tie is decided by the record's hash; where that is equal too, by the hash of
// the file's first record, then by its stored size. So files that follow each
// other (rotation) are read one after the other, and the logs of several API
// servers are interleaved, each in its own order.
//
// Of many files, each is opened once for a look at its first record; then only
// the files that overlap in time are in memory, with a block each, and only
// max_open_files hold a descriptor. A file that is renamed meanwhile (by
// rotation) and not held open is reported as unreadable, never mixed up.
//
// Threads: as Source says; progress() and committed_offset() from any.
class MergedSource final : public Source {
 public:
  // Position::stream is the index in `files`.
  MergedSource(std::vector<StoredFile> files, const FileSourceOptions& options);
  ~MergedSource() override;

  absl::Status Read(absl::Time deadline, RawBatch& out) override;

  // A scan has nothing to make durable: only the highest offsets are kept.
  absl::Status Accepted(const Position& position) override;
  absl::Status Commit(const Position& position) override;
  // Offset of the last record committed of `stream`; nullopt: none yet.
  std::optional<uint64_t> committed_offset(uint32_t stream) const;

  std::string Describe(const Position& position) const override;
  Progress progress() const override;

 private:
  struct Cursor;
  enum class Load : uint8_t { kReady, kWaiting, kEnded };

  bool LookAtFirstRecords(absl::Time deadline, RawBatch& out);
  Load LookAtFirstRecord(Cursor& cursor, absl::Time deadline, RawBatch& out);
  Load LoadBlock(Cursor& cursor, absl::Time deadline, RawBatch& out);
  void Open(Cursor& cursor, size_t block_bytes);
  void HoldOpen(Cursor& cursor);
  void Close(Cursor& cursor);
  void TakeRun(Cursor& cursor, RawBatch& out);
  Cursor* PopLowest();
  void Push(Cursor* cursor);

  const std::vector<StoredFile> files_;
  const FileSourceOptions options_;
  uint64_t total_bytes_ = 0;
  std::vector<std::unique_ptr<Cursor>> cursors_;
  size_t looked_at_ = 0;          // cursors whose first record is known
  Cursor* current_ = nullptr;     // not in waiting_
  std::vector<Cursor*> waiting_;  // heap; the lowest is first
  std::vector<Cursor*> open_;     // with a descriptor; the latest used is last
  TimestampReader times_;
  size_t loaded_ = 0;  // cursors with a block in memory
  std::atomic<uint64_t> read_bytes_{0};
  std::unique_ptr<std::atomic<uint64_t>[]> committed_ends_;  // offset + 1
};

// The source over these inputs (ExpandPaths() makes the list): a FileSource
// for one, else a MergedSource. Fails if one of them cannot be opened.
absl::StatusOr<std::unique_ptr<Source>> OpenFiles(
    const std::vector<std::string>& paths, const FileSourceOptions& options);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_MERGED_SOURCE_H_
