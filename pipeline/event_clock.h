// Event time of the whole stream: where it stands at each event, and at which
// events the watermark reaches another whole second. Depends on the order of
// the events alone, so it is the same for any batch size and thread count.
//
// One thread: batches pass it in their order.
#ifndef ODDVERB_PIPELINE_EVENT_CLOCK_H_
#define ODDVERB_PIPELINE_EVENT_CLOCK_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/event_batch.h"

namespace oddverb {

// Before event `event_index` of its batch, detectors are told that the
// watermark has reached `watermark`.
struct Tick {
  size_t event_index = 0;
  absl::Time watermark;
};

// A time that runs forward only, and not wildly: one damaged or forged time far
// ahead must not end all windows at once, so a leap of more than kLeap counts
// only when kLeapVotes times in a row agree.
class SteadyTime {
 public:
  static constexpr absl::Duration kLeap = absl::Hours(1);
  static constexpr int kLeapVotes = 8;

  void Move(absl::Time time);
  absl::Time time() const { return time_; }  // InfinitePast() before any

  void Save(StateWriter& out) const;
  void Load(StateReader& in);

 private:
  absl::Time time_ = absl::InfinitePast();
  absl::Time leap_to_ = absl::InfinitePast();  // earliest of the votes
  int leap_votes_ = 0;
};

class EventClock {
 public:
  explicit EventClock(absl::Duration allowed_lateness)
      : allowed_lateness_(allowed_lateness) {}

  struct Reading {
    std::vector<absl::Time> stream_times;  // one an event; never runs back
    std::vector<Tick> ticks;
    uint64_t late_events = 0;
    uint64_t without_time = 0;
  };
  // Reads the times of `batch`; an event without any time gets the stream's.
  Reading Read(EventBatch& batch);

  absl::Time stream_time() const { return stream_time_.time(); }

  void Save(StateWriter& out) const;
  absl::Status Load(StateReader& in);

 private:
  absl::Duration allowed_lateness_;
  SteadyTime stream_time_;
  absl::Time watermark_ = absl::InfinitePast();  // a whole second
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_EVENT_CLOCK_H_
