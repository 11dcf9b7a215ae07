#include "pipeline/ordered_output.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <tuple>

namespace oddverb {
namespace {

// An emission with its parts of its slice's lists.
struct Said {
  const Emission* at;
  std::span<Finding> findings;
  std::span<const Observation> observations;
};

std::vector<Said> InOrder(std::vector<SliceOutput>& slices) {
  std::vector<Said> all;
  size_t size = 0;
  for (const SliceOutput& slice : slices) size += slice.emissions.size();
  all.reserve(size);
  for (SliceOutput& slice : slices) {
    std::span<Finding> findings = slice.findings;
    std::span<const Observation> observations = slice.observations;
    for (const Emission& emission : slice.emissions) {
      all.push_back({&emission, findings.first(emission.findings),
                     observations.first(emission.observations)});
      findings = findings.subspan(emission.findings);
      observations = observations.subspan(emission.observations);
    }
  }
  auto is_before = [](const Said& a, const Said& b) {
    return std::tie(a.at->event_index, a.at->phase, a.at->shard) <
           std::tie(b.at->event_index, b.at->phase, b.at->shard);
  };
  // Those of one slice are.
  if (!std::is_sorted(all.begin(), all.end(), is_before)) {
    std::sort(all.begin(), all.end(), is_before);
  }
  return all;
}

// Tells of observations before they are taken.
class ObservationsAhead {
 public:
  ObservationsAhead(const std::vector<Said>& all, OrderedOutput& out)
      : all_(all), out_(out) {
    for (size_t i = 1; i < OrderedOutput::kFarAhead; ++i) Next();
  }

  // One is taken.
  void Next() {
    while (said_ < all_.size() && next_ == all_[said_].observations.size()) {
      ++said_;
      next_ = 0;
    }
    if (said_ == all_.size()) return;
    out_.ExpectObservation(all_[said_].observations[next_++]);
  }

 private:
  const std::vector<Said>& all_;
  OrderedOutput& out_;
  size_t said_ = 0, next_ = 0;  // to be told of next: whose, and which
};

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
  const std::vector<Said> all = InOrder(slices);
  ObservationsAhead ahead(all, out);
  for (const Said& said : all) {
    const Emission& at = *said.at;
    if (at.phase == Emission::Phase::kEvent) {
      walk.TicksBefore(at.event_index);
    } else if (at.event_index > 0) {
      walk.TicksBefore(at.event_index - 1);
    }
    walk.StreamBefore(at.event_index);
    walk.MoveToEvent(at.event_index);
    if (!said.findings.empty()) {
      out.TakeFindings({std::make_move_iterator(said.findings.begin()),
                        std::make_move_iterator(said.findings.end())});
    }
    for (const Observation& o : said.observations) {
      ahead.Next();
      out.TakeObservation(o);
    }
  }
  const size_t events = routed.batch->events.size();
  walk.TicksBefore(events);
  walk.StreamBefore(events);
  if (events > 0) walk.MoveTo(routed.clock.stream_times.back());
  if (routed.is_end) out.TakeTick(absl::InfiniteFuture());
}

}  // namespace oddverb
