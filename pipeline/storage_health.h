// What happens when there is no room to keep what must be kept: the disk or
// the outbox is full, or somebody locks the database. The pipeline then waits,
// which holds back its sources, tells why, and goes on when there is room.
// Thread-safe.
#ifndef ODDVERB_PIPELINE_STORAGE_HEALTH_H_
#define ODDVERB_PIPELINE_STORAGE_HEALTH_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace oddverb {

// Whether it may work later. Anything else is a damaged disk or a bug.
bool MeansTryAgain(const absl::Status& status);

class StorageHealth {
 public:
  // What is written, by different threads.
  enum class Part : uint8_t { kCheckpoint, kSpool, kCount };

  // The outcome of an attempt to write; the last one of each part counts.
  void Note(Part part, const absl::Status& outcome);

  // Calls `write`, which commits a checkpoint, until it works or fails for
  // good. With `stop` the last refusal is returned, as a restarted process
  // reads again what was not committed.
  absl::Status Commit(const std::function<absl::Status()>& write,
                      const std::atomic<bool>& stop);

  // Whether this part failed and it is time to ask again: about once a second,
  // for one of several threads.
  bool ShouldAsk(Part part);

  // OK, or why nothing can be kept at present.
  absl::Status status() const;
  uint64_t failures() const { return failures_; }

 private:
  // As plain values: copies of an absl::Status share memory, which threads
  // would give back behind the lock.
  struct Outcome {
    absl::StatusCode code = absl::StatusCode::kOk;
    std::string message;
  };
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Outcome parts_[static_cast<size_t>(Part::kCount)];
  absl::Time last_asked_ = absl::InfinitePast();
  std::atomic<uint64_t> failures_{0};
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_STORAGE_HEALTH_H_
