// The directory that holds the state database, for one process at a time.
// Nobody but its owner may read the files: audit events can hold secrets.
//
//   oddverb.db, -wal, -shm          the database (SQLite's names)
//   oddverb.db.new*                 one that is being made, of no worth
//   oddverb.db.damaged-TIME, -wal   set aside, for a person
//   oddverb.lock                    held by the process, with its number
//
// One thread.
#ifndef ODDVERB_PIPELINE_STATE_DIRECTORY_H_
#define ODDVERB_PIPELINE_STATE_DIRECTORY_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace oddverb {

class StateDirectory {
 public:
  // Makes the directory (0700) if its parent exists, and locks it until the
  // end of the object or of the process. FailedPrecondition: another process
  // has it, or it is read-only; NotFound, PermissionDenied, ResourceExhausted.
  // `setting`: what to change, for these messages.
  static absl::StatusOr<StateDirectory> Open(
      const std::string& path, std::string_view setting = "--state-dir");
  ~StateDirectory();
  StateDirectory(StateDirectory&& other) noexcept;
  StateDirectory& operator=(StateDirectory&&) = delete;

  const std::string& path() const { return path_; }
  std::string database_path() const { return path_ + "/oddverb.db"; }
  std::string new_database_path() const { return path_ + "/oddverb.db.new"; }

  // The functions below are for times when the database is not open: closing a
  // file drops all locks that the process has on it, SQLite's too.

  // Whether a database is there. It is made readable for its owner only.
  // DataLoss: it does not begin as one, or only its log (-wal) is there: SQLite
  // would make a new one of some of these. FailedPrecondition: it is no file.
  absl::StatusOr<bool> HasDatabase() const;
  // Makes an empty, private file at new_database_path(), without what an
  // earlier attempt left.
  absl::Status PrepareNewDatabase() const;
  // Gives it its name: from then on it is there as a whole.
  absl::Status KeepNewDatabase() const;
  // Renames the database and its log; returns the new path.
  absl::StatusOr<std::string> SetDatabaseAside(absl::Time now) const;

 private:
  StateDirectory(std::string path, int lock, std::string setting)
      : path_(std::move(path)), setting_(std::move(setting)), lock_(lock) {}

  absl::Status Rename(const std::string& from, const std::string& to) const;
  absl::Status Sync() const;

  std::string path_;
  std::string setting_;
  int lock_;  // -1 once moved from
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_STATE_DIRECTORY_H_
