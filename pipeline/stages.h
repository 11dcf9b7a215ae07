// The stages of the pipeline with all their state, and the steps that both run
// modes are made of. Which thread may take a step is said at each.
#ifndef ODDVERB_PIPELINE_STAGES_H_
#define ODDVERB_PIPELINE_STAGES_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "pipeline/checkpoint_pace.h"
#include "pipeline/correlator.h"
#include "pipeline/event_clock.h"
#include "pipeline/event_reorder.h"
#include "pipeline/observation_export.h"
#include "pipeline/pipeline.h"
#include "pipeline/shard.h"
#include "pipeline/source_delays.h"
#include "pipeline/source_watch.h"
#include "pipeline/storage_health.h"

namespace oddverb {

// Owner of the event clock's row in a checkpoint.
inline constexpr char kClockOwner[] = "clock";

// The same of the reorder stage.
inline constexpr char kReorderOwner[] = "reorder";

// What one Run works on.
struct RunContext {
  const std::vector<NamedSource>& sources;
  Delivery& delivery;
  const std::function<void(size_t, const Rejected&)>& on_rejected;
  const std::atomic<bool>& stop;
};

// Records of one source on their way to the decoder.
struct ReadBatch {
  size_t source = 0;
  RawBatch raw;
  uint64_t last_spooled = 0;
  bool ended = false;      // nothing more is read in this run
  bool exhausted = false;  // there is nothing more
  absl::Time read_at = absl::InfinitePast();
};

struct Stages {
  PipelineOptions options;
  std::unique_ptr<EventReorder> reorder;  // null: as they arrive
  EventClock clock{absl::Seconds(10)};
  std::vector<ShardGroup> groups;  // one a worker
  std::unique_ptr<Correlator> correlator;
  std::unique_ptr<ObservationExport> exporting;  // in its place; null: none
  SourceWatch source_watch;
  Checkpoint* checkpoint = nullptr;
  PipelineCounters counters;
  SourceDelays delays;
  std::vector<WorkerShare> shares;
  std::optional<Restored> restored;
  CheckpointPace pace;    // thread-safe
  StorageHealth storage;  // thread-safe

  // A batch's memory is used again for a later one. Not under ASan: there, a
  // view that was kept must point into freed memory, so that it is caught.
#if defined(__SANITIZE_ADDRESS__)
  static constexpr bool kRecycle = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  static constexpr bool kRecycle = false;
#else
  static constexpr bool kRecycle = true;
#endif
#else
  static constexpr bool kRecycle = true;
#endif

  // Before anything is read.
  absl::Status ResumeSources(RunContext& run);

  // Reads one batch of source `out.source` into `out`, whose memory is reused.
  // What cannot be read again is durable when this returns. The thread that
  // reads that source.
  absl::Status Read(RunContext& run, ReadBatch& out);
  // Whether a batch that was read has to pass the stages: an empty one still
  // carries a checkpoint that is due, and moves the clock of the reorder stage.
  bool HasWork(const ReadBatch& read) const {
    return !read.raw.empty() || checkpoint != nullptr || reorder != nullptr;
  }
  // Bodies that an earlier process spooled and did not judge, from `after` on;
  // empty when there are none left. Same thread.
  absl::Status ReadSpooled(RunContext& run, ReadBatch& out);
  // Any thread, with a decoder of its own.
  std::unique_ptr<RoutedBatch> DecodeAndRoute(Decoder& decoder, ReadBatch read);
  // In the order of the input, one thread at a time. What it returns carries
  // the events to be judged now.
  std::unique_ptr<RoutedBatch> Sequence(std::unique_ptr<RoutedBatch> routed);
  // The thread that runs worker `worker` now.
  SliceOutput Judge(int worker, const RoutedBatch& routed);
  // In the order of the input, one thread at a time: correlate, checkpoint,
  // deliver, acknowledge.
  absl::Status Conclude(RunContext& run, const RoutedBatch& routed,
                        std::vector<SliceOutput> slices);
  // The batch that ends all inputs.
  std::unique_ptr<RoutedBatch> EndBatch(const RunContext& run) const;

 private:
  absl::Status StartReorder(const RunContext& run);
  void NoteDelay(const RoutedBatch& routed);
  void CountBatch(const RunContext& run, const RoutedBatch& routed);
  void TellJudged(const RoutedBatch& routed) const;
  std::vector<Finding> Correlate(const RoutedBatch& routed,
                                 std::vector<SliceOutput>& slices,
                                 std::vector<StateRow>& state);
  void CountSlices(const std::vector<SliceOutput>& slices);
  void NoteJudged(const RunContext& run, const RoutedBatch& routed);
  absl::Status MakeDurable(RunContext& run, ReadBatch& batch);
  void AskForRoom(const NamedSource& source);
  absl::Status Acknowledge(RunContext& run);
  absl::Status Commit(RunContext& run, std::vector<StateRow> state);
  absl::StatusOr<uint64_t> Store(const RunContext& run,
                                 const CheckpointBatch& batch);
  absl::Status NoteDelivered(uint64_t number);

  uint64_t records_judged_ = 0;
  // The last judged record of each (source, stream) since the last
  // acknowledgement.
  std::map<std::pair<size_t, uint32_t>, Position> judged_;
  // Since the last commit; empty without a checkpoint.
  CheckpointBatch uncommitted_;
  // Delivered and, as there was no room, not noted by the checkpoint; 0 = none.
  uint64_t delivered_ = 0;
};

absl::Status RunSingle(Stages& stages, RunContext run);
absl::Status RunSharded(Stages& stages, RunContext run);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_STAGES_H_
