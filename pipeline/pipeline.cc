#include "pipeline/pipeline.h"

#include <algorithm>

#include "base/status_macros.h"
#include "pipeline/part_state.h"
#include "pipeline/stages.h"

namespace oddverb {
namespace {

// Actors fall on shards by a hash, so none gets more than this much over its
// even share of the budget unless the budget is tiny.
uint32_t EntitiesPerShard(uint32_t max_entities) {
  return std::max<uint32_t>(1024, max_entities / kLogicalShards);
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
  ODDVERB_RETURN_IF_ERROR(stages.correlator->Load(rows, stream_time));
  return absl::OkStatus();
}

}  // namespace

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
    auto made =
        std::make_unique<Shard>(shard, std::move(detectors),
                                EntitiesPerShard(options.max_entities), track);
    made->MeasureInto(stages->counters.detector_times);
    stages->groups[static_cast<size_t>(WorkerOf(shard, workers))].Add(
        std::move(made));
  }
  stages->options.decoder.fields = fields;
  ODDVERB_ASSIGN_OR_RETURN(CrossDetectorList cross,
                           parts.make_cross_detectors());
  stages->correlator = std::make_unique<Correlator>(
      std::move(cross), options.hash, options.max_entities, track);
  stages->correlator->MeasureInto(stages->counters.detector_times);
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

const std::optional<Restored>& Pipeline::restored() const {
  return stages_->restored;
}

const std::vector<WorkerShare>& Pipeline::worker_shares() const {
  return stages_->shares;
}

}  // namespace oddverb
