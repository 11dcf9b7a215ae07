// Exponential back-off with full jitter (M. Brooker, "Exponential Backoff And
// Jitter", AWS Architecture Blog 2015): each pause is anything between zero and
// a bound that doubles, so that many clients do not come back together.
#ifndef ODDVERB_BASE_BACKOFF_H_
#define ODDVERB_BASE_BACKOFF_H_

#include <algorithm>
#include <random>

#include "absl/time/time.h"

namespace oddverb {

// One thread.
class Backoff {
 public:
  struct Options {
    absl::Duration first = absl::Seconds(1);  // bound of the first pause
    absl::Duration max = absl::Minutes(1);    // bound of every pause
  };
  explicit Backoff(const Options& options)
      : options_(options), bound_(std::min(options.first, options.max)) {}

  // The pause before the next try. The same `random` gives the same pauses on
  // every platform, which std::uniform_real_distribution does not promise.
  absl::Duration Next(std::mt19937_64& random) {
    double part = static_cast<double>(random() >> 11) * 0x1p-53;  // in [0, 1)
    absl::Duration pause = bound_ * part;
    bound_ = std::min(2 * bound_, options_.max);
    return pause;
  }
  // After a success.
  void Reset() { bound_ = std::min(options_.first, options_.max); }

 private:
  Options options_;
  absl::Duration bound_;
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_BACKOFF_H_
