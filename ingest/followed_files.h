// The files of one log, told apart by identity, and how far each is read:
// through rotation, compression, deletion, truncation and restarts.
#ifndef ODDVERB_INGEST_FOLLOWED_FILES_H_
#define ODDVERB_INGEST_FOLLOWED_FILES_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "ingest/identified_file.h"
#include "ingest/rotated_files.h"
#include "ingest/source.h"
#include "model/raw_batch.h"

namespace oddverb {

// What happened to the log's files. Readable from any thread.
struct TailCounters {
  std::atomic<uint64_t> files_rotated{0};
  // Emptied or cut in place. The API server never does that.
  std::atomic<uint64_t> files_truncated{0};
  std::atomic<uint64_t> files_lost{0};  // gone before they were read
  std::atomic<uint64_t> lost_bytes{0};  // of those, as far as known
  std::atomic<uint64_t> torn_tails{0};  // rotated files ending inside a line
};

struct FollowedFile {
  // In the bookmark.
  Hash128 identity;
  uint32_t stream = 0;       // ascending: older files have lower numbers
  uint64_t offset = 0;       // behind the last record handed on
  uint64_t line = 1;         // there
  uint64_t known_bytes = 0;  // of content; what a compressed file claims
  bool active = false;       // has the name that is written to
  bool finished = false;     // read to the end, and that is final
  std::string name;          // without its folder

  // As of the last scan.
  LogFile stored;
  bool present = false;     // has a name
  bool elsewhere = false;   // that is a copy of what is held open
  bool compressed = false;  // under that name
  bool over = false;        // nobody will append to it
  bool blocked = false;     // could not be read; until the next scan
  bool damaged = false;     // finished, because the rest is not readable
  bool truncated = false;   // its content was removed under its name
  absl::Time unchanged_since = absl::InfinitePast();  // without a name
  std::shared_ptr<const IdentifiedFile> log;          // held open, or null
};

// One thread, but for the counters.
class FollowedFiles {
 public:
  enum class Start : uint8_t { kBeginning, kEnd };
  struct Options {
    uint32_t source = 0;  // for positions
    // A file that was not written to for so long, and has a successor that
    // was, is over.
    absl::Duration quiet = absl::Seconds(1);
    // Where to start in files that are there at the very first scan.
    Start start = Start::kBeginning;
  };

  FollowedFiles(RotatedFiles names, const Options& options,
                TailCounters& counters);

  // DataLoss: the bookmark is damaged.
  absl::Status Load(std::string_view bookmark);
  // `unfinished`: a record that begins in one file and ends in the next.
  std::string Save(const std::optional<Position>& unfinished) const;

  // Looks at the folder: finds new files, follows renamed ones, reports lost
  // ones. The pointers of before stay valid but for files that are gone.
  void Scan(absl::Time now);

  // The oldest file that may hold something unread, the active one last; null
  // if there is none. Valid until the next call of Scan(), Finish().
  FollowedFile* Next();

  // Opens the file where it is not held open. False: it is blocked now.
  bool HoldOpen(FollowedFile& file);
  void Block(FollowedFile& file, const absl::Status& reason);
  // All is read, and nothing will be appended.
  void Finish(FollowedFile& file);
  // The content is not the one that was read: all of it is new.
  void Restart(FollowedFile& file);

  // Since the last call: what was lost.
  std::vector<Rejected> TakeRejected();
  bool has_rejected() const { return !rejected_.empty(); }

  // Why the log, or a part of it, cannot be read at present.
  const absl::Status& problem() const { return problem_; }
  // In content of all files, those that are gone too.
  Source::Progress progress() const;
  std::string PathOf(const FollowedFile& file) const;
  const std::vector<std::unique_ptr<FollowedFile>>& files() const {
    return files_;
  }

 private:
  // What a scan sees under one name.
  struct Sighting {
    LogFile file;
    IdentifiedFile::FirstLine first_line = IdentifiedFile::FirstLine::kNone;
    Hash128 identity;
    bool compressed = false;
    uint64_t content_bytes = 0;
    absl::Time unchanged_since;
    bool unchanged = false;
    bool over = false;
    bool held = false;  // the file that is held open already
    std::shared_ptr<const IdentifiedFile> log;
  };
  enum class Sight : uint8_t { kAll, kIncomplete };

  Sight LookAtAll(const std::vector<LogFile>& listing, absl::Time now);
  absl::StatusOr<Sighting> LookAt(const LogFile& file, const Sighting* last);
  FollowedFile* HeldOpen(const LogFile& file);
  void JudgeEnds(absl::Time now);
  void Match(Sight sight);
  static bool IsIdentified(const Sighting& seen);
  static bool IsBetter(const Sighting& a, const Sighting& b);
  FollowedFile& Add(const Sighting& seen);
  void Update(FollowedFile& file, const Sighting& seen);
  void SkipContent(FollowedFile& file, const Sighting& seen);
  void NoteTruncation(FollowedFile& file);
  void DropVanished();
  void Forget(ptrdiff_t index);
  void ReportLost(const FollowedFile& file, RejectReason reason);
  void RejectWhole(const absl::Status& error);
  void NoteProblem(const absl::Status& problem);

  const RotatedFiles names_;
  const Options options_;
  TailCounters& counters_;
  std::vector<std::unique_ptr<FollowedFile>> files_;  // by stream
  uint32_t next_stream_ = 0;
  bool scanned_ = false;             // now or before a restart
  uint64_t retired_bytes_ = 0;       // read of what is not in files_ any more
  std::vector<Sighting> sightings_;  // of the last scan, by age
  std::vector<Rejected> rejected_;
  absl::Status problem_;
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_FOLLOWED_FILES_H_
