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
  ODDVERB_ASSIGN_OR_RETURN(std::optional<Restored> restored,
                           stages.checkpoint->Restore());
  if (!restored.has_value()) return absl::OkStatus();
  stages.restored_records = restored->records_judged;
  const StateRow* clock = FindRow(restored->state, "clock");
  if (clock == nullptr) {
    return absl::DataLossError("checkpoint lacks the state of the clock");
  }
  StateReader reader(clock->bytes);
  ODDVERB_RETURN_IF_ERROR(stages.clock.Load(reader));
  for (ShardGroup& group : stages.groups) {
    ODDVERB_RETURN_IF_ERROR(group.Load(restored->state));
  }
  return stages.correlator->Load(restored->state);
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
    stages->groups[static_cast<size_t>(WorkerOf(shard, workers))].Add(
        shard, std::make_unique<Shard>(std::move(detectors),
                                       EntitiesPerShard(options.max_entities)));
  }
  stages->options.decoder.fields = fields;
  ODDVERB_ASSIGN_OR_RETURN(CrossDetectorList cross,
                           parts.make_cross_detectors());
  stages->correlator = std::make_unique<Correlator>(
      std::move(cross), options.hash, options.max_entities);
  if (checkpoint != nullptr) ODDVERB_RETURN_IF_ERROR(Restore(*stages));
  return std::unique_ptr<Pipeline>(new Pipeline(std::move(stages)));
}

Pipeline::Pipeline(std::unique_ptr<Stages> stages)
    : stages_(std::move(stages)) {}
Pipeline::~Pipeline() = default;

absl::Status Pipeline::Run(
    Source& source, Delivery& delivery,
    const std::function<void(const Rejected&)>& on_rejected,
    const std::atomic<bool>& stop) {
  RunContext run{source, delivery, on_rejected, stop};
  absl::Status status = stages_->options.threads == 1
                            ? RunSingle(*stages_, run)
                            : RunSharded(*stages_, run);
  stages_->CountEntities();
  return status;
}

const PipelineCounters& Pipeline::counters() const { return stages_->counters; }

uint64_t Pipeline::restored_records() const {
  return stages_->restored_records;
}

const std::vector<WorkerShare>& Pipeline::worker_shares() const {
  return stages_->shares;
}

}  // namespace oddverb
