#include "stats/decayed_score.h"

#include <algorithm>
#include <cmath>

namespace oddverb {

double DecayedScore::ValueAt(absl::Time now, absl::Duration half_life) const {
  if (now <= updated_) return value_;
  return value_ * std::exp2(-absl::FDivDuration(now - updated_, half_life));
}

double DecayedScore::Add(absl::Time now, absl::Duration half_life,
                         double amount) {
  value_ = std::max(0.0, ValueAt(now, half_life) + amount);
  updated_ = std::max(updated_, now);
  return value_;
}

}  // namespace oddverb
