// The doors of a detector. A Detector watches the events of one logical shard;
// a CrossDetector watches Observations in the correlator, where all actors
// meet.
//
// Threads: a part belongs to one thread at a time and takes no lock. It does no
// I/O and has no clock: time is the events'. State is kept in arrays by the
// dense ids of EntityIds, which the shard's tables give out and reuse.
#ifndef ODDVERB_DETECTORS_DETECTOR_H_
#define ODDVERB_DETECTORS_DETECTOR_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "base/state_io.h"
#include "model/audit_event.h"
#include "model/cluster_map_sizes.h"
#include "model/field.h"
#include "model/finding.h"
#include "model/identity.h"
#include "model/observation.h"
#include "stats/entity_table.h"
#include "stats/state_prefetch.h"
#include "stats/tombstone_table.h"

namespace oddverb {

class LiveRules;
class RuleJudge;
class TupleHasher;

// What every part is built with; copied.
struct DetectorContext {
  KeyedHash hash;  // of entities and tuples; a service keeps its key in state
  std::string cluster;
  // Of finding ids. The same key everywhere, so that a service and a scan of
  // the same events, or two services, give a finding one id.
  KeyedHash id_hash{};
  std::shared_ptr<LiveRules> rules{};  // null = none
};

struct EntityIds {
  EntityId actor = kNoEntity;
  EntityId credential = kNoEntity;  // EntityKeys::unbound_credential()
  EntityId pod = kNoEntity;         // only for pod-bound tokens
  EntityKeys keys;                  // what the ids stand for
};

// Ids in the correlator's own tables.
struct ObservationIds {
  EntityId credential = kNoEntity;
  EntityId source_address = kNoEntity;
  EntityId other_address = kNoEntity;
  EntityId account = kNoEntity;  // among actors
};

// What parts count for the metrics; the pipeline takes it after each batch.
struct DetectorCounts {
  // Events of which not all could be read or decoded (metadata_access).
  uint64_t decodings_cut_short = 0;
  // Refusals that were expected, by the number of the entry in `allow`.
  std::map<uint32_t, uint64_t> allowed_refusals{};
};

// Collects what parts say while one event, observation or tick is handled.
class Emit {
 public:
  void Report(Finding finding) { findings.push_back(std::move(finding)); }
  void Observe(Observation observation) {
    observations.push_back(std::move(observation));
  }
  // For changes outside of Observe(): the checkpoint saves the entity again.
  void MarkChanged(EntityKind kind, EntityId id) {
    changed.emplace_back(kind, id);
  }
  // It has done what may be part of an attack that is not found yet: a flood of
  // others makes it forgotten last (stats/entity_table.h). Whom a finding is
  // about is marked without it.
  void MarkSuspect(EntityKind kind, EntityId id) {
    suspects.emplace_back(kind, id);
  }

  // Puts what was reported from the `first` on into an order of its own: of
  // several that end at once parts tell in the order of ids, which are not the
  // same again after a restart, and depend on who rests.
  void SortReports(size_t first) {
    std::stable_sort(findings.begin() + static_cast<std::ptrdiff_t>(first),
                     findings.end(), [](const Finding& a, const Finding& b) {
                       return std::tie(a.last_seen, a.id) <
                              std::tie(b.last_seen, b.id);
                     });
  }

  std::vector<Finding> findings;
  std::vector<Observation> observations;
  std::vector<std::pair<EntityKind, EntityId>> changed;
  std::vector<std::pair<EntityKind, EntityId>> suspects;
  DetectorCounts counts;
  // Event time as the whole stream has reached it, set by the pipeline before
  // each call: the `time` of a finding.
  absl::Time stream_time = absl::InfinitePast();
  // Of rule_match, for all shards of the worker; it makes it.
  std::shared_ptr<RuleJudge> rule_judge;
  // Likewise, of whoever asks first (HasherOf() of tuple_hasher.h).
  std::shared_ptr<TupleHasher> tuple_hasher;
};

// What a part knows of each entity, as its tables and checkpoints see it.
class EntityState {
 public:
  virtual ~EntityState() = default;

