#include "pipeline/event_clock.h"

#include <algorithm>

namespace oddverb {

void SteadyTime::Move(absl::Time time) {
  if (time_ == absl::InfinitePast() || time <= time_ + kLeap) {
    time_ = std::max(time_, time);
    leap_votes_ = 0;
    return;
  }
  leap_to_ = leap_votes_ == 0 ? time : std::min(leap_to_, time);
  if (++leap_votes_ < kLeapVotes) return;
  time_ = leap_to_;
  leap_votes_ = 0;
}

void SteadyTime::Save(StateWriter& out) const {
  out.PutTime(time_);
  out.PutTime(leap_to_);
  out.PutI64(leap_votes_);
}

void SteadyTime::Load(StateReader& in) {
  time_ = in.GetTime();
  leap_to_ = in.GetTime();
  leap_votes_ = static_cast<int>(in.GetI64());
}

EventClock::Reading EventClock::Read(EventBatch& batch) {
  Reading reading;
  reading.stream_times.reserve(batch.events.size());
  for (size_t i = 0; i < batch.events.size(); ++i) {
    AuditEvent& event = batch.events[i];
    if (event.stage_time == absl::InfinitePast()) {
      event.stage_time = stream_time_.time();
      ++reading.without_time;
    } else {
      stream_time_.Move(event.stage_time);
    }
    absl::Time now = stream_time_.time();
    if (event.stage_time < watermark_) ++reading.late_events;
    // Rounds down to a whole second, also before 1970.
    absl::Time reached =
        absl::FromUnixSeconds(absl::ToUnixSeconds(now - allowed_lateness_));
    if (now != absl::InfinitePast() && reached > watermark_) {
      watermark_ = reached;
      reading.ticks.push_back({i, reached});
    }
    reading.stream_times.push_back(now);
  }
  return reading;
}

void EventClock::Save(StateWriter& out) const {
  stream_time_.Save(out);
  out.PutTime(watermark_);
}

absl::Status EventClock::Load(StateReader& in) {
  stream_time_.Load(in);
  watermark_ = in.GetTime();
  return in.status();
}

}  // namespace oddverb
