// When the next checkpoint is due: after some time or bytes, and soon when a
// finding waits for it. The clock decides here only how much a crash would
// repeat, never what is found. Thread-safe.
#ifndef ODDVERB_PIPELINE_CHECKPOINT_PACE_H_
#define ODDVERB_PIPELINE_CHECKPOINT_PACE_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace oddverb {

class CheckpointPace {
 public:
  struct Options {
    absl::Duration interval;  // at the latest after this long
    uint64_t bytes = 0;       // or this many bytes
    absl::Duration pause;     // but not more often than this
  };
  // Before any other thread sees it.
  void Start(const Options& options, absl::Time now);

  void NoteBytes(uint64_t bytes) { bytes_.fetch_add(bytes, kRelaxed); }
  void NoteFinding() { finding_waits_.store(true, kRelaxed); }
  // Whether there is anything to save and it is time to. True once for each
  // checkpoint: the caller makes it.
  bool Take(absl::Time now);

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;

  Options options_;
  std::atomic<int64_t> last_ns_{0};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<bool> finding_waits_{false};
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_CHECKPOINT_PACE_H_
