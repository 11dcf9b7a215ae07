// A sum of contributions that halves every half-life of event time: the
// statistic of a one-sided CUSUM with exponential forgetting (Page 1954;
// threshold random walk, Jung et al. 2004). Never below zero. One thread.
#ifndef ODDVERB_STATS_DECAYED_SCORE_H_
#define ODDVERB_STATS_DECAYED_SCORE_H_

#include "absl/time/time.h"

namespace oddverb {

class DecayedScore {
 public:
  // Value at `now`; a `now` before the last update decays nothing.
  double ValueAt(absl::Time now, absl::Duration half_life) const;
  // Decays to `now`, then adds (a negative amount stops at zero). Returns the
  // new value.
  double Add(absl::Time now, absl::Duration half_life, double amount);

  double raw_value() const { return value_; }
  absl::Time updated() const { return updated_; }
  void Restore(double value, absl::Time updated) {
    value_ = value;
    updated_ = updated;
  }

 private:
  double value_ = 0;
  absl::Time updated_ = absl::InfinitePast();
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_DECAYED_SCORE_H_
