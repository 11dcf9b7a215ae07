#include "pipeline/pipeline.h"

#include <algorithm>

#include "base/status_macros.h"
#include "pipeline/part_state.h"
#include "pipeline/stages.h"

namespace oddverb {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// Actors fall on shards by a hash, so none gets more than this much over its
// even share of the budget unless the budget is tiny.
LimitsByKind LimitsOfShard(LimitsByKind limits) {
  for (EntityLimits& of_kind : limits) {
    of_kind.max_entities =
        std::max<uint32_t>(1024, of_kind.max_entities / kLogicalShards);
    if (of_kind.max_awake != RestTable::kAllAwake) {
      of_kind.max_awake /= kLogicalShards;
    }
  }
  return limits;
}

// Two generations of keys in each shard.
SeenEvents::Options SeenPerShard(uint32_t max_recent_events) {
  SeenEvents::Options seen;
  seen.max_keys =
      std::max<uint32_t>(1024, max_recent_events / 2 / kLogicalShards);
  return seen;
}

absl::Status Restore(Stages& stages) {
  ODDVERB_ASSIGN_OR_RETURN(stages.restored, stages.checkpoint->Restore());
  if (!stages.restored.has_value()) return absl::OkStatus();
  const std::vector<StateRow>& rows = stages.restored->state;
  std::span<const StateRow> clock = RowsOf(kClockOwner, rows);
  if (clock.size() != 1) {
    return absl::DataLossError("checkpoint lacks the state of the clock");
  }
  StateReader reader(clock[0].bytes);
  ODDVERB_RETURN_IF_ERROR(stages.clock.Load(reader));
  absl::Time stream_time = stages.clock.stream_time();
  for (ShardGroup& group : stages.groups) {
    ODDVERB_RETURN_IF_ERROR(group.Load(rows, stream_time));
  }
  if (stages.exporting != nullptr) {
    ODDVERB_RETURN_IF_ERROR(stages.exporting->Load(rows));
  } else {
    ODDVERB_RETURN_IF_ERROR(stages.correlator->Load(rows, stream_time));
  }
  ODDVERB_RETURN_IF_ERROR(stages.source_watch.Load(rows));
  return absl::OkStatus();
}

}  // namespace

void CountInput(const EventBatch& batch, InputCounters& to) {
  CountRecords(batch, to);
  CountRejected(batch.rejected, to);
  CountEvents(batch.events, to);
}

void CountRecords(const EventBatch& batch, InputCounters& to) {
  to.records.fetch_add(batch.raw.records.size(), kRelaxed);
  to.bytes.fetch_add(batch.raw.source_bytes, kRelaxed);
  to.salvaged.fetch_add(batch.salvaged_records, kRelaxed);
  to.repaired.fetch_add(batch.repaired_records, kRelaxed);
  to.eventless.fetch_add(batch.eventless_records, kRelaxed);
}

void CountRejected(std::span<const Rejected> rejected, InputCounters& to) {
  for (const Rejected& one : rejected) {
    to.rejected[static_cast<size_t>(one.reason)].fetch_add(1, kRelaxed);
  }
}

