// The last N times something happened; answers "how often within this span?"
// exactly as long as the answer is at most N. 8 bytes a time, microseconds.
// Times may come out of order. One thread.
#ifndef ODDVERB_STATS_RECENT_TIMES_H_
#define ODDVERB_STATS_RECENT_TIMES_H_

#include <array>
#include <cstdint>

#include "absl/time/time.h"

namespace oddverb {

class StateReader;
class StateWriter;

class RecentTimes {
 public:
  static constexpr int kCapacity = 8;

  // Remembers `time`, forgetting the earliest when full.
  void Add(absl::Time time);
  // How many remembered times lie in the closed interval [now - span, now].
  int CountWithin(absl::Time now, absl::Duration span) const;
  void Clear() { size_ = 0; }

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  std::array<int64_t, kCapacity> micros_{};  // sorted ascending
  int size_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_RECENT_TIMES_H_
