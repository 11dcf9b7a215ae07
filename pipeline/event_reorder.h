// `order: event_time`: holds events of live sources until the watermark has
// passed them, and lets them go sorted by (stage time, event key). What is
// judged is then the same for any interleaving of the sources, as long as each
// event comes within the allowed lateness of its source.
//
// The watermark is the lowest, over all sources, of (highest stage time seen -
// allowed lateness). A source that has ended, or that has brought nothing for
// as long as the allowed lateness (by SteadyNow(), at least a second; a minute
// if it expects more), holds it back no longer; when none is left, all events
// go. An event behind what has already gone goes at once, and is counted as
// late.
//
// A restart reads again what was read and not judged: a bookmark moves only
// over batches whose events have all gone. As events go in order, those read
// again and judged before are the ones that do not lie behind the last that
// went; Save() keeps that one, and which there are to look at: of a source
// that comes again in the same order, how many; of one whose streams run side
// by side, up to where each was read.
//
// One thread: batches pass it in their order.
#ifndef ODDVERB_PIPELINE_EVENT_REORDER_H_
#define ODDVERB_PIPELINE_EVENT_REORDER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "pipeline/event_clock.h"
#include "pipeline/routed_batch.h"

namespace oddverb {

class EventReorder {
 public:
  struct Options {
    struct SourceOptions {
      std::string name;
      bool streams_follow = true;  // see Source
    };
    std::vector<SourceOptions> sources;  // by index
    absl::Duration allowed_lateness = absl::Seconds(10);
    // Of the batches that are held. Beyond, the earliest events go before the
    // watermark.
    uint64_t max_held_bytes = 256 << 20;
  };

  EventReorder(Options options, absl::Time now);
  ~EventReorder();

  // Takes a routed batch (with event keys) and returns one with the events that
  // may go now, of any source, in order; what else `routed` carries stays in
  // it. Its `complete` tells which batches are whole with it, whose rejected
  // records it has. `now` is of SteadyNow().
  std::unique_ptr<RoutedBatch> Pass(std::unique_ptr<RoutedBatch> routed,
                                    absl::Time now);

  // Counts of the last Pass().
  uint64_t late_events() const { return late_events_; }
  uint64_t repeated_events() const { return repeated_events_; }
  // Callable between calls of Pass().
  size_t held_events() const { return heap_.size(); }
  uint64_t held_bytes() const { return held_bytes_; }

  void Save(StateWriter& out) const;
  // Into a new one. Sources that are unknown now are passed over.
  absl::Status Load(StateReader& in);

 private:
  using StreamEnds = std::map<uint32_t, uint64_t>;

  // A batch some of whose events have not gone yet.
  struct Held {
    std::shared_ptr<RoutedBatch> routed;
    size_t missing = 0;
    uint64_t bytes = 0;
    uint64_t last_pass = 0;  // that let an event of it go
  };
  struct SourceState {
    SteadyTime front;  // of its stage times
    bool left = false;
    bool ended = false;
    absl::Time last_came = absl::InfinitePast();  // SteadyNow()
    std::deque<std::shared_ptr<Held>> held;       // in the order of reading
    // Of the events that come first after a restart: how many were read before.
    uint64_t read_before = 0;
    // By stream, where they run side by side: behind the last record read by
    // now, and by an earlier process.
    StreamEnds read_to, read_to_before;
    bool expects_more = false;
  };
  struct Place {
    absl::Time time = absl::InfinitePast();
    uint64_t key = 0;
    bool operator<(const Place& other) const {
      return time != other.time ? time < other.time : key < other.key;
    }
  };
  struct Waiting {
    Place place;
    uint64_t number = 0;  // of arrival: decides between equal events
    Held* held = nullptr;
    uint32_t index = 0;  // in the batch
  };
  static bool GoesLater(const Waiting& a, const Waiting& b);

  void Take(std::unique_ptr<RoutedBatch> routed, RoutedBatch& out);
  bool WasReadBefore(size_t source, const Position& position);
  void LeaveIdle(absl::Time now);
  absl::Time Watermark() const;
  void LetGo(const Waiting& waiting, RoutedBatch& out);
  void LetGoEarliest(RoutedBatch& out);
  void Complete(RoutedBatch& out);

  const Options options_;
  std::vector<SourceState> sources_;
  std::vector<Waiting> heap_;  // the earliest is first
  uint64_t next_number_ = 0;
  uint64_t passes_ = 0;
  uint64_t held_bytes_ = 0;
  Place last_gone_;  // the furthest
  uint64_t late_events_ = 0;
  uint64_t repeated_events_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_EVENT_REORDER_H_
