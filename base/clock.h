// Processing time, passed in so that tests can set it. Event time never comes
// from here: detectors have no clock. Thread-safe.
#ifndef ODDVERB_BASE_CLOCK_H_
#define ODDVERB_BASE_CLOCK_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace oddverb {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_CLOCK_H_
