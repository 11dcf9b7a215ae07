#include "pipeline/shard.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

// Who has no credential is told apart by the address, and has many of those.
Standing StandingOf(IdentityClass identity) {
  switch (identity) {
    case IdentityClass::kAnonymous:
    case IdentityClass::kUnauthenticated:
      return Standing::kGuest;
    case IdentityClass::kHuman:
      return Standing::kPerson;
    default:
      return Standing::kRegular;
  }
}

}  // namespace

Shard::Shard(int number, DetectorList detectors, const LimitsByKind& limits,
             const SeenEvents::Options& seen, TrackChanges track,
             std::shared_ptr<RestStore> rest_store)
    : number_(number),
      state_(std::move(detectors), kKinds, limits, track,
             std::move(rest_store)),
      seen_(seen) {}

void Shard::PrefetchSlots(const EntityKeys& keys) const {
  state_.PrefetchSlot(EntityKind::kActor, keys.actor);
  state_.PrefetchSlot(EntityKind::kCredential, keys.unbound_credential());
  state_.PrefetchSlot(EntityKind::kPod, keys.pod);
}

void Shard::PrefetchEntities(const EntityKeys& keys) const {
  state_.PrefetchEntity(EntityKind::kActor, keys.actor);
  state_.PrefetchEntity(EntityKind::kCredential, keys.unbound_credential());
  state_.PrefetchEntity(EntityKind::kPod, keys.pod);
}

EntityIds Shard::GuessIds(const EntityKeys& keys) const {
  EntityIds ids;
  ids.actor = state_.Guess(EntityKind::kActor, keys.actor);
  ids.credential =
      state_.Guess(EntityKind::kCredential, keys.unbound_credential());
  ids.pod = state_.Guess(EntityKind::kPod, keys.pod);
  return ids;
}

EntityIds Shard::GuessWhoRests(const EntityKeys& keys,
                               const EntityIds& guess) const {
  EntityIds resting;
  resting.actor =
      state_.GuessWhoRests(EntityKind::kActor, keys.actor, guess.actor);
  resting.credential = state_.GuessWhoRests(
      EntityKind::kCredential, keys.unbound_credential(), guess.credential);
  resting.pod = state_.GuessWhoRests(EntityKind::kPod, keys.pod, guess.pod);
  return resting;
}

void Shard::Judge(const AuditEvent& event, const EntityKeys& keys, Emit& out) {
  EntityIds ids;
  ids.keys = keys;
  ids.actor =
      state_.IdOf(EntityKind::kActor, keys.actor, StandingOf(keys.identity));
  ids.credential =
      state_.IdOf(EntityKind::kCredential, keys.unbound_credential());
  ids.pod = state_.IdOf(EntityKind::kPod, keys.pod);
  state_.ForEachPart(
      [&](Detector& detector) { detector.Observe(event, ids, out); });
  if (!out.findings.empty()) {
    out.MarkSuspect(EntityKind::kActor, ids.actor);
    out.MarkSuspect(EntityKind::kCredential, ids.credential);
    out.MarkSuspect(EntityKind::kPod, ids.pod);
  }
  Conclude(out);
}

void Shard::AdvanceTo(absl::Time watermark, Emit& out) {
  const size_t first = out.findings.size();
  state_.ForEachPart(
      [&](Detector& detector) { detector.AdvanceTo(watermark, out); });
  out.SortReports(first);
  Conclude(out);
}

void Shard::Conclude(Emit& out) {
  for (auto [kind, id] : out.changed) state_.MarkChanged(kind, id);
  out.changed.clear();
  for (auto [kind, id] : out.suspects) state_.MarkSuspect(kind, id);
  out.suspects.clear();
  state_.Settle();
}

std::string Shard::OwnerName() const {
  return absl::StrFormat("shard/%02d", number_);
}

void Shard::TakeChanges(std::vector<StateRow>& out) {
  state_.TakeChanges(OwnerName(), out);
  seen_.TakeChanges(OwnerName(), out);
}

absl::Status Shard::Load(const std::vector<StateRow>& rows) {
  std::span<const StateRow> own = RowsOf(OwnerName(), rows);
  for (const StateRow& row : own) {
    if (row.kind != SeenEvents::kRowKind) continue;
    ODDVERB_RETURN_IF_ERROR(seen_.Load(row));
  }
  return state_.Load(own);
}

void SliceOutput::Add(Emission point, std::span<Finding> said_findings,
                      std::span<Observation> said_observations) {
  point.findings = static_cast<uint32_t>(said_findings.size());
  point.observations = static_cast<uint32_t>(said_observations.size());
  emissions.push_back(point);
  std::move(said_findings.begin(), said_findings.end(),
            std::back_inserter(findings));
  std::move(said_observations.begin(), said_observations.end(),
            std::back_inserter(observations));
}

void ShardGroup::Add(std::unique_ptr<Shard> shard) {
  by_shard_[shard->number()] = shard.get();
  owned_.push_back(std::move(shard));
}

