// Where audit records come from. Acknowledgement is a contract:
// Accepted = durable here (a webhook answers 204 now); Commit = judged, and
// the checkpoint holds it (a consumer group's offset moves now).
//
// Threads: Read on one thread; Accepted and Commit may come from another.
#ifndef ODDVERB_INGEST_SOURCE_H_
#define ODDVERB_INGEST_SOURCE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "model/raw_batch.h"

namespace oddverb {

class Source {
 public:
  virtual ~Source() = default;

  // Fills `out` (cleared first) with the next whole records: returns once
  // RawBatch::kTargetBytes are there, or at `deadline` (by SteadyNow()) with
  // what has come (maybe nothing). Not calling it is the backpressure.
  // OutOfRange: the input has ended; `out` may still hold the last records.
  // Any other error ends this source and names it, the cause and the cure. A
  // part of the input that cannot be read is a Rejected, not an error.
  virtual absl::Status Read(absl::Time deadline, RawBatch& out) = 0;

  virtual absl::Status Accepted(const Position& position) = 0;
  virtual absl::Status Commit(const Position& position) = 0;
  // Could not be made durable (disk full): the sender keeps it and comes again
  // (a webhook answers 503 with Retry-After).
  virtual void Refused(const Position&) {}

  // Goes on behind the batch that carried `bookmark` (RawBatch::bookmark).
  // Called before the first Read, if at all. DataLoss: the bookmark is damaged.
  // What has vanished since then is a Rejected of a later Read, not an error.
  virtual absl::Status Resume(std::string_view bookmark);
  // Whether a restarted process can read again what was not committed. If not,
  // the pipeline makes records durable itself before Accepted.
  virtual bool replayable() const { return true; }

  // "FILE:LINE" (or "FILE, byte OFFSET") for a person.
  virtual std::string Describe(const Position& position) const = 0;

  // Whether a stream (of positions) begins where the one before ended, as the
  // files of a log do; else they run side by side, as partitions do.
  virtual bool streams_follow() const { return true; }

  // Bytes of input (as stored) read so far and in all; 0 = total unknown.
  // Callable from any thread.
  struct Progress {
    uint64_t read_bytes = 0;
    uint64_t total_bytes = 0;
  };
  virtual Progress progress() const = 0;

  // OK, or what keeps the input from being read at present, with its cure: a
  // source that waits (for a file, a peer) goes on by itself when it is gone.
  // Callable from any thread.
  virtual absl::Status health() const { return absl::OkStatus(); }
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_SOURCE_H_
