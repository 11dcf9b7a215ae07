// Which files of a folder are one log: the file that is written now, and those
// that rotation made of it before.
#ifndef ODDVERB_INGEST_ROTATED_FILES_H_
#define ODDVERB_INGEST_ROTATED_FILES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace oddverb {

// One name of the log, as the file system shows it.
struct LogFile {
  std::string path;
  bool active = false;  // the name that is written to
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size_bytes = 0;  // as stored
  int64_t changed_ns = 0;   // when content or inode changed last

  bool SameInodeAs(const LogFile& other) const {
    return device == other.device && inode == other.inode;
  }
  friend bool operator==(const LogFile&, const LogFile&) = default;
};

bool SameNames(const std::vector<LogFile>& a, const std::vector<LogFile>& b);

// For BASE.EXT (audit.log) these names belong to the log:
//   BASE-2006-01-02T15-04-05.000.EXT    the API server (lumberjack)
//   BASE.EXT.20060102-150405            the kubelet, for container logs
//   BASE.EXT.1, BASE.EXT-20060102       logrotate
// and each of them with .gz. "X.gz" beside "X" is being written and is left
// out. Immutable.
class RotatedFiles {
 public:
  explicit RotatedFiles(const std::string& active_path);

  // Oldest first by the names, the active file last; files without content
  // too. What is renamed meanwhile may be missing or come twice: only where a
  // second listing has the SameNames() was all of it there, between the two.
  // Fails where the folder cannot be read (FileError()), or where the active
  // name is no regular file. An active file that is not there is no error.
  // Aborted: a file was renamed or deleted before it could be looked at. Left
  // out, it would be missing in two listings that agree.
  absl::StatusOr<std::vector<LogFile>> List() const;

  const std::string& active_path() const { return active_path_; }
  const std::string& folder() const { return folder_; }
  // What all names begin with.
  const std::string& name_stem() const { return stem_; }

 private:
  // A name, and by what it is sorted.
  struct Candidate;

  std::string OrderOf(std::string_view name) const;
  absl::StatusOr<std::vector<Candidate>> ListNames() const;

  std::string active_path_;
  std::string folder_;
  std::string active_name_;
  std::string stem_;       // "audit"
  std::string extension_;  // ".log", or empty
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_ROTATED_FILES_H_
