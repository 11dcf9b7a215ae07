// A copy on this machine of what a StateLog holds elsewhere: each key with its
// last value, up to a position. Whoever has one and starts again reads from
// there on, and not all of it.
//
// It is of use for speed alone: one that is damaged, of another log, or too old
// is dropped and made anew. After a power cut it may be as of some seconds
// before.
#ifndef ODDVERB_PIPELINE_STATE_COPY_H_
#define ODDVERB_PIPELINE_STATE_COPY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pipeline/sqlite_database.h"
#include "pipeline/state_directory.h"
#include "pipeline/state_log.h"

namespace oddverb {

// One thread at a time. Errors: of SqliteDatabase; DataLoss: it is damaged, and
// Clear() is what helps.
class StateCopy {
 public:
  struct Mark {
    std::string identity;       // of the log
    uint64_t next_offset = 0;   // what is before it in the log is in the copy
    absl::Time complete_as_of;  // all that was in the log then is in the copy
  };

  // Makes the directory if its parent exists, and has it to itself: see
  // StateDirectory::Open() for errors. What is damaged there is dropped.
  static absl::StatusOr<std::unique_ptr<StateCopy>> Open(
      const std::string& directory);

  // Nullopt: it holds nothing.
  const std::optional<Mark>& mark() const { return mark_; }
  // Of every key, in no order. Stops with the status of `each` if that is not
  // OK.
  absl::Status Read(const StateLog::Each& each);
  // All of it or nothing.
  absl::Status Apply(std::span<const StateLogRecord> records, const Mark& mark);
  // Drops what it holds.
  absl::Status Clear();

 private:
  explicit StateCopy(StateDirectory directory)
      : directory_(std::move(directory)) {}

  absl::Status Create();
  absl::Status Use(SqliteDatabase database);

  StateDirectory directory_;
  SqliteDatabase database_;
  SqliteStatement put_, delete_, put_mark_;  // of database_
  std::optional<Mark> mark_;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_STATE_COPY_H_
