// Sets the wall clock of the test program, as an operator or NTP would: the
// program's own clock_gettime() stands before the C library's. CLOCK_MONOTONIC
// and all other programs keep their time.
#ifndef ODDVERB_TESTS_SUPPORT_WALL_CLOCK_H_
#define ODDVERB_TESTS_SUPPORT_WALL_CLOCK_H_

#include "absl/time/time.h"

namespace oddverb {

// Moves it; back to the true time at the end of the scope. One at a time.
class WallClockJump {
 public:
  explicit WallClockJump(absl::Duration by);
  ~WallClockJump();
  WallClockJump(const WallClockJump&) = delete;
  WallClockJump& operator=(const WallClockJump&) = delete;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_WALL_CLOCK_H_
