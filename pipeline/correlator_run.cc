#include "pipeline/correlator_run.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "pipeline/part_state.h"

namespace oddverb {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr char kOwner[] = "merge";
// How long a read waits for more before what is there is correlated.
constexpr absl::Duration kPatience = absl::Milliseconds(50);

// Returns how many steps are missing before it.
absl::StatusOr<uint64_t> AddTo(ObservationMerge& merge,
                               const ObservationMessage& message) {
  ODDVERB_ASSIGN_OR_RETURN(ObservationRecord record,
                           ParseObservationRecord(message.bytes));
  return merge.Add(std::move(record), message.offset, message.bytes.size(),
                   SteadyNow());
}

}  // namespace

CorrelatorRun::CorrelatorRun(const Options& options, Checkpoint& checkpoint,
                             CrossDetectorList parts)
    : options_(options),
      checkpoint_(checkpoint),
      correlator_(std::move(parts), options.hash, options.entities,
                  TrackChanges::kOn),
      merge_(options.merge, SteadyNow()) {
  correlator_.MeasureInto(counters_.detector_times);
}

absl::StatusOr<std::unique_ptr<CorrelatorRun>> CorrelatorRun::Make(
    const Options& options, const PartFactory& parts, Checkpoint& checkpoint) {
  ODDVERB_ASSIGN_OR_RETURN(CrossDetectorList cross,
                           parts.make_cross_detectors());
  std::unique_ptr<CorrelatorRun> made(
      new CorrelatorRun(options, checkpoint, std::move(cross)));
  ODDVERB_RETURN_IF_ERROR(made->Restore());
  return made;
}

absl::Status CorrelatorRun::Restore() {
  ODDVERB_ASSIGN_OR_RETURN(restored_, checkpoint_.Restore());
  if (!restored_.has_value()) return absl::OkStatus();
  std::span<const StateRow> own = RowsOf(kOwner, restored_->state);
  if (own.size() != 1) {
    return absl::DataLossError("checkpoint lacks the state of the merge");
  }
  StateReader reader(own[0].bytes);
  watermark_ = reader.GetTime();
  stream_time_ = reader.GetTime();
  ODDVERB_RETURN_IF_ERROR(merge_.Load(reader));
  return correlator_.Load(restored_->state, stream_time_);
}

absl::Status CorrelatorRun::Resume(ObservationFeed& feed, Delivery& delivery) {
  pace_.Start(options_.checkpoint, SteadyNow());
  if (!restored_.has_value()) return absl::OkStatus();
  ODDVERB_RETURN_IF_ERROR(delivery.Load(restored_->state));
  auto bookmark = restored_->bookmarks.find(feed.name());
  if (bookmark != restored_->bookmarks.end()) {
    ODDVERB_RETURN_IF_ERROR(feed.Resume(bookmark->second));
  }
  // Committed, and perhaps not shown to everybody before the process ended.
  std::vector<Finding> outbox;
  for (OutboxEntry& entry : restored_->outbox) {
    outbox.push_back(std::move(entry.finding));
  }
  if (!outbox.empty()) {
    const uint64_t last = restored_->outbox.back().number;
    ODDVERB_RETURN_IF_ERROR(delivery.Send(outbox));
    ODDVERB_RETURN_IF_ERROR(checkpoint_.Delivered(last));
  }
  restored_.reset();
  return absl::OkStatus();
}

void CorrelatorRun::MoveTo(absl::Time time) {
  if (time <= stream_time_) return;
  stream_time_ = time;
  Correlator::Steps steps(
      correlator_, Correlator::Steps::ShardFindings::kAreElsewhere, found_);
  steps.MoveTo(time);
  // As the EventClock does it; rounds down, also before 1970.
  const absl::Time reached = absl::FromUnixSeconds(
      absl::ToUnixSeconds(time - options_.merge.allowed_lateness));
  if (time == absl::InfiniteFuture() || reached <= watermark_) return;
  watermark_ = reached;
  steps.TakeTick(reached);
}

void CorrelatorRun::NoteMissing(uint64_t missing, int64_t offset,
                                const ObservationFeed& feed) {
  Observation observation;
  observation.kind = ObservationKind::kRecordsRejected;
  observation.time = stream_time_;
  StreamBreak& seen = observation.stream.emplace();
  seen.source = feed.name();
  seen.place = feed.Describe(offset);
  seen.before = stream_time_;
  seen.reason = RejectReason::kExpired;
  seen.records = missing;
  seen.offset = static_cast<uint64_t>(offset);
  seen.detail = absl::StrCat(feed.Describe(offset), ": ", missing,
                             " observations before it are gone");
  Correlator::Steps(correlator_,
                    Correlator::Steps::ShardFindings::kAreElsewhere, found_)
      .TakeObservation(observation);
}