void CountEvents(std::span<const AuditEvent> events, InputCounters& to) {
  uint64_t duplicate_keys = 0;
  uint64_t by[InputCounters::kStages][InputCounters::kLevels] = {};
  for (const AuditEvent& event : events) {
    duplicate_keys += event.duplicate_keys ? 1 : 0;
    ++by[static_cast<size_t>(event.stage)][static_cast<size_t>(event.level)];
  }
  to.events.fetch_add(events.size(), kRelaxed);
  for (size_t stage = 0; stage < InputCounters::kStages; ++stage) {
    for (size_t level = 0; level < InputCounters::kLevels; ++level) {
      if (by[stage][level] == 0) continue;
      to.events_by[stage][level].fetch_add(by[stage][level], kRelaxed);
    }
  }
  to.duplicate_keys.fetch_add(duplicate_keys, kRelaxed);
}

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Make(
    const PipelineOptions& options, const PartFactory& parts,
    Checkpoint* checkpoint) {
  auto stages = std::make_unique<Stages>();
  stages->options = options;
  stages->options.threads = std::clamp(options.threads, 1, kLogicalShards);
  stages->clock = EventClock(options.allowed_lateness);
  stages->checkpoint = checkpoint;
  TrackChanges track =
      checkpoint != nullptr ? TrackChanges::kOn : TrackChanges::kOff;
  const LimitsByKind all_awake =
      SameForEachKind({.max_entities = options.max_entities});
  const EntityBudget entities =
      options.entity_budget.value_or(EntityBudget{all_awake, all_awake});
  int workers = stages->options.threads;
  stages->groups.resize(static_cast<size_t>(workers));
  stages->shares.resize(static_cast<size_t>(workers));
  // The pipeline itself counts by level and takes keys from identities.
  FieldSet fields =
      Fields({FieldId::kLevel, FieldId::kUserName, FieldId::kUserUid,
              FieldId::kUserGroups, FieldId::kUserExtra, FieldId::kSourceIps});
  for (int shard = 0; shard < kLogicalShards; ++shard) {
    ODDVERB_ASSIGN_OR_RETURN(DetectorList detectors, parts.make_detectors());
    for (const auto& [name, detector] : detectors) {
      fields |= detector->fields();
    }
    ShardGroup& group =
        stages->groups[static_cast<size_t>(WorkerOf(shard, workers))];
    auto made = std::make_unique<Shard>(
        shard, std::move(detectors), LimitsOfShard(entities.shards),
        SeenPerShard(options.max_recent_events), track, group.rest_store());
    made->MeasureInto(stages->counters.detector_times);
    group.Add(std::move(made));
  }
  stages->options.decoder.fields = fields;
  ODDVERB_ASSIGN_OR_RETURN(CrossDetectorList cross,
                           parts.make_cross_detectors());
  stages->correlator = std::make_unique<Correlator>(
      std::move(cross), options.hash, entities.correlator, track);
  stages->correlator->MeasureInto(stages->counters.detector_times);
  if (options.exports_partition.has_value()) {
    stages->exporting =
        std::make_unique<ObservationExport>(*options.exports_partition);
  }
  if (checkpoint != nullptr) ODDVERB_RETURN_IF_ERROR(Restore(*stages));
  return std::unique_ptr<Pipeline>(new Pipeline(std::move(stages)));
}

Pipeline::Pipeline(std::unique_ptr<Stages> stages)
    : stages_(std::move(stages)) {}
Pipeline::~Pipeline() = default;

absl::Status Pipeline::Run(
    const std::vector<NamedSource>& sources, Delivery& delivery,
    const std::function<void(size_t, const Rejected&)>& on_rejected,
    const std::atomic<bool>& stop) {
  RunContext run{sources, delivery, on_rejected, stop};
  ODDVERB_RETURN_IF_ERROR(stages_->ResumeSources(run));
  bool single = stages_->options.threads == 1 && sources.size() == 1;
  return single ? RunSingle(*stages_, run) : RunSharded(*stages_, run);
}

const PipelineCounters& Pipeline::counters() const { return stages_->counters; }

const SourceDelays& Pipeline::delays() const { return stages_->delays; }

absl::Status Pipeline::storage() const { return stages_->storage.status(); }

uint64_t Pipeline::storage_failures() const {
  return stages_->storage.failures();
}

const std::optional<Restored>& Pipeline::restored() const {
  return stages_->restored;
}

std::map<std::string, absl::Time> Pipeline::last_event_times() const {
  return stages_->source_watch.last_event_times();
}

const std::vector<WorkerShare>& Pipeline::worker_shares() const {
  return stages_->shares;
}

}  // namespace oddverb