namespace {

// Moves what was emitted into `out`, if anything was.
void Collect(Emit& emit, size_t event_index, Emission::Phase phase, int shard,
             SliceOutput& out) {
  if (emit.findings.empty() && emit.observations.empty()) return;
  for (Finding& finding : emit.findings) {
    finding.time = emit.stream_time;
    finding.NoteClaimedAddress();
  }
  out.Add({event_index, phase, static_cast<uint8_t>(shard)}, emit.findings,
          emit.observations);
  emit.findings.clear();
  emit.observations.clear();
}

}  // namespace

void ShardGroup::Tick(size_t event_index, absl::Time watermark,
                      absl::Time stream_time, SliceOutput& out) {
  emit_.stream_time = stream_time;
  for (const std::unique_ptr<Shard>& shard : owned_) {
    shard->AdvanceTo(watermark, emit_);
    Collect(emit_, event_index, Emission::Phase::kTick, shard->number(), out);
  }
}

// What the events behind `index` will not wait for.
void ShardGroup::Prefetch(const RoutedBatch& routed, size_t index) {
  auto shard_of = [&](size_t event) -> const Shard* {
    return event < routed.shards.size() ? by_shard_[routed.shards[event]]
                                        : nullptr;
  };
  auto ahead = [&](int events, auto ask) {
    const size_t event = index + static_cast<size_t>(events);
    if (const Shard* shard = shard_of(event)) ask(*shard, event);
  };
  auto take_step = [](PrefetchStep step, const Shard& shard,
                      const Coming& coming) {
    shard.PrefetchState(step, coming.ids);
    const EntityIds& resting = coming.resting;
    if ((resting.actor & resting.credential & resting.pod) == kNoEntity) return;
    shard.PrefetchState(step, resting);
  };
  ahead(kSlotsAhead, [&](const Shard& shard, size_t event) {
    shard.PrefetchSlots(routed.keys[event]);
  });
  ahead(kEntitiesAhead, [&](const Shard& shard, size_t event) {
    shard.PrefetchEntities(routed.keys[event]);
  });
  ahead(kStateAhead, [&](const Shard& shard, size_t event) {
    Coming& coming = coming_[event % kStateAhead];
    coming.ids = shard.GuessIds(routed.keys[event]);
    coming.resting = shard.GuessWhoRests(routed.keys[event], coming.ids);
    take_step(PrefetchStep::kElement, shard, coming);
  });
  ahead(kStateAhead - 1, [&](const Shard& shard, size_t event) {
    take_step(PrefetchStep::kObject, shard, coming_[event % kStateAhead]);
  });
  ahead(kStateAhead - 2, [&](const Shard& shard, size_t event) {
    take_step(PrefetchStep::kContents, shard, coming_[event % kStateAhead]);
  });
}

SliceOutput ShardGroup::Process(const RoutedBatch& routed) {
  SliceOutput out;
  // As many as of the batch before: lists that grow are copied.
  out.emissions.reserve(last_emissions_);
  out.observations.reserve(last_observations_);
  const std::vector<AuditEvent>& events = routed.batch->events;
  size_t tick = 0;
  const std::vector<oddverb::Tick>& ticks = routed.clock.ticks;
  for (size_t i = 0; i < events.size(); ++i) {
    Prefetch(routed, i);
    stream_time_ = routed.clock.stream_times[i];
    for (; tick < ticks.size() && ticks[tick].event_index == i; ++tick) {
      Tick(i, ticks[tick].watermark, stream_time_, out);
    }
    Shard* shard = by_shard_[routed.shards[i]];
    if (shard == nullptr) continue;
    if (!routed.event_keys.empty() &&
        !shard->IsFirst(routed.event_keys[i], stream_time_)) {
      ++out.duplicates;
      continue;
    }
    emit_.stream_time = stream_time_;
    shard->Judge(events[i], routed.keys[i], emit_);
    Collect(emit_, i, Emission::Phase::kEvent, routed.shards[i], out);
    ++out.events_judged;
  }
  if (routed.is_end) {
    Tick(events.size(), absl::InfiniteFuture(), stream_time_, out);
  }
  for (const std::unique_ptr<Shard>& shard : owned_) {
    for (size_t kind = 0; kind < std::size(out.entities); ++kind) {
      out.entities[kind] += shard->entities(static_cast<EntityKind>(kind));
      out.resting[kind] += shard->resting(static_cast<EntityKind>(kind));
      out.packed_bytes[kind] +=
          shard->packed_bytes(static_cast<EntityKind>(kind));
    }
    out.evictions += shard->evictions();
    out.tombstones += shard->tombstones();
  }
  last_emissions_ = out.emissions.size();
  last_observations_ = out.observations.size();
  out.detector_counts = std::exchange(emit_.counts, {});
  if (routed.checkpoint_after) {
    for (const std::unique_ptr<Shard>& shard : owned_) {
      shard->TakeChanges(out.state);
    }
  }
  return out;
}

absl::Status ShardGroup::Load(const std::vector<StateRow>& rows,
                              absl::Time stream_time) {
  stream_time_ = stream_time;
  for (const std::unique_ptr<Shard>& shard : owned_) {
    ODDVERB_RETURN_IF_ERROR(shard->Load(rows));
  }
  return absl::OkStatus();
}

}  // namespace oddverb