  // The table gives the id to another entity: drop its state.
  virtual void Forget(EntityKind kind, EntityId id) = 0;

  // Before that: what is to be known of it if it comes back, where it is a
  // suspect. Of several parts that would, the first one may.
  virtual std::optional<Remains> RemainsOf(EntityKind, EntityId) const {
    return std::nullopt;
  }
  // It came back, under the new id, of which nothing is known yet. Only what
  // the part gave itself.
  virtual void Recall(EntityKind, EntityId, const Remains&) {}

  // State of one entity; writes nothing if there is none. Load's id may be
  // another than Save's. Load returns DataLoss for damaged bytes.
  virtual void Save(EntityKind kind, EntityId id, StateWriter& out) const = 0;
  virtual absl::Status Load(EntityKind kind, EntityId id, StateReader& in) = 0;
  // State that belongs to no one entity.
  virtual void SaveShared(StateWriter&) const {}
  virtual absl::Status LoadShared(StateReader&) { return absl::OkStatus(); }

  // It keeps state of nearly every entity, and has a Prefetch() of its own.
  virtual bool CanPrefetch() const { return false; }

  // An entity that nothing happens to may rest: its state becomes a short
  // string of bytes until it is touched again (pipeline/part_state.h). When it
  // does depends on memory alone, so nothing that is said may depend on it.
  //
  // Whether the part can do without the state of the entity: neither
  // AdvanceTo() nor what happens to another entity needs it. Where a part says
  // nothing else: if there is none.
  virtual bool CanRest(EntityKind kind, EntityId id) const {
    StateWriter state;
    Save(kind, id, state);
    return state.bytes().empty();
  }
  // Gives the state up and writes what Wake() needs, if anything. Unlike
  // Forget(), what was counted or concluded of the entity stays.
  // REQUIRES: CanRest().
  virtual void Rest(EntityKind kind, EntityId id, StateWriter& out) {
    Save(kind, id, out);
    Forget(kind, id);
  }
  // Only for what Rest() wrote, and before anything else is done with the
  // entity.
  virtual absl::Status Wake(EntityKind kind, EntityId id, StateReader& in) {
    return Load(kind, id, in);
  }
};

class Detector : public EntityState {
 public:
  // What the decoder must fill.
  virtual FieldSet fields() const = 0;
  // If CanPrefetch(): Observe() will soon be called with these ids, as it looks
  // now (the keys are left out). Asks the cache for the state that most events
  // need.
  virtual void Prefetch(PrefetchStep, const EntityIds&) const {}
  // One event, in the order of its actor's stream. Views die with the call.
  virtual void Observe(const AuditEvent& event, const EntityIds& ids,
                       Emit& out) = 0;
  // The watermark has reached `watermark`, a whole second; it may jump.
  virtual void AdvanceTo(absl::Time watermark, Emit& out) = 0;
};

// A row of state by a number that a part gives out itself. The numbers of one
// kind are all in use from 0 on: what is gone leaves a row without bytes.
struct DetectorRow {
  uint8_t kind = 0;
  uint32_t number = 0;
  std::string bytes;
};

class CrossDetector : public EntityState {
 public:
  // As Detector's.
  virtual void Prefetch(PrefetchStep, const ObservationIds&) const {}
  virtual void Observe(const Observation& observation,
                       const ObservationIds& ids, Emit& out) = 0;
  // What a detector reported, at its place among the observations; of `ids`
  // there is the source address alone. What is reported in answer is told to
  // nobody here.
  virtual void ObserveFinding(const Finding&, const ObservationIds&, Emit&) {}
  virtual void AdvanceTo(absl::Time watermark, Emit& out) = 0;
  // What it knows of the cluster's network, for metrics; null = it has no map.
  virtual const ClusterMapSizes* cluster_map() const { return nullptr; }
  // State of what is none of the tables' entities. Appends the rows that
  // changed since the last call; they are loaded after the shared state, by
  // kind and number.
  virtual void TakeRows(std::vector<DetectorRow>&) {}
  virtual absl::Status LoadRow(uint8_t, uint32_t, std::string_view) {
    return absl::OkStatus();
  }
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_DETECTOR_H_
