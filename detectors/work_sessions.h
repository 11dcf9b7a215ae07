// How often an identity worked: sessions that lie an hour apart. Of what never
// pauses, as programs do, six hours are a session. And from that, how much it
// says that it does something new.
//
// Novelty (docs/detection.md): -ln((new + 0.5) / (n + 1)) of n sessions, `new`
// of which brought something new that did not come again: an estimate of the
// chance of it (Good 1953), so that whoever does new things all the time
// surprises little. Plain values; one thread.
#ifndef ODDVERB_DETECTORS_WORK_SESSIONS_H_
#define ODDVERB_DETECTORS_WORK_SESSIONS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "base/state_io.h"

namespace oddverb {

class WorkSessions {
 public:
  // Fewer are no history.
  static constexpr uint32_t kMinSessions = 5;
  static constexpr double kMaxNovelty = 8;
  // Of the formula above; 0 for less than kMinSessions.
  static double NoveltyOf(uint32_t sessions, uint32_t new_ones);

  // Any event of the identity.
  void See(absl::Time now);
  // With the present one.
  uint16_t count() const { return count_; }
  uint32_t last_second() const { return last_; }  // since 1970
  // `new_ones`: of the sessions before the present one.
  double Novelty(uint32_t new_ones) const;

  // Short, where the sessions began close to `second`, by which it is loaded.
  void SaveNear(uint32_t second, StateWriter& out) const;
  void LoadNear(uint32_t second, StateReader& in);  // failures: in.status()
  void LoadWide(StateReader& in);                   // as it was written before

 private:
  void Set(uint64_t last, uint64_t start, uint64_t count, StateReader& in);

  // Seconds since 1970.
  uint32_t last_ = 0;
  uint32_t start_ = 0;
  uint16_t count_ = 0;
};

// The same in four bytes, for what is kept of everybody: a session is a quarter
// of a day in which the identity worked, and what was new is counted here.
// After 126 sessions half of them are forgotten.
class WorkSlots {
 public:
  // Any event of the identity.
  void See(absl::Time now);
  bool IsFirst() const { return count_ <= 1; }  // so far
  // The second since 1970 up to which what was seen now may be seen again, and
  // changes nothing. REQUIRES: `second` > 0.
  static int64_t EndOf(int64_t second);
  // Something is new: how much that says. Counts the session as one that
  // brought something new, but for the first, in which all is.
  double NoveltyOfNew();

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  static constexpr uint8_t kMostSessions = 126;
  static constexpr uint8_t kPresent = 0x80;

  uint16_t slot_ = 0;  // the last one, modulo 2^16
  uint8_t count_ = 0;  // with the present session
  // Sessions that brought something new; kPresent: the present one is one.
  uint8_t new_ = 0;
};

// Since 1970; later than any date of a log is the last one.
uint32_t SecondOf(absl::Time time);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_WORK_SESSIONS_H_
