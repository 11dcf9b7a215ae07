// Where findings go. An exporter sends or fails; queues, retries and dead
// letters are the pipeline's. One thread each.
#ifndef ODDVERB_EXPORTERS_EXPORTER_H_
#define ODDVERB_EXPORTERS_EXPORTER_H_

#include <span>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/finding.h"

namespace oddverb {

class Exporter {
 public:
  virtual ~Exporter() = default;

  // Sends all or fails. Unavailable, DeadlineExceeded and ResourceExhausted
  // mean "try again", not before RetryAfterOf() if the receiver said so; any
  // other error means that trying these findings again is useless (one of them
  // is refused, or they are too many at once).
  virtual absl::Status Export(std::span<const Finding> findings,
                              absl::Time deadline) = 0;
  // No more findings will come: a table is printed now, a file closed.
  virtual absl::Status Finish() { return absl::OkStatus(); }

  // For an exporter that keeps something alive at its receiver, such as a
  // firing alert: when it wants Work() next, and that work. Errors as Export's.
  // The wall clock comes in as `now`; a test may give any.
  virtual absl::Time next_work() const { return absl::InfiniteFuture(); }
  virtual absl::Status Work(absl::Time /*now*/, absl::Time /*deadline*/) {
    return absl::OkStatus();
  }

  // What must survive a restart, such as the alerts that fire. Saved after
  // each Export() and Work() that succeeded. Load() comes before all else.
  virtual void Save(StateWriter&) const {}
  virtual absl::Status Load(StateReader&) { return absl::OkStatus(); }
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_EXPORTER_H_
