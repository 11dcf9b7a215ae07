// Waits for what another thread or process is to bring about.
#ifndef ODDVERB_TESTS_SUPPORT_BECOMES_TRUE_H_
#define ODDVERB_TESTS_SUPPORT_BECOMES_TRUE_H_

#include <functional>

#include "absl/time/clock.h"
#include "base/clock.h"

namespace oddverb {

// False: it did not within `patience`.
inline bool BecomesTrue(const std::function<bool()>& condition,
                        absl::Duration patience = absl::Minutes(3)) {
  const absl::Time give_up = SteadyNow() + patience;
  while (!condition()) {
    if (SteadyNow() > give_up) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_BECOMES_TRUE_H_
