// How surprising the present number of failures, or of other events that are
// counted, is, given those before: the tail of the predictive distribution of a
// Poisson rate with a Gamma prior (negative binomial). Old failures count half
// after a day. What comes in bursts, as each expired login is tried some times,
// is a compound Poisson process: then the bursts are counted, of the size that
// they have here. One thread.
#ifndef ODDVERB_DETECTORS_FAILURE_RATE_H_
#define ODDVERB_DETECTORS_FAILURE_RATE_H_

#include <cstdint>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "stats/decayed_score.h"

namespace oddverb {

class FailureRate {
 public:
  // Counts are kept by clock minutes, or by spans of so many; the window is the
  // present and the previous one.
  static constexpr absl::Duration kWindow = absl::Minutes(2);

  enum class Comes : uint8_t { kSingly, kInBursts };

  explicit FailureRate(int minutes, Comes comes = Comes::kSingly)
      : minutes_(minutes), comes_(comes) {}

  // `weight`: what repeats itself counts for less than one.
  void Add(absl::Time time, double weight = 1);
  uint32_t in_window() const {
    return static_cast<uint32_t>(current_ + previous_ + 1e-6);
  }
  // -log10 of the chance of so many failures in the window; at most kMost. Zero
  // unless they are ten times the mean.
  double Surprise() const;
  static constexpr double kMost = 15;

  // Bursts are saved beside it, as older states have none.
  void Save(StateWriter& out) const;
  void Load(StateReader& in);
  void SaveBursts(StateWriter& out) const;
  void LoadBursts(StateReader& in);

 private:
  double BurstSize() const;

  int64_t minutes_ = 1;  // in a span
  Comes comes_ = Comes::kSingly;
  int64_t first_minute_ = 0;  // in spans since 1970; 0 = nothing yet
  int64_t minute_ = 0;
  double current_ = 0;
  double previous_ = 0;
  DecayedScore past_;        // failures before the window
  DecayedScore past_spans_;  // with failures, before the window
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FAILURE_RATE_H_
