#include "pipeline/event_clock.h"

#include <algorithm>

namespace oddverb {

void EventClock::MoveTo(absl::Time time) {
  if (stream_time_ == absl::InfinitePast() || time <= stream_time_ + kLeap) {
    stream_time_ = std::max(stream_time_, time);
    leap_votes_ = 0;
    return;
  }
  leap_to_ = leap_votes_ == 0 ? time : std::min(leap_to_, time);
  if (++leap_votes_ < kLeapVotes) return;
  stream_time_ = leap_to_;
  leap_votes_ = 0;
}

EventClock::Reading EventClock::Read(EventBatch& batch) {
  Reading reading;
  reading.stream_times.reserve(batch.events.size());
  for (size_t i = 0; i < batch.events.size(); ++i) {
    AuditEvent& event = batch.events[i];
    if (event.stage_time == absl::InfinitePast()) {
      event.stage_time = stream_time_;
      ++reading.without_time;
    } else {
      MoveTo(event.stage_time);
    }
    if (event.stage_time < watermark_) ++reading.late_events;
    // Rounds down to a whole second, also before 1970.
    absl::Time reached = absl::FromUnixSeconds(
        absl::ToUnixSeconds(stream_time_ - allowed_lateness_));
    if (stream_time_ != absl::InfinitePast() && reached > watermark_) {
      watermark_ = reached;
      reading.ticks.push_back({i, reached});
    }
    reading.stream_times.push_back(stream_time_);
  }
  return reading;
}

void EventClock::Save(StateWriter& out) const {
  out.PutTime(stream_time_);
  out.PutTime(watermark_);
  out.PutTime(leap_to_);
  out.PutI64(leap_votes_);
}

absl::Status EventClock::Load(StateReader& in) {
  stream_time_ = in.GetTime();
  watermark_ = in.GetTime();
  leap_to_ = in.GetTime();
  leap_votes_ = static_cast<int>(in.GetI64());
  return in.status();
}

}  // namespace oddverb
