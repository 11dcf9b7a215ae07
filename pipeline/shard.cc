#include "pipeline/shard.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "pipeline/part_state.h"

namespace oddverb {

Shard::Shard(DetectorList detectors, uint32_t max_entities)
    : detectors_(std::move(detectors)) {
  for (size_t kind = 0; kind < kKinds; ++kind) {
    tables_.emplace_back(max_entities);
  }
}

void Shard::Prefetch(const EntityKeys& keys) const {
  Table(EntityKind::kActor).Prefetch(keys.actor);
  if (keys.credential != 0) {
    Table(EntityKind::kCredential).Prefetch(keys.credential);
  }
  if (keys.pod != 0) Table(EntityKind::kPod).Prefetch(keys.pod);
}

EntityId Shard::IdOf(EntityKind kind, uint64_t key) {
  if (key == 0) return kNoEntity;
  EntityTable::Lookup found = tables_[static_cast<size_t>(kind)].FindOrAdd(key);
  if (found.is_reused) {
    for (auto& [name, detector] : detectors_) detector->Forget(kind, found.id);
  }
  return found.id;
}

void Shard::Judge(const AuditEvent& event, const EntityKeys& keys, Emit& out) {
  EntityIds ids;
  ids.keys = keys;
  ids.actor = IdOf(EntityKind::kActor, keys.actor);
  ids.credential = IdOf(EntityKind::kCredential, keys.credential);
  ids.pod = IdOf(EntityKind::kPod, keys.pod);
  for (auto& [name, detector] : detectors_) detector->Observe(event, ids, out);
}

void Shard::AdvanceTo(absl::Time watermark, Emit& out) {
  for (auto& [name, detector] : detectors_) detector->AdvanceTo(watermark, out);
}

void Shard::Save(StateWriter& out) const {
  for (const EntityTable& table : tables_) SaveTable(table, out);
  SaveParts(detectors_, tables_, out);
}

absl::Status Shard::Load(StateReader& in) {
  for (EntityTable& table : tables_) LoadTable(in, table);
  ODDVERB_RETURN_IF_ERROR(in.status());
  return LoadParts(detectors_, tables_, in);
}

uint64_t Shard::evictions() const {
  uint64_t sum = 0;
  for (const EntityTable& table : tables_) sum += table.evictions();
  return sum;
}

void ShardGroup::Add(int shard, std::unique_ptr<Shard> owned) {
  by_shard_[shard] = owned.get();
  owned_.push_back({shard, std::move(owned)});
}

namespace {

// Moves what was emitted into `out`, if anything was.
void Collect(Emit& emit, size_t event_index, Emission::Phase phase, int shard,
             SliceOutput& out) {
  emit.changed.clear();
  if (emit.findings.empty() && emit.observations.empty()) return;
  for (Finding& finding : emit.findings) finding.time = emit.stream_time;
  out.emissions.push_back({event_index, phase, static_cast<uint8_t>(shard),
                           std::move(emit.findings),
                           std::move(emit.observations)});
  emit.findings.clear();
  emit.observations.clear();
}

std::string OwnerName(int shard) {
  return absl::StrFormat("shard/%02d", shard);
}

}  // namespace

void ShardGroup::Tick(size_t event_index, absl::Time watermark,
                      absl::Time stream_time, SliceOutput& out) {
  emit_.stream_time = stream_time;
  for (Owned& owned : owned_) {
    owned.state->AdvanceTo(watermark, emit_);
    Collect(emit_, event_index, Emission::Phase::kTick, owned.shard, out);
  }
}

SliceOutput ShardGroup::Process(const RoutedBatch& routed) {
  SliceOutput out;
  const std::vector<AuditEvent>& events = routed.batch->events;
  for (size_t i = 0; i < events.size(); ++i) {
    Shard* shard = by_shard_[routed.shards[i]];
    if (shard != nullptr) shard->Prefetch(routed.keys[i]);
  }
  size_t tick = 0;
  const std::vector<oddverb::Tick>& ticks = routed.clock.ticks;
  for (size_t i = 0; i < events.size(); ++i) {
    stream_time_ = routed.clock.stream_times[i];
    for (; tick < ticks.size() && ticks[tick].event_index == i; ++tick) {
      Tick(i, ticks[tick].watermark, stream_time_, out);
    }
    Shard* shard = by_shard_[routed.shards[i]];
    if (shard == nullptr) continue;
    emit_.stream_time = stream_time_;
    shard->Judge(events[i], routed.keys[i], emit_);
    Collect(emit_, i, Emission::Phase::kEvent, routed.shards[i], out);
    ++out.events_judged;
  }
  if (routed.is_end) {
    Tick(events.size(), absl::InfiniteFuture(), stream_time_, out);
  }
  if (routed.checkpoint_after) {
    for (const Owned& owned : owned_) {
      StateWriter writer;
      writer.PutTime(stream_time_);
      owned.state->Save(writer);
      out.state.push_back({OwnerName(owned.shard), writer.Release()});
    }
  }
  return out;
}

absl::Status ShardGroup::Load(const std::vector<StateRow>& rows) {
  for (Owned& owned : owned_) {
    const StateRow* row = FindRow(rows, OwnerName(owned.shard));
    if (row == nullptr) {
      return absl::DataLossError(absl::StrCat("checkpoint lacks the state of ",
                                              OwnerName(owned.shard)));
    }
    StateReader reader(row->bytes);
    stream_time_ = reader.GetTime();
    ODDVERB_RETURN_IF_ERROR(owned.state->Load(reader));
  }
  return absl::OkStatus();
}

uint64_t ShardGroup::entities(EntityKind kind) const {
  uint64_t sum = 0;
  for (const Owned& owned : owned_) sum += owned.state->entities(kind);
  return sum;
}

uint64_t ShardGroup::evictions() const {
  uint64_t sum = 0;
  for (const Owned& owned : owned_) sum += owned.state->evictions();
  return sum;
}

}  // namespace oddverb
