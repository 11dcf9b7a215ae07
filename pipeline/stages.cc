// Long because: the steps of one batch, in their order, are read together.
#include "pipeline/stages.h"

#include <time.h>

#include <algorithm>
#include <deque>
#include <iterator>

#include "base/clock.h"
#include "base/status_macros.h"
#include "pipeline/part_state.h"

namespace oddverb {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// The last of each stream.
std::vector<Position> LastPositions(const std::vector<Position>& positions) {
  std::vector<Position> last;
  for (size_t i = positions.size(); i-- > 0;) {
    bool known = std::any_of(last.begin(), last.end(), [&](const Position& p) {
      return p.stream == positions[i].stream;
    });
    if (!known) last.push_back(positions[i]);
  }
  return last;
}

absl::Duration ThreadCpu() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace

absl::Status Stages::StartReorder(const RunContext& run) {
  if (options.order != EventOrder::kEventTime) return absl::OkStatus();
  EventReorder::Options reordering;
  for (const NamedSource& named : run.sources) {
    reordering.sources.push_back({named.name, named.source->streams_follow()});
  }
  reordering.allowed_lateness = options.allowed_lateness;
  reordering.max_held_bytes = options.max_held_bytes;
  reorder = std::make_unique<EventReorder>(std::move(reordering), SteadyNow());
  if (!restored.has_value()) return absl::OkStatus();
  for (const StateRow& row : RowsOf(kReorderOwner, restored->state)) {
    StateReader reader(row.bytes);
    ODDVERB_RETURN_IF_ERROR(reorder->Load(reader));
  }
  return absl::OkStatus();
}

absl::Status Stages::ResumeSources(RunContext& run) {
  pace.Start({options.checkpoint_interval, options.checkpoint_bytes,
              options.checkpoint_pause},
             SteadyNow());
  delays.Start(run.sources.size());
  ODDVERB_RETURN_IF_ERROR(StartReorder(run));
  source_watch.Start(run.sources);
  if (!restored.has_value()) return absl::OkStatus();
  records_judged_ = restored->records_judged;
  ODDVERB_RETURN_IF_ERROR(run.delivery.Load(restored->state));
  restored->state.clear();
  for (const NamedSource& named : run.sources) {
    auto bookmark = restored->bookmarks.find(named.name);
    if (bookmark == restored->bookmarks.end()) continue;
    ODDVERB_RETURN_IF_ERROR(named.source->Resume(bookmark->second));
  }
  // Committed, and perhaps not shown to everybody before the process ended.
  std::vector<Finding> outbox;
  for (OutboxEntry& entry : restored->outbox) {
    outbox.push_back(std::move(entry.finding));
  }
  if (!outbox.empty()) {
    ODDVERB_RETURN_IF_ERROR(run.delivery.Send(outbox));
    ODDVERB_RETURN_IF_ERROR(NoteDelivered(restored->outbox.back().number));
  }
  restored->outbox.clear();
  return absl::OkStatus();
}

absl::Status Stages::Read(RunContext& run, ReadBatch& out) {
  out.raw.Clear();
  out.last_spooled = 0;
  Source& source = *run.sources[out.source].source;
  // What can be read again is left for the next process; what cannot, such as
  // requests that wait for an answer, is taken to its end.
  out.exhausted = false;
  out.ended = run.stop.load(kRelaxed) && source.replayable();
  if (out.ended) return absl::OkStatus();
  absl::Status status =
      source.Read(SteadyNow() + options.read_patience, out.raw);
  out.ended = absl::IsOutOfRange(status);
  // A source that ends because the run does goes on in the next one.
  out.exhausted = out.ended && !run.stop.load(kRelaxed);
  if (!out.ended) ODDVERB_RETURN_IF_ERROR(status);
  out.read_at = SteadyNow();
  return MakeDurable(run, out);
}

absl::Status Stages::MakeDurable(RunContext& run, ReadBatch& batch) {
  const NamedSource& named = run.sources[batch.source];
  if (checkpoint == nullptr || named.source->replayable()) {
    return absl::OkStatus();
  }
  if (batch.raw.records.empty()) {
    AskForRoom(named);
    return absl::OkStatus();
  }
  std::vector<std::string_view> bodies;
  std::deque<std::string> stripped;
  for (const RecordSpan& span : batch.raw.records) {
    std::string_view body =
        batch.raw.bytes->view().substr(span.offset, span.length);
    if (options.secret_bodies == SecretBodies::kStrip) {
      body = stripped.emplace_back(WithoutSecretBodies(body));
    }
    bodies.push_back(body);
  }
  absl::StatusOr<uint64_t> first = checkpoint->Spool(named.name, bodies);
  storage.Note(StorageHealth::Part::kSpool, first.status());
  if (first.ok()) {
    batch.last_spooled = *first + bodies.size() - 1;
    for (const Position& position : batch.raw.positions) {
      ODDVERB_RETURN_IF_ERROR(named.source->Accepted(position));
    }
    return absl::OkStatus();
  }
  // The sender still has it, and brings it again.
  for (const Position& position : batch.raw.positions) {
    named.source->Refused(position);
  }
  counters.refused.fetch_add(bodies.size(), kRelaxed);
  if (named.counters != nullptr) {
    named.counters->refused.fetch_add(bodies.size(), kRelaxed);
  }
  batch.raw.Clear();
  return absl::OkStatus();
}

// While nothing is posted, as the senders are told to wait, nothing else would
// find out that there is room again.
void Stages::AskForRoom(const NamedSource& source) {
  if (!storage.ShouldAsk(StorageHealth::Part::kSpool)) return;
  storage.Note(StorageHealth::Part::kSpool,
               checkpoint->Spool(source.name, {}).status());
}

absl::Status Stages::ReadSpooled(RunContext& run, ReadBatch& out) {
  const NamedSource& named = run.sources[out.source];
  out.raw.Clear();
  if (checkpoint == nullptr || named.source->replayable()) {
    return absl::OkStatus();
  }
  out.read_at = SteadyNow();
  uint64_t after = out.last_spooled;
  ODDVERB_ASSIGN_OR_RETURN(
      std::vector<SpooledBody> bodies,
      checkpoint->ReadSpool(named.name, after, RawBatch::kTargetBytes));
  for (const SpooledBody& body : bodies) {
    out.raw.records.push_back({static_cast<uint32_t>(out.raw.bytes->size()),
                               static_cast<uint32_t>(body.bytes.size())});
    out.raw.positions.push_back({.source = static_cast<uint32_t>(out.source),
                                 .stream = 0,
                                 .offset = body.number,
                                 .line = 0});
    out.raw.bytes->Append(body.bytes);
    out.raw.bytes->Append("\n");
    out.last_spooled = body.number;
  }
  out.raw.source_bytes = out.raw.bytes->size();
  return absl::OkStatus();
}

std::unique_ptr<RoutedBatch> Stages::DecodeAndRoute(Decoder& decoder,
                                                    ReadBatch read) {
  counters.batches_read.fetch_add(1, kRelaxed);
  CompleteBatch complete = {
      .source = read.source,
      .records = read.raw.records.size(),
      .last_spooled = read.last_spooled,
      .bookmark = std::move(read.raw.bookmark),
      .last_positions = LastPositions(read.raw.positions)};
  uint64_t bytes = read.raw.bytes->size();
  std::unique_ptr<RoutedBatch> routed =
      Route(decoder.Decode(std::move(read.raw)), options.hash);
  if (options.duplicates == Duplicates::kPassedOver || reorder != nullptr) {
    AddEventKeys(options.hash, *routed);
  }
  routed->source = read.source;
  routed->source_ended = read.exhausted;
  routed->bytes_under_way = bytes;
  routed->complete.push_back(std::move(complete));
  routed->read_at = read.read_at;
  return routed;
}

void Stages::NoteDelay(const RoutedBatch& routed) {
  // A full batch is read behind the time, so it tells nothing.
  if (routed.bytes_under_way >= RawBatch::kTargetBytes) return;
  absl::Time newest = absl::InfinitePast();
  for (const AuditEvent& event : routed.batch->events) {
    newest = std::max(newest, event.stage_time);
  }
  if (newest == absl::InfinitePast()) return;
  delays.Note(routed.source, newest, absl::Now());
}

std::unique_ptr<RoutedBatch> Stages::Sequence(
    std::unique_ptr<RoutedBatch> routed) {
  if (!routed->batch->events.empty()) NoteDelay(*routed);
  // A correlator waits for what was passed over without an event, too.
  if (exporting != nullptr && !routed->complete.empty() &&
      !routed->complete.front().bookmark.empty()) {
    pace.NoteBytes(1);
  }
  if (reorder != nullptr) {
    routed = reorder->Pass(std::move(routed), SteadyNow());
    counters.repeated.fetch_add(reorder->repeated_events(), kRelaxed);
    counters.held_events.store(reorder->held_events(), kRelaxed);
    counters.held_bytes.store(reorder->held_bytes(), kRelaxed);
  }
  routed->clock = clock.Read(*routed->batch);
  // What was sorted is not out of order any more.
  if (reorder != nullptr) routed->clock.late_events = reorder->late_events();
  if (checkpoint == nullptr) return routed;
  // Events that were held are judged long after their bytes were read.
  pace.NoteBytes(routed->batch->raw.source_bytes +
                 routed->batch->rejected.size() +
                 (reorder != nullptr ? routed->batch->events.size() : 0));
  if (!routed->checkpoint_after) {
    routed->checkpoint_after = pace.Take(SteadyNow());
  }
  if (!routed->checkpoint_after) return routed;
  StateWriter clock_state;
  clock.Save(clock_state);
  routed->clock_state = clock_state.Release();
  if (reorder != nullptr) {
    StateWriter reorder_state;
    reorder->Save(reorder_state);
    routed->reorder_state = reorder_state.Release();
  }
  return routed;
}

SliceOutput Stages::Judge(int worker, const RoutedBatch& routed) {
  auto index = static_cast<size_t>(worker);
  absl::Duration before = ThreadCpu();
  SliceOutput out = groups[index].Process(routed);
  shares[index].detect_cpu += ThreadCpu() - before;
  shares[index].events_judged += out.events_judged;
  return out;
}

void Stages::CountBatch(const RunContext& run, const RoutedBatch& routed) {
  CountInput(*routed.batch, counters);
  counters.late.fetch_add(routed.clock.late_events, kRelaxed);
  counters.without_time.fetch_add(routed.clock.without_time, kRelaxed);
  // What was read, and came late, is of the batch's source.
  InputCounters* from = run.sources[routed.source].counters;
  if (from != nullptr) {
    CountRecords(*routed.batch, *from);
    from->late.fetch_add(routed.clock.late_events, kRelaxed);
    from->without_time.fetch_add(routed.clock.without_time, kRelaxed);
  }
  // In `order: event_time` what comes out of it may be of any.
  std::span<const AuditEvent> events = routed.batch->events;
  while (!events.empty()) {
    const uint32_t source = events.front().position.source;
    auto other = std::find_if(events.begin(), events.end(), [&](const auto& e) {
      return e.position.source != source;
    });
    auto same = static_cast<size_t>(other - events.begin());
    InputCounters* of_source = run.sources[source].counters;
    if (of_source != nullptr) CountEvents(events.first(same), *of_source);
    events = events.subspan(same);
  }
  for (const Rejected& rejected : routed.batch->rejected) {
    InputCounters* of_source = run.sources[rejected.position.source].counters;
    if (of_source != nullptr) CountRejected({&rejected, 1}, *of_source);
  }
}

void ClusterMapCounters::Set(const ClusterMapSizes& sizes) {
  nodes.store(sizes.nodes, kRelaxed);
  node_addresses.store(sizes.node_addresses, kRelaxed);
  pod_addresses.store(sizes.pod_addresses, kRelaxed);
  gateway_addresses.store(sizes.gateway_addresses, kRelaxed);
  direct_pods.store(sizes.direct_pods, kRelaxed);
  node_pods.store(sizes.node_pods, kRelaxed);
  gateway_pods.store(sizes.gateway_pods, kRelaxed);
  ready.store(sizes.IsReady() ? 1 : 0, kRelaxed);
}

void Stages::CountSlices(const std::vector<SliceOutput>& slices) {
  constexpr auto kAddress = static_cast<size_t>(EntityKind::kAddress);
  uint64_t entities[kAddress] = {};
  uint64_t resting[kAddress] = {};
  uint64_t packed_bytes[kAddress + 1] = {};
  for (size_t kind = 0; kind <= kAddress; ++kind) {
    packed_bytes[kind] =
        correlator->packed_bytes(static_cast<EntityKind>(kind));
  }
  uint64_t evictions = correlator->evictions();
  uint64_t tombstones = 0;
  for (const SliceOutput& slice : slices) {
    counters.duplicates.fetch_add(slice.duplicates, kRelaxed);
    for (size_t kind = 0; kind < kAddress; ++kind) {
      entities[kind] += slice.entities[kind];
      resting[kind] += slice.resting[kind];
      packed_bytes[kind] += slice.packed_bytes[kind];
    }
    evictions += slice.evictions;
    tombstones += slice.tombstones;
    const DetectorCounts& counts = slice.detector_counts;
    counters.decodings_cut_short.fetch_add(counts.decodings_cut_short,
                                           kRelaxed);
    for (auto [entry, count] : counts.allowed_refusals) {
      if (entry >= PipelineCounters::kMaxAllowEntries) continue;
      if (entry >= counters.allow_entries) counters.allow_entries = entry + 1;
      counters.allowed_refusals[entry].fetch_add(count, kRelaxed);
    }
  }
  for (size_t kind = 0; kind < kAddress; ++kind) {
    counters.entities[kind].store(entities[kind], kRelaxed);
    counters.resting[kind].store(resting[kind], kRelaxed);
  }
  counters.entities[kAddress].store(correlator->addresses(), kRelaxed);
  counters.resting[kAddress].store(correlator->resting(EntityKind::kAddress),
                                   kRelaxed);
  for (size_t kind = 0; kind <= kAddress; ++kind) {
    counters.packed_bytes[kind].store(packed_bytes[kind], kRelaxed);
  }
  counters.cluster_map.Set(correlator->cluster_map());
  counters.evictions.store(evictions, kRelaxed);
  counters.tombstones.store(tombstones, kRelaxed);
  if (exporting == nullptr) {
    counters.observations.store(correlator->observations(), kRelaxed);
  }
  counters.batches_concluded.fetch_add(1, kRelaxed);
}

void Stages::TellJudged(const RoutedBatch& routed) const {
  if (!options.on_judged || routed.batch->events.empty()) return;
  options.on_judged({.events = routed.batch->events,
                     .since_read = SteadyNow() - routed.read_at});
}

void Stages::NoteJudged(const RunContext& run, const RoutedBatch& routed) {
  for (const CompleteBatch& complete : routed.complete) {
    records_judged_ += complete.records;
    for (const Position& position : complete.last_positions) {
      judged_[{complete.source, position.stream}] = position;
    }
    if (checkpoint == nullptr) continue;
    const std::string& name = run.sources[complete.source].name;
    if (!complete.bookmark.empty()) {
      uncommitted_.bookmarks[name] = complete.bookmark;
    }
    if (complete.last_spooled > 0) {
      uncommitted_.spool_judged[name] = complete.last_spooled;
    }
  }
  for (const Rejected& rejected : routed.batch->rejected) {
    run.on_rejected(rejected.position.source, rejected);
    if (checkpoint == nullptr) continue;
    const NamedSource& named = run.sources[rejected.position.source];
    uncommitted_.dead_letters.push_back(
        {.source = named.name,
         .place = named.source->Describe(rejected.position),
         .reason = RejectReasonName(rejected.reason),
         .detail = rejected.detail,
         .sample = options.secret_bodies == SecretBodies::kStrip
                       ? std::string()
                       : rejected.sample,
         .record_bytes = rejected.record_bytes});
  }
}

std::vector<Finding> Stages::Correlate(const RoutedBatch& routed,
                                       std::vector<SliceOutput>& slices,
                                       std::vector<StateRow>& state) {
  const std::vector<PlacedObservation> stream = source_watch.Read(routed);
  if (exporting == nullptr) {
    return correlator->Process(routed, slices, stream, state);
  }
  std::vector<Finding> findings = exporting->Process(routed, slices, stream);
  counters.observations.store(exporting->steps(), kRelaxed);
  if (!routed.checkpoint_after) return findings;
  const auto& bookmarks = uncommitted_.bookmarks;  // of the one source
  uncommitted_.observations = exporting->TakeRecords(
      bookmarks.empty() ? std::string() : bookmarks.begin()->second);
  state.push_back(exporting->Save());
  return findings;
}

absl::Status Stages::Conclude(RunContext& run, const RoutedBatch& routed,
                              std::vector<SliceOutput> slices) {
  CountBatch(run, routed);
  NoteJudged(run, routed);
  std::vector<StateRow> state;
  std::vector<Finding> findings = Correlate(routed, slices, state);
  CountSlices(slices);
  TellJudged(routed);
  if (checkpoint == nullptr) {
    ODDVERB_RETURN_IF_ERROR(run.delivery.Deliver(std::move(findings)));
    return Acknowledge(run);
  }
  findings = run.delivery.Choose(std::move(findings), routed.EndTime());
  if (!findings.empty()) pace.NoteFinding();
  std::move(findings.begin(), findings.end(),
            std::back_inserter(uncommitted_.findings));
  if (!routed.checkpoint_after) return absl::OkStatus();
  for (SliceOutput& slice : slices) {
    std::move(slice.state.begin(), slice.state.end(),
              std::back_inserter(state));
  }
  state.push_back({kClockOwner, StateRow::kShared, 0, routed.clock_state});
  if (reorder != nullptr) {
    state.push_back(
        {kReorderOwner, StateRow::kShared, 0, routed.reorder_state});
  }
  state.push_back(source_watch.Save());
  run.delivery.TakeChanges(state);
  return Commit(run, std::move(state));
}

absl::Status Stages::Commit(RunContext& run, std::vector<StateRow> state) {
  CheckpointBatch batch = std::exchange(uncommitted_, {});
  batch.records_judged = records_judged_;
  batch.state = std::move(state);
  ODDVERB_ASSIGN_OR_RETURN(uint64_t first, Store(run, batch));
  if (!batch.findings.empty()) {
    // Only now may anybody see them.
    uint64_t last = first + batch.findings.size() - 1;
    ODDVERB_RETURN_IF_ERROR(run.delivery.Send(batch.findings));
    ODDVERB_RETURN_IF_ERROR(NoteDelivered(last));
  }
  return Acknowledge(run);
}

// Waits where there is no room: as long as this stage does not go on, sources
// are read only until the batches under way are used up.
absl::StatusOr<uint64_t> Stages::Store(const RunContext& run,
                                       const CheckpointBatch& batch) {
  uint64_t first = 0;
  auto write = [&]() -> absl::Status {
    // It may be this that makes room.
    if (delivered_ > 0) ODDVERB_RETURN_IF_ERROR(NoteDelivered(delivered_));
    absl::Time begin = SteadyNow();
    ODDVERB_ASSIGN_OR_RETURN(first, checkpoint->Commit(batch));
    absl::Time end = SteadyNow();
    counters.checkpoints.fetch_add(1, kRelaxed);
    counters.checkpoint_us.fetch_add(
        static_cast<uint64_t>(absl::ToInt64Microseconds(end - begin)),
        kRelaxed);
    counters.last_checkpoint_us.store(absl::ToUnixMicros(end), kRelaxed);
    return absl::OkStatus();
  };
  ODDVERB_RETURN_IF_ERROR(storage.Commit(write, run.stop));
  return first;
}

// Without room it is noted later; a restart before that shows those findings
// again, with the same ids.
absl::Status Stages::NoteDelivered(uint64_t number) {
  absl::Status status = checkpoint->Delivered(number);
  delivered_ = MeansTryAgain(status) ? number : 0;
  return delivered_ > 0 ? absl::OkStatus() : status;
}

absl::Status Stages::Acknowledge(RunContext& run) {
  for (const auto& [stream, position] : judged_) {
    Source& source = *run.sources[stream.first].source;
    bool accepted_before = checkpoint != nullptr && !source.replayable();
    if (!accepted_before) ODDVERB_RETURN_IF_ERROR(source.Accepted(position));
    ODDVERB_RETURN_IF_ERROR(source.Commit(position));
  }
  judged_.clear();
  return absl::OkStatus();
}

std::unique_ptr<RoutedBatch> Stages::EndBatch(const RunContext& run) const {
  auto end = std::make_unique<RoutedBatch>();
  end->batch = std::make_unique<EventBatch>();
  // A stopped service goes on later: its windows stay open.
  bool resumes = checkpoint != nullptr && run.stop.load(kRelaxed);
  end->is_end = !resumes;
  end->checkpoint_after = checkpoint != nullptr;
  return end;
}

}  // namespace oddverb
