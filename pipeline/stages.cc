#include "pipeline/stages.h"

#include <time.h>

#include <iterator>

#include "absl/time/clock.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

absl::Duration ThreadCpu() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace

absl::Status Stages::ReadBatch(RunContext& run, RawBatch& out, bool& ended) {
  ended = run.stop.load(kRelaxed);
  if (ended) return absl::OkStatus();
  absl::Status status =
      run.source.Read(absl::Now() + options.read_patience, out);
  ended = absl::IsOutOfRange(status);
  return ended ? absl::OkStatus() : status;
}

std::unique_ptr<RoutedBatch> Stages::DecodeAndRoute(Decoder& decoder,
                                                    RawBatch raw) {
  return Route(decoder.Decode(std::move(raw)), options.hash);
}

void Stages::Sequence(RoutedBatch& routed) {
  routed.clock = clock.Read(*routed.batch);
  ++batches_sequenced_;
  if (checkpoint == nullptr || routed.is_end) return;
  if (batches_sequenced_ %
          static_cast<uint64_t>(options.checkpoint_every_batches) !=
      0) {
    return;
  }
  routed.checkpoint_after = true;
  StateWriter writer;
  clock.Save(writer);
  routed.clock_state = writer.Release();
}

SliceOutput Stages::Judge(int worker, const RoutedBatch& routed) {
  auto index = static_cast<size_t>(worker);
  absl::Duration before = ThreadCpu();
  SliceOutput out = groups[index].Process(routed);
  shares[index].detect_cpu += ThreadCpu() - before;
  shares[index].events_judged += out.events_judged;
  return out;
}

void Stages::CountBatch(const EventBatch& batch) {
  counters.records.fetch_add(batch.raw.records.size(), kRelaxed);
  counters.events.fetch_add(batch.events.size(), kRelaxed);
  counters.bytes.fetch_add(batch.raw.source_bytes, kRelaxed);
  counters.salvaged.fetch_add(batch.salvaged_records, kRelaxed);
  counters.repaired.fetch_add(batch.repaired_records, kRelaxed);
  for (const Rejected& rejected : batch.rejected) {
    counters.rejected[static_cast<size_t>(rejected.reason)].fetch_add(1,
                                                                      kRelaxed);
  }
  uint64_t duplicate_keys = 0;
  uint64_t by[PipelineCounters::kStages][PipelineCounters::kLevels] = {};
  for (const AuditEvent& event : batch.events) {
    duplicate_keys += event.duplicate_keys ? 1 : 0;
    ++by[static_cast<size_t>(event.stage)][static_cast<size_t>(event.level)];
  }
  for (size_t stage = 0; stage < PipelineCounters::kStages; ++stage) {
    for (size_t level = 0; level < PipelineCounters::kLevels; ++level) {
      counters.events_by[stage][level].fetch_add(by[stage][level], kRelaxed);
    }
  }
  counters.duplicate_keys.fetch_add(duplicate_keys, kRelaxed);
}

absl::Status Stages::Conclude(RunContext& run, const RoutedBatch& routed,
                              std::vector<SliceOutput> slices) {
  const EventBatch& batch = *routed.batch;
  CountBatch(batch);
  counters.late.fetch_add(routed.clock.late_events, kRelaxed);
  counters.without_time.fetch_add(routed.clock.without_time, kRelaxed);
  for (const Rejected& rejected : batch.rejected) run.on_rejected(rejected);
  records_judged_ += batch.raw.records.size();
  for (const Position& position : batch.raw.positions) {
    judged_[{position.source, position.stream}] = position;
  }
  std::vector<StateRow> state;
  std::vector<Finding> findings = correlator->Process(routed, slices, state);
  counters.observations.store(correlator->observations(), kRelaxed);
  if (checkpoint == nullptr) {
    ODDVERB_RETURN_IF_ERROR(run.delivery.Deliver(std::move(findings)));
    return Acknowledge(run.source);
  }
  std::move(findings.begin(), findings.end(), std::back_inserter(uncommitted_));
  if (routed.is_end) {
    // A finite input is over: nothing will be resumed, so nothing is kept.
    return run.delivery.Deliver(std::exchange(uncommitted_, {}));
  }
  if (!routed.checkpoint_after) return absl::OkStatus();
  for (SliceOutput& slice : slices) {
    std::move(slice.state.begin(), slice.state.end(),
              std::back_inserter(state));
  }
  state.push_back({"clock", routed.clock_state});
  return Commit(run, std::move(state));
}

absl::Status Stages::Commit(RunContext& run, std::vector<StateRow> state) {
  CheckpointBatch batch;
  batch.records_judged = restored_records + records_judged_;
  for (const auto& [stream, position] : judged_) {
    batch.positions.push_back(position);
  }
  batch.state = std::move(state);
  batch.findings = uncommitted_;
  ODDVERB_RETURN_IF_ERROR(checkpoint->Commit(std::move(batch)));
  // Only now may anybody see them.
  ODDVERB_RETURN_IF_ERROR(
      run.delivery.Deliver(std::exchange(uncommitted_, {})));
  return Acknowledge(run.source);
}

absl::Status Stages::Acknowledge(Source& source) {
  for (const auto& [stream, position] : judged_) {
    ODDVERB_RETURN_IF_ERROR(source.Accepted(position));
    ODDVERB_RETURN_IF_ERROR(source.Commit(position));
  }
  return absl::OkStatus();
}

std::unique_ptr<RoutedBatch> Stages::EndBatch() const {
  auto end = std::make_unique<RoutedBatch>();
  end->batch = std::make_unique<EventBatch>();
  end->is_end = true;
  return end;
}

void Stages::CountEntities() {
  uint64_t evictions = correlator->evictions();
  for (const ShardGroup& group : groups) {
    for (EntityKind kind :
         {EntityKind::kActor, EntityKind::kCredential, EntityKind::kPod}) {
      counters.entities[static_cast<size_t>(kind)] += group.entities(kind);
    }
    evictions += group.evictions();
  }
  counters.entities[static_cast<size_t>(EntityKind::kAddress)] =
      correlator->addresses();
  counters.evictions = evictions;
}

}  // namespace oddverb
