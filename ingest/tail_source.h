// Follows an audit log that is being written, through rotation, and goes on
// after a restart exactly behind what was judged.
#ifndef ODDVERB_INGEST_TAIL_SOURCE_H_
#define ODDVERB_INGEST_TAIL_SOURCE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "ingest/cri_lines.h"
#include "ingest/directory_watch.h"
#include "ingest/followed_files.h"
#include "ingest/log_reader.h"
#include "ingest/source.h"

namespace oddverb {

struct TailOptions {
  std::string path;  // of the file that is written (audit.log)
  uint32_t source_index = 0;
  LogReader::Options reading;
  // The folder is looked at so often even if the kernel reports nothing.
  absl::Duration poll_interval = absl::Seconds(1);
  // Without a bookmark.
  FollowedFiles::Start start = FollowedFiles::Start::kBeginning;
};

// What holds:
//  - A file is known by its first whole line, so it may be renamed, copied or
//    compressed; positions count decompressed bytes.
//  - Older files first; a rotated file is read to its end, also when it has
//    lost its name. What was deleted or emptied unread is a Rejected and is
//    counted.
//  - An unfinished line at the end of the active file waits; of a rotated file
//    it becomes a record, for the decoder to judge.
//  - With the bookmark of the last batch each record comes exactly once, with
//    an older one at least once, always in the order of its file.
//  - Read() never fails: a file that cannot be read is tried again, and
//    health() says why.
//
// Threads: as Source says; counters, health, progress and Describe from any.
class TailSource final : public Source {
 public:
  explicit TailSource(const TailOptions& options);

  absl::Status Read(absl::Time deadline, RawBatch& out) override;
  // Nothing is to be done: the files keep what was not committed.
  absl::Status Accepted(const Position& position) override;
  absl::Status Commit(const Position& position) override;
  absl::Status Resume(std::string_view bookmark) override;

  std::string Describe(const Position& position) const override;
  // Of decompressed bytes: total - read is what is waiting, as of the last
  // look at the folder.
  Progress progress() const override;
  absl::Status health() const override;
  const TailCounters& counters() const { return counters_; }

 private:
  // What one step of reading came to.
  enum class Outcome : uint8_t {
    kGoOn,
    kBatch,  // enough for one
    kWait,   // nothing more at present
  };

  Outcome Step();
  Outcome ReadFrom(FollowedFile& file);
  Outcome AtEnd(FollowedFile& file);
  Outcome Fail(FollowedFile& file, const absl::Status& error);
  bool Follow(FollowedFile& file);
  void LookAtFolder(absl::Time now);
  void WaitUntil(absl::Time deadline);
  bool HasOutput() const;
  void HandOver(RawBatch& out);
  void Publish();

  const TailOptions options_;
  const RotatedFiles names_;
  TailCounters counters_;
  FollowedFiles files_;
  DirectoryWatch watch_;
  CriLines container_lines_;
  // Of the file that is read now; null or stale if there is none.
  std::unique_ptr<LogReader> reader_;
  FollowedFile* current_ = nullptr;
  bool finishing_ = false;  // this Read() came to the end of that file
  // A container line may go on in the file behind this stream.
  std::optional<uint32_t> ended_stream_;
  bool abandon_pieces_ = false;  // its rest will not come
  absl::Time next_look_ = absl::InfinitePast();
  std::string last_bookmark_;
  std::atomic<uint64_t> read_bytes_{0};
  std::atomic<uint64_t> total_bytes_{0};

  mutable std::mutex mutex_;  // guards all below
  absl::Status health_;
  std::map<uint32_t, std::string> paths_;  // by stream
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_TAIL_SOURCE_H_
