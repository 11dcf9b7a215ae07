// Processing time. Event time never comes from here: detectors have no clock.
// Thread-safe.
#ifndef ODDVERB_BASE_CLOCK_H_
#define ODDVERB_BASE_CLOCK_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace oddverb {

// What people read: times in logs and files. Passed in so that tests can set
// it. Somebody may set it while the program runs, forward or back, so nothing
// waits by it and nothing is measured by it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

// For deadlines and durations: the time of the wall clock when the program
// first asked, and from then on a clock that only runs (CLOCK_MONOTONIC).
absl::Time SteadyNow();

}  // namespace oddverb

#endif  // ODDVERB_BASE_CLOCK_H_
