// The parts (detectors) of a shard or of the correlator with the tables that
// give their entities ids, and how all of it is laid out in checkpoint rows:
//
//   (owner, kind, id)      the entity's key, then each part's state of it
//   (owner, kShared, 0)    the tables' use bits, then each part's shared state,
//                          and what is left of suspects that were forgotten
//
// Only entities that changed since the last checkpoint are written. A part that
// a row does not know starts empty; a row's part that no longer exists is
// skipped.
//
// Beyond EntityLimits::max_awake, entities that nothing happens to rest: their
// parts' states are kept as packed bytes, under the id that they have in the
// table, until they are touched again. What has changed rests only once a
// checkpoint has it. The id that parts know an entity by is its place among
// those awake, so that their arrays are no longer than that: another one each
// time that it wakes. One thread.
#ifndef ODDVERB_PIPELINE_PART_STATE_H_
#define ODDVERB_PIPELINE_PART_STATE_H_

#include <algorithm>
#include <cassert>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/state_io.h"
#include "base/status_macros.h"
#include "model/identity.h"
#include "pipeline/checkpoint.h"
#include "pipeline/entity_limits.h"
#include "pipeline/part_list.h"
#include "pipeline/rest_frame.h"
#include "pipeline/rest_store.h"
#include "stats/entity_table.h"
#include "stats/packed_bytes.h"
#include "stats/rest_table.h"
#include "stats/tombstone_table.h"

namespace oddverb {

enum class TrackChanges : uint8_t { kOff, kOn };

template <class Part>
class PartState {
 public:
  // Tables for the first `kinds` EntityKinds.
  PartState(std::vector<NamedPart<Part>> parts, size_t kinds,
            const LimitsByKind& limits, TrackChanges track,
            std::shared_ptr<RestStore> rest_store)
      : parts_(std::move(parts)),
        rest_store_(std::move(rest_store)),
        track_(track),
        changed_(kinds),
        rest_frame_(kinds, &rest_store_->values) {
    for (size_t i = 0; i < kinds; ++i) {
      tables_.emplace_back(limits[i].max_entities);
      tombstones_.emplace_back(TombstonesFor(limits[i].max_entities));
      rests_.emplace_back(limits[i].max_awake, &rest_store_->packed);
    }
    for (const auto& [name, part] : parts_) {
      if (part->CanPrefetch()) prefetching_.push_back(part.get());
    }
  }

  // From now on estimates the time that the parts take, for metrics.
  void MeasureInto(DetectorTimes& times) {
    for (const auto& [name, part] : parts_) totals_.push_back(&times[name]);
  }

  // Calls `call` with each part. One round in kTimedRound is timed and stands
  // for all of them: two clock readings an event would cost as much as a part.
  template <class Call>
  void ForEachPart(Call call) {
    if (totals_.empty() || ++round_ < kTimedRound) {
      for (auto& [name, part] : parts_) call(*part);
      return;
    }
    round_ = 0;
    auto before = std::chrono::steady_clock::now();
    for (size_t i = 0; i < parts_.size(); ++i) {
      call(*parts_[i].part);
      auto after = std::chrono::steady_clock::now();
      std::chrono::nanoseconds spent = after - before;
      totals_[i]->fetch_add(static_cast<uint64_t>(spent.count()) * kTimedRound,
                            std::memory_order_relaxed);
      before = after;
    }
  }

  const std::vector<NamedPart<Part>>& parts() const { return parts_; }

  const EntityTable& table(EntityKind kind) const {
    return tables_[static_cast<size_t>(kind)];
  }

  // Hints the cache that IdOf() will be asked soon (0 = it will not): see
  // EntityTable, which it concerns first.
  void PrefetchSlot(EntityKind kind, uint64_t key) const {
    if (key != 0) tables_[static_cast<size_t>(kind)].PrefetchSlot(key);
  }
  void PrefetchEntity(EntityKind kind, uint64_t key) const {
    if (key == 0) return;
    const auto index = static_cast<size_t>(kind);
    const EntityId id = tables_[index].Guess(key);
    if (id == kNoEntity) return;
    tables_[index].PrefetchEntity(id);
    rests_[index].Prefetch(id);
  }

  // What IdOf() will give, as it looks now; kNoEntity if it rests or is new.
  // Hints the cache that it wakes soon, if it rests.
  EntityId Guess(EntityKind kind, uint64_t key) const {
    if (key == 0) return kNoEntity;
    const auto index = static_cast<size_t>(kind);
    const EntityId id = tables_[index].Guess(key);
    return id == kNoEntity ? kNoEntity : rests_[index].Guess(id);
  }

  // If `guess` of `key` is kNoEntity, so that one more will be awake: who will
  // rest for it, as it looks now, kNoEntity if nobody.
  EntityId GuessWhoRests(EntityKind kind, uint64_t key, EntityId guess) const {
    if (key == 0 || guess != kNoEntity) return kNoEntity;
    return rests_[static_cast<size_t>(kind)].GuessNextPlace();
  }

  // `ids` are of Guess() or GuessWhoRests().
  template <class Ids>
  void PrefetchState(PrefetchStep step, const Ids& ids) const {
    for (const Part* part : prefetching_) part->Prefetch(step, ids);
  }

