#include "pipeline/checkpoint_pace.h"

namespace oddverb {

void CheckpointPace::Start(const Options& options, absl::Time now) {
  options_ = options;
  last_ns_.store(absl::ToUnixNanos(now), kRelaxed);
}

bool CheckpointPace::Take(absl::Time now) {
  uint64_t bytes = bytes_.load(kRelaxed);
  bool finding_waits = finding_waits_.load(kRelaxed);
  if (bytes == 0 && !finding_waits) return false;
  int64_t last_ns = last_ns_.load(kRelaxed);
  absl::Duration since = now - absl::FromUnixNanos(last_ns);
  // A clock that was set back must not stop the checkpoints.
  bool due = since < absl::ZeroDuration() || since >= options_.interval ||
             bytes >= options_.bytes ||
             (finding_waits && since >= options_.pause);
  if (!due) return false;
  // One of several threads gets it.
  if (!last_ns_.compare_exchange_strong(last_ns, absl::ToUnixNanos(now),
                                        kRelaxed)) {
    return false;
  }
  bytes_.store(0, kRelaxed);
  finding_waits_.store(false, kRelaxed);
  return true;
}

}  // namespace oddverb
