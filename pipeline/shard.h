// A logical shard: the actors that hash to it, with the tables that give them
// dense ids and the detectors that keep state by those ids. Everything in it
// belongs to it alone, so it runs on any thread without a lock and its budgets
// do not depend on the number of threads.
#ifndef ODDVERB_PIPELINE_SHARD_H_
#define ODDVERB_PIPELINE_SHARD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/detector.h"
#include "pipeline/checkpoint.h"
#include "pipeline/entity_limits.h"
#include "pipeline/part_list.h"
#include "pipeline/part_state.h"
#include "pipeline/routed_batch.h"
#include "pipeline/seen_events.h"
#include "stats/entity_table.h"

namespace oddverb {

class Shard {
 public:
  Shard(int number, DetectorList detectors, const LimitsByKind& limits,
        const SeenEvents::Options& seen, TrackChanges track,
        std::shared_ptr<RestStore> rest_store);

  int number() const { return number_; }
  void MeasureInto(DetectorTimes& times) { state_.MeasureInto(times); }
  // Hint the cache that an event with these keys comes: soon, and next.
  void PrefetchSlots(const EntityKeys& keys) const;
  void PrefetchEntities(const EntityKeys& keys) const;
  // As Judge() will know them by, as it looks now.
  EntityIds GuessIds(const EntityKeys& keys) const;
  // Who will rest then, so that those can be awake.
  EntityIds GuessWhoRests(const EntityKeys& keys, const EntityIds& guess) const;
  void PrefetchState(PrefetchStep step, const EntityIds& ids) const {
    state_.PrefetchState(step, ids);
  }
  void Judge(const AuditEvent& event, const EntityKeys& keys, Emit& out);
  void AdvanceTo(absl::Time watermark, Emit& out);
  // Whether this event was not here before, as far as is remembered.
  bool IsFirst(uint64_t event_key, absl::Time stream_time) {
    return seen_.Add(event_key, stream_time);
  }

  void TakeChanges(std::vector<StateRow>& out);
  // From all rows of a checkpoint. DataLoss for damaged ones; the shard is of
  // no use then.
  absl::Status Load(const std::vector<StateRow>& rows);

  uint64_t entities(EntityKind kind) const { return state_.table(kind).size(); }
  uint64_t evictions() const { return state_.evictions(); }
  // Of actors.
  uint64_t tombstones() const { return state_.tombstones(EntityKind::kActor); }
  uint64_t resting(EntityKind kind) const { return state_.resting(kind); }
  uint64_t packed_bytes(EntityKind kind) const {
    return state_.packed_bytes(kind);
  }

 private:
  static constexpr size_t kKinds = 3;  // actor, credential, pod
  std::string OwnerName() const;
  // To be called when the parts have spoken.
  void Conclude(Emit& out);

  int number_;
  PartState<Detector> state_;
  SeenEvents seen_;
};

// What shards said, at one point of the stream. Points are ordered by
// (event_index, phase, shard): the order of the output.
struct Emission {
  enum class Phase : uint8_t { kTick, kEvent };
  size_t event_index = 0;
  Phase phase = Phase::kEvent;
  uint8_t shard = 0;
  // How many of the lists of its slice, behind those of the emissions before.
  uint32_t findings = 0;
  uint32_t observations = 0;
};

// The output of one worker for one batch.
struct SliceOutput {
  // Moves what was said at one point to the ends of the lists.
  void Add(Emission point, std::span<Finding> said_findings,
           std::span<Observation> said_observations);

  std::vector<Emission> emissions;  // in order
  std::vector<Finding> findings;
  std::vector<Observation> observations;
  std::vector<StateRow> state;  // when the batch ends with a checkpoint
  uint64_t events_judged = 0;
  uint64_t duplicates = 0;  // passed over
  DetectorCounts detector_counts;
  // Of all shards of the worker, behind this batch: by EntityKind.
  uint64_t entities[3] = {};
  uint64_t resting[3] = {};
  uint64_t packed_bytes[3] = {};
  uint64_t evictions = 0;
  uint64_t tombstones = 0;
};

// The logical shards that one worker owns. One thread at a time.
class ShardGroup {
 public:
  ShardGroup() = default;
  void Add(std::unique_ptr<Shard> shard);
  // For the shards that are to be added.
  const std::shared_ptr<RestStore>& rest_store() const { return rest_store_; }

  // Judges the events of `batch` that belong to this group.
  SliceOutput Process(const RoutedBatch& batch);
  // Restores the shards of this group among `rows`; `stream_time` is where the
  // stream stood.
  absl::Status Load(const std::vector<StateRow>& rows, absl::Time stream_time);

 private:
  // So many events ahead the cache is asked for an event's entities, then for
  // their state, one step an event: an event takes a microsecond or two, memory
  // a tenth of one (bench/memory_bench.cc: 300,000 identities that are seen 10
  // times took 5.0 us an event without the state, 3.4 with).
  static constexpr int kSlotsAhead = 8, kEntitiesAhead = 5, kStateAhead = 4;

  void Prefetch(const RoutedBatch& routed, size_t index);
  void Tick(size_t event_index, absl::Time watermark, absl::Time stream_time,
            SliceOutput& out);

  std::shared_ptr<RestStore> rest_store_ = std::make_shared<RestStore>();
  std::vector<std::unique_ptr<Shard>> owned_;  // ascending by number
  Shard* by_shard_[kLogicalShards] = {};       // null = another worker's
  absl::Time stream_time_ = absl::InfinitePast();
  // Of the last batch.
  size_t last_emissions_ = 0, last_observations_ = 0;
  Emit emit_;
  // Of the events that come next, by their index; guesses for Prefetch().
  struct Coming {
    EntityIds ids, resting;
  };
  std::array<Coming, kStateAhead> coming_;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SHARD_H_
