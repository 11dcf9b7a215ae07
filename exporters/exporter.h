// Where findings go. An exporter sends or fails; queues, retries and dead
// letters are the pipeline's. One thread each.
#ifndef ODDVERB_EXPORTERS_EXPORTER_H_
#define ODDVERB_EXPORTERS_EXPORTER_H_

#include <optional>
#include <span>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/finding.h"

namespace oddverb {

class Exporter {
 public:
  virtual ~Exporter() = default;

  // Sends all or fails. Unavailable, DeadlineExceeded, ResourceExhausted and
  // Cancelled mean "try again", not before RetryAfterOf() if the receiver said
  // so. FailedPrecondition: it will never work again in this process (the
  // reader of a pipe has gone). Any other error means that trying these
  // findings again is useless (one of them is refused, or they are too many at
  // once). Must return soon after `deadline`, which is of SteadyNow().
  virtual absl::Status Export(std::span<const Finding> findings,
                              absl::Time deadline) = 0;
  // No more findings will come: a table is printed now, a file closed.
  virtual absl::Status Finish() { return absl::OkStatus(); }

  // For an exporter that keeps something alive at its receiver, such as a
  // firing alert: when it wants Work() next, and that work. Errors as Export's.
  // The wall clock comes in as `now`; a test may give any. `deadline` as
  // Export's.
  virtual absl::Time next_work() const { return absl::InfiniteFuture(); }
  virtual absl::Status Work(absl::Time /*now*/, absl::Time /*deadline*/) {
    return absl::OkStatus();
  }

  // What must survive a restart, such as the alerts that fire. Saved after
  // each Export() and Work() that succeeded. Load() comes before all else.
  virtual void Save(StateWriter&) const {}
  virtual absl::Status Load(StateReader&) { return absl::OkStatus(); }
};

// A time that the receiver asked to wait before the next attempt, as part of
// the status.
absl::Status WithRetryAfter(absl::Status status, absl::Duration wait);
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_EXPORTER_H_