void CorrelatorRun::Take(const ObservationMessage& message,
                         ObservationFeed& feed) {
  absl::StatusOr<uint64_t> missing = AddTo(merge_, message);
  if (missing.ok()) {
    if (*missing > 0) NoteMissing(*missing, message.offset, feed);
    return;
  }
  // Whoever may write to the topic can do this. What it should have been is
  // noticed by the numbers of what follows.
  merge_.Skip(message.offset);
  damaged_.fetch_add(1, kRelaxed);
  uncommitted_.dead_letters.push_back(
      {.source = feed.name(),
       .place = feed.Describe(message.offset),
       .reason = RejectReasonName(RejectReason::kNotAuditEvent),
       .detail = std::string(missing.status().message()),
       .sample = {},
       .record_bytes = message.bytes.size()});
}

void CorrelatorRun::Correlate(ObservationFeed& feed) {
  const absl::Time now = SteadyNow();
  for (uint32_t i = 0; i < options_.merge.partitions; ++i) {
    merge_.SetIdle(i, feed.IsAtEnd(i, merge_.bookmark(i)), now);
  }
  for (ObservationStep& step : merge_.Take(feed.as_of(), now)) {
    MoveTo(step.time);
    Correlator::Steps steps(
        correlator_, Correlator::Steps::ShardFindings::kAreElsewhere, found_);
    if (auto* finding = std::get_if<Finding>(&step.said)) {
      std::vector<Finding> one;
      one.push_back(std::move(*finding));
      steps.TakeFindings(std::move(one));
    } else {
      steps.TakeObservation(std::get<Observation>(step.said));
    }
  }
  MoveTo(merge_.time());
}

void CorrelatorRun::Publish() {
  counters_.observations.store(correlator_.observations(), kRelaxed);
  counters_.entities[static_cast<size_t>(EntityKind::kAddress)].store(
      correlator_.addresses(), kRelaxed);
  counters_.evictions.store(correlator_.evictions(), kRelaxed);
  counters_.cluster_map.Set(correlator_.cluster_map());
  counters_.held_bytes.store(merge_.held_bytes(), kRelaxed);
  counters_.batches_concluded.fetch_add(1, kRelaxed);
  late_steps_.store(merge_.late_steps(), kRelaxed);
}

absl::Status CorrelatorRun::Run(ObservationFeed& feed, Delivery& delivery,
                                const std::atomic<bool>& stop) {
  ODDVERB_RETURN_IF_ERROR(Resume(feed, delivery));
  std::vector<ObservationMessage> messages;
  while (true) {
    const bool is_last = stop.load(kRelaxed);
    messages.clear();
    if (!is_last) {
      ODDVERB_RETURN_IF_ERROR(feed.Read(
          SteadyNow() + kPatience,
          [this](int64_t offset) { merge_.NoteGap(offset); }, messages));
    }
    counters_.batches_read.fetch_add(1, kRelaxed);
    for (const ObservationMessage& message : messages) {
      pace_.NoteBytes(message.bytes.size());
      Take(message, feed);
    }
    if (!is_last) Correlate(feed);
    std::vector<Finding> chosen =
        delivery.Choose(std::exchange(found_, {}), stream_time_);
    if (!chosen.empty()) pace_.NoteFinding();
    std::move(chosen.begin(), chosen.end(),
              std::back_inserter(uncommitted_.findings));
    if (is_last || pace_.Take(SteadyNow())) {
      ODDVERB_RETURN_IF_ERROR(Commit(feed, delivery, stop));
    }
    Publish();
    if (is_last) return absl::OkStatus();
  }
}

absl::Status CorrelatorRun::Commit(ObservationFeed& feed, Delivery& delivery,
                                   const std::atomic<bool>& stop) {
  CheckpointBatch batch = std::exchange(uncommitted_, {});
  correlator_.TakeChanges(batch.state);
  StateWriter own;
  own.PutTime(watermark_);
  own.PutTime(stream_time_);
  merge_.Save(own);
  batch.state.push_back({kOwner, StateRow::kShared, 0, own.Release()});
  delivery.TakeChanges(batch.state);
  if (std::optional<int64_t> next = merge_.resume_at(); next.has_value()) {
    batch.bookmarks[feed.name()] = feed.BookmarkOf(*next);
  }
  uint64_t first = 0;
  auto write = [&]() -> absl::Status {
    const absl::Time begin = SteadyNow();
    ODDVERB_ASSIGN_OR_RETURN(first, checkpoint_.Commit(batch));
    const absl::Time end = SteadyNow();
    counters_.checkpoints.fetch_add(1, kRelaxed);
    counters_.checkpoint_us.fetch_add(
        static_cast<uint64_t>(absl::ToInt64Microseconds(end - begin)),
        kRelaxed);
    counters_.last_checkpoint_us.store(absl::ToUnixMicros(end), kRelaxed);
    return absl::OkStatus();
  };
  ODDVERB_RETURN_IF_ERROR(storage_.Commit(write, stop));
  if (batch.findings.empty()) return absl::OkStatus();
  // Only now may anybody see them.
  ODDVERB_RETURN_IF_ERROR(delivery.Send(batch.findings));
  return checkpoint_.Delivered(first + batch.findings.size() - 1);
}

}  // namespace oddverb