  // What parts know `key` by (0 = kNoEntity) until the next Settle(); it counts
  // as changed from now on.
  EntityId IdOf(EntityKind kind, uint64_t key,
                Standing standing = Standing::kRegular) {
    if (key == 0) return kNoEntity;
    EntityTable::Lookup found =
        tables_[static_cast<size_t>(kind)].FindOrAdd(key, standing);
    const EntityId place = Use(kind, found.id);
    if (found.is_reused) Bury(kind, place, found.forgotten_key);
    if (found.is_new) Recall(kind, place, key);
    NoteChange(kind, found.id);
    return place;
  }

  // Likewise, but kNoEntity if it is not known, and neither a use nor a change.
  EntityId Find(EntityKind kind, uint64_t key) {
    const EntityId id = tables_[static_cast<size_t>(kind)].Find(key);
    return id == kNoEntity ? kNoEntity : Use(kind, id);
  }

  // Lets entities rest, if too many are awake. To be called between events:
  // only ids that IdOf() gives from now on are to be used.
  void Settle() {
    // Each event wakes few: so many keep up with it.
    constexpr int kMaxTries = 4;
    for (size_t kind = 0; kind < rests_.size(); ++kind) {
      for (int i = 0; i < kMaxTries; ++i) {
        const EntityId id = rests_[kind].NextToRest();
        if (id == kNoEntity) break;
        TryToRest(static_cast<EntityKind>(kind), id);
      }
    }
  }

  // Of entities that were forgotten.
  uint32_t tombstones(EntityKind kind) const {
    return tombstones_[static_cast<size_t>(kind)].size();
  }

  uint32_t resting(EntityKind kind) const {
    return rests_[static_cast<size_t>(kind)].resting();
  }
  // Of those that rest.
  uint64_t packed_bytes(EntityKind kind) const {
    return rests_[static_cast<size_t>(kind)].packed_bytes();
  }

  // As parts know it.
  void MarkChanged(EntityKind kind, EntityId place) {
    NoteChange(kind, rests_[static_cast<size_t>(kind)].EntityAt(place));
  }
  void MarkSuspect(EntityKind kind, EntityId place) {
    if (place == kNoEntity) return;
    const auto index = static_cast<size_t>(kind);
    tables_[index].MarkSuspect(rests_[index].EntityAt(place));
  }

  uint64_t evictions() const {
    uint64_t sum = 0;
    for (const EntityTable& table : tables_) sum += table.evictions();
    return sum;
  }

  // Appends what changed since the last call.
  void TakeChanges(const std::string& owner, std::vector<StateRow>& out) {
    for (size_t kind = 0; kind < tables_.size(); ++kind) {
      for (EntityId id : changed_[kind].ids) {
        out.push_back({owner, static_cast<uint8_t>(kind), id,
                       EntityBytes(static_cast<EntityKind>(kind), id)});
      }
      changed_[kind] = {};
    }
    StateWriter shared;
    for (const EntityTable& table : tables_) table.SaveClock(shared);
    for (const auto& [name, part] : parts_) {
      StateWriter state;
      part->SaveShared(state);
      shared.PutString(name);
      shared.PutString(state.bytes());
    }
    StateWriter tombstones;
    for (const TombstoneTable& table : tombstones_) table.Save(tombstones);
    shared.PutString(kTombstones);
    shared.PutString(tombstones.bytes());
    out.push_back({owner, StateRow::kShared, 0, shared.Release()});
  }

  // Restores from the rows of one owner, sorted by (kind, id), into a new
  // object. DataLoss: rows are missing or damaged; FailedPrecondition: there is
  // no room for them.
  absl::Status Load(std::span<const StateRow> rows) {
    for (const StateRow& row : rows) {
      if (row.kind == StateRow::kShared) return LoadShared(row);
      if (row.kind >= tables_.size()) continue;  // the owner's own
      ODDVERB_RETURN_IF_ERROR(LoadEntity(row));
      Settle();
    }
    return absl::DataLossError("checkpoint lacks the shared state of an owner");
  }

 private:
  struct Changed {
    std::vector<bool> is_marked;
    std::vector<EntityId> ids;
  };

  bool IsMarked(size_t kind, EntityId id) const {
    const std::vector<bool>& is_marked = changed_[kind].is_marked;
    return id < is_marked.size() && is_marked[id];
  }

  // Of those that may be remembered at all: suspects are few.
  static uint32_t TombstonesFor(uint32_t max_entities) {
    return std::max<uint32_t>(64, max_entities / 64);
  }

  void Bury(EntityKind kind, EntityId place, uint64_t key) {
    for (auto& [name, part] : parts_) {
      std::optional<Remains> remains = part->RemainsOf(kind, place);
      if (!remains.has_value()) continue;
      tombstones_[static_cast<size_t>(kind)].Put(key, *remains);
      break;
    }
    for (auto& [name, part] : parts_) part->Forget(kind, place);
  }

