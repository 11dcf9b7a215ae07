#include "pipeline/ordered_output.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace oddverb {
namespace {

std::vector<Emission> InOrder(std::vector<SliceOutput>& slices) {
  std::vector<Emission> all;
  for (SliceOutput& slice : slices) {
    std::move(slice.emissions.begin(), slice.emissions.end(),
              std::back_inserter(all));
  }
  auto key = [](const Emission& e) {
    return std::tuple(e.event_index, e.phase, e.shard);
  };
  std::sort(all.begin(), all.end(), [&](const Emission& a, const Emission& b) {
    return key(a) < key(b);
  });
  return all;
}

// One batch on its way out.
class Walk {
 public:
  Walk(const RoutedBatch& routed, const std::vector<PlacedObservation>& stream,
       absl::Time stream_time, OrderedOutput& out)
      : routed_(routed), stream_(stream), now_(stream_time), out_(out) {
    out_.MoveTo(now_);
  }

  void MoveTo(absl::Time time) { out_.MoveTo(now_ = time); }
  void MoveToEvent(size_t index) { MoveTo(routed_.StreamTimeAt(index, now_)); }

  // What was seen of the stream behind events before `event_index`.
  void StreamBefore(size_t event_index) {
    for (; seen_ < stream_.size() && stream_[seen_].event_index <= event_index;
         ++seen_) {
      const size_t at = stream_[seen_].event_index;
      if (at > 0) MoveToEvent(at - 1);
      out_.TakeObservation(stream_[seen_].observation);
    }
  }
  // Ticks at or before (index, kTick) come after the shards' own answers to
  // them and before the event itself.
  void TicksBefore(size_t event_index) {
    const std::vector<Tick>& ticks = routed_.clock.ticks;
    for (; tick_ < ticks.size() && ticks[tick_].event_index <= event_index;
         ++tick_) {
      StreamBefore(ticks[tick_].event_index);
      MoveToEvent(ticks[tick_].event_index);
      out_.TakeTick(ticks[tick_].watermark);
    }
  }

 private:
  const RoutedBatch& routed_;
  const std::vector<PlacedObservation>& stream_;
  absl::Time now_;
  OrderedOutput& out_;
  size_t tick_ = 0;
  size_t seen_ = 0;
};

}  // namespace

void WalkInOrder(const RoutedBatch& routed, std::vector<SliceOutput>& slices,
                 const std::vector<PlacedObservation>& stream,
                 absl::Time stream_time, OrderedOutput& out) {
  Walk walk(routed, stream, stream_time, out);
  std::vector<Emission> emissions = InOrder(slices);
  for (Emission& emission : emissions) {
    const bool at_tick = emission.phase == Emission::Phase::kTick;
    if (!at_tick) {
      walk.TicksBefore(emission.event_index);
    } else if (emission.event_index > 0) {
      walk.TicksBefore(emission.event_index - 1);
    }
    walk.StreamBefore(emission.event_index);
    walk.MoveToEvent(emission.event_index);
    out.TakeFindings(std::move(emission.findings));
    for (const Observation& o : emission.observations) out.TakeObservation(o);
  }
  const size_t events = routed.batch->events.size();
  walk.TicksBefore(events);
  walk.StreamBefore(events);
  if (events > 0) walk.MoveTo(routed.clock.stream_times.back());
  if (routed.is_end) out.TakeTick(absl::InfiniteFuture());
}

}  // namespace oddverb
