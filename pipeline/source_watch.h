// Watches how the events of each source follow one another: what was rejected
// between which events, and where event time jumps. What it sees goes to the
// correlator's detectors as Observations, each at its place among the events,
// so that findings about the stream repeat like all others.
//
// One thread at a time, batches in their order; last_event_times() from any.
#ifndef ODDVERB_PIPELINE_SOURCE_WATCH_H_
#define ODDVERB_PIPELINE_SOURCE_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "model/observation.h"
#include "pipeline/checkpoint.h"
#include "pipeline/pipeline.h"
#include "pipeline/routed_batch.h"

namespace oddverb {

// An observation between the events of a batch: behind event `event_index - 1`,
// before the ticks at `event_index`.
struct PlacedObservation {
  size_t event_index = 0;
  Observation observation;
};

class SourceWatch {
 public:
  // Before the first batch. `sources` must outlive the watch.
  void Start(const std::vector<NamedSource>& sources);

  // In order of event_index.
  std::vector<PlacedObservation> Read(const RoutedBatch& routed);

  // Event time of the newest event of each source that had one.
  std::map<std::string, absl::Time> last_event_times() const;

  // One row; Load takes it from all rows of a checkpoint, if it is there.
  StateRow Save() const;
  absl::Status Load(const std::vector<StateRow>& rows);

 private:
  // One wild time stamp is no silence: a jump counts once so many events in a
  // row are behind it.
  static constexpr int kJumpVotes = 3;

  struct Stream {
    absl::Time since = absl::InfinitePast();
    absl::Time last = absl::InfinitePast();
    uint64_t events = 0;
    // No event up to this time is a jump; may be earlier than it could be.
    absl::Time no_jump = absl::InfinitePast();
    Position position;  // of the last event, unless that is `newest`
    const AuditEvent* newest = nullptr;  // within Read()
    // A jump that is not yet believed: its earliest and latest event.
    int jump_votes = 0;
    absl::Time jump_first = absl::InfinitePast();
    absl::Time jump_last = absl::InfinitePast();
    Position jump_position;     // of the earliest
    bool had_rejected = false;  // behind its last event
  };
  // A rejected record and the event that it stands before.
  struct Cut {
    size_t event_index = 0;
    const Rejected* rejected = nullptr;
  };

  static std::vector<Cut> PlaceRejected(const EventBatch& batch);
  void AddRejected(const Cut& cut, size_t source,
                   std::vector<PlacedObservation>& out);
  void Take(const AuditEvent& event, size_t index, size_t source,
            std::vector<PlacedObservation>& out);
  void Vote(const AuditEvent& event, size_t index, size_t source,
            std::vector<PlacedObservation>& out);
  Observation NewObservation(ObservationKind kind, size_t source) const;
  void PublishTimes();

  const std::vector<NamedSource>* sources_ = nullptr;
  std::vector<Stream> streams_;  // by index of the source
  std::map<std::string, Stream, std::less<>> restored_;
  mutable std::mutex mutex_;
  std::map<std::string, absl::Time> last_times_;  // guarded by mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SOURCE_WATCH_H_