  void Recall(EntityKind kind, EntityId place, uint64_t key) {
    TombstoneTable& tombstones = tombstones_[static_cast<size_t>(kind)];
    if (tombstones.size() == 0) return;
    std::optional<Remains> remains = tombstones.Take(key);
    if (!remains.has_value()) return;
    for (auto& [name, part] : parts_) part->Recall(kind, place, *remains);
  }

  void NoteChange(EntityKind kind, EntityId id) {
    if (track_ == TrackChanges::kOff) return;
    Changed& changed = changed_[static_cast<size_t>(kind)];
    if (changed.is_marked.size() <= id) changed.is_marked.resize(id + 1);
    if (changed.is_marked[id]) return;
    changed.is_marked[id] = true;
    changed.ids.push_back(id);
  }

  // Awake from now on, as if it never had rested; its place.
  EntityId Use(EntityKind kind, EntityId id) {
    RestTable& rests = rests_[static_cast<size_t>(kind)];
    if (!rests.IsResting(id)) return rests.Use(id);
    const std::string_view bytes = rests.BytesOf(id);
    waking_.assign(bytes.begin(), bytes.end());
    rests.Wake(id);
    const EntityId place = rests.Use(id);
    rest_frame_.Wake(parts_, kind, place, waking_);
    return place;
  }

  void TryToRest(EntityKind kind, EntityId id) {
    if (IsMarked(static_cast<size_t>(kind), id)) return;
    RestTable& rests = rests_[static_cast<size_t>(kind)];
    const EntityId place = rests.PlaceOf(id);
    for (const auto& [name, part] : parts_) {
      if (!part->CanRest(kind, place)) return;
    }
    const std::string_view bytes = rest_frame_.Rest(parts_, kind, place);
    if (bytes.size() > PackedBytes::kMaxBytes) {
      return rest_frame_.Wake(parts_, kind, place, bytes);
    }
    rests.Rest(id, bytes);
  }

  std::string EntityBytes(EntityKind kind, EntityId id) {
    const EntityId place = Use(kind, id);
    StateWriter row;
    row.PutFixed64(tables_[static_cast<size_t>(kind)].KeyOf(id));
    for (const auto& [name, part] : parts_) {
      StateWriter state;
      part->Save(kind, place, state);
      if (state.bytes().empty()) continue;
      row.PutString(name);
      row.PutString(state.bytes());
    }
    return row.Release();
  }

  absl::Status LoadEntity(const StateRow& row) {
    if (const uint32_t most = tables_[row.kind].max_entities();
        row.id >= most) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the checkpoint has more entities than ", row.owner,
          " has room for now (", most,
          "): give memory.budget or memory.max_entities what they were, or "
          "begin with another state_dir"));
    }
    StateReader in(row.bytes);
    uint64_t key = in.GetFixed64();
    if (tables_[row.kind].FindOrAdd(key).id != row.id) {
      return absl::DataLossError(absl::StrCat("checkpoint: entity ", row.id,
                                              " of ", row.owner,
                                              " is missing or stands twice"));
    }
    auto kind = static_cast<EntityKind>(row.kind);
    const EntityId place = Use(kind, row.id);
    while (!in.AtEnd() && in.status().ok()) {
      std::string_view name = in.GetString();
      StateReader state(in.GetString());
      for (auto& named : parts_) {
        if (named.name != name) continue;
        ODDVERB_RETURN_IF_ERROR(named.part->Load(kind, place, state));
      }
    }
    return in.status();
  }

  absl::Status LoadShared(const StateRow& row) {
    StateReader in(row.bytes);
    for (EntityTable& table : tables_) table.LoadClock(in);
    while (!in.AtEnd() && in.status().ok()) {
      std::string_view name = in.GetString();
      StateReader state(in.GetString());
      if (name == kTombstones) {
        for (TombstoneTable& table : tombstones_) table.Load(state);
        ODDVERB_RETURN_IF_ERROR(state.status());
      }
      for (auto& named : parts_) {
        if (named.name != name || state.AtEnd()) continue;
        ODDVERB_RETURN_IF_ERROR(named.part->LoadShared(state));
      }
    }
    return in.status();
  }

  // Beside the names of parts, none of which has a space.
  static constexpr std::string_view kTombstones = "forgotten suspects";
  // A prime: what comes in regular turns is met in each of its places.
  static constexpr uint32_t kTimedRound = 61;

  std::vector<NamedPart<Part>> parts_;
  std::vector<const Part*> prefetching_;        // those of parts_ that can
  std::vector<std::atomic<uint64_t>*> totals_;  // parallel to parts_, or empty
  uint32_t round_ = 0;
  std::vector<EntityTable> tables_;         // by EntityKind
  std::vector<TombstoneTable> tombstones_;  // by EntityKind
  std::shared_ptr<RestStore> rest_store_;
  std::vector<RestTable> rests_;  // by EntityKind
  std::string waking_;
  TrackChanges track_;
  std::vector<Changed> changed_;  // by EntityKind
  RestFrame<Part> rest_frame_;
};

// The rows of `owner` within rows sorted by owner.
std::span<const StateRow> RowsOf(std::string_view owner,
                                 const std::vector<StateRow>& rows);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_PART_STATE_H_
