// How long after their stageTimestamp the events of each live source arrive.
// The smallest of the last minutes is what the clocks differ by, give or take
// the time that the way takes at best: below zero, the API server's clock is
// ahead of ours.
//
// Thread-safe.
#ifndef ODDVERB_PIPELINE_SOURCE_DELAYS_H_
#define ODDVERB_PIPELINE_SOURCE_DELAYS_H_

#include <mutex>
#include <optional>
#include <vector>

#include "absl/time/time.h"

namespace oddverb {

class SourceDelays {
 public:
  // The minimum is of one to two spans.
  static constexpr absl::Duration kSpan = absl::Minutes(5);

  void Start(size_t sources);
  // A batch of `source` came at `now` whose newest event is of `newest`.
  void Note(size_t source, absl::Time newest, absl::Time now);
  // Nullopt where nothing came lately.
  std::optional<absl::Duration> Smallest(size_t source, absl::Time now) const;

 private:
  struct Span {
    absl::Time start = absl::InfinitePast();
    absl::Duration smallest = absl::InfiniteDuration();
  };
  struct Delay {
    Span current, last;
  };

  mutable std::mutex mutex_;
  std::vector<Delay> delays_;  // by source; guarded by mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SOURCE_DELAYS_H_
