// The stages of the pipeline with all their state, and the steps that both run
// modes are made of. Which thread may take a step is said at each.
#ifndef ODDVERB_PIPELINE_STAGES_H_
#define ODDVERB_PIPELINE_STAGES_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "pipeline/correlator.h"
#include "pipeline/event_clock.h"
#include "pipeline/pipeline.h"
#include "pipeline/shard.h"

namespace oddverb {

// What one Run works on.
struct RunContext {
  Source& source;
  Delivery& delivery;
  const std::function<void(const Rejected&)>& on_rejected;
  const std::atomic<bool>& stop;
};

struct Stages {
  PipelineOptions options;
  EventClock clock{absl::Seconds(10)};
  std::vector<ShardGroup> groups;  // one a worker
  std::unique_ptr<Correlator> correlator;
  Checkpoint* checkpoint = nullptr;
  PipelineCounters counters;
  std::vector<WorkerShare> shares;
  uint64_t restored_records = 0;

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

  // Reads one batch into `out`, whose memory is reused; `ended` is set at the
  // end of the input. Reading thread.
  absl::Status ReadBatch(RunContext& run, RawBatch& out, bool& ended);
  // Any thread, with a decoder of its own.
  std::unique_ptr<RoutedBatch> DecodeAndRoute(Decoder& decoder, RawBatch raw);
  // In the order of the input, one thread at a time.
  void Sequence(RoutedBatch& routed);
  // The thread that runs worker `worker` now.
  SliceOutput Judge(int worker, const RoutedBatch& routed);
  // In the order of the input, one thread at a time: correlate, checkpoint,
  // deliver, acknowledge.
  absl::Status Conclude(RunContext& run, const RoutedBatch& routed,
                        std::vector<SliceOutput> slices);
  // The batch that ends a finite input.
  std::unique_ptr<RoutedBatch> EndBatch() const;
  // After the last Conclude.
  void CountEntities();

 private:
  void CountBatch(const EventBatch& batch);
  absl::Status Acknowledge(Source& source);
  absl::Status Commit(RunContext& run, std::vector<StateRow> state);

  uint64_t batches_sequenced_ = 0;
  uint64_t records_judged_ = 0;
  // The last judged record of each (source, stream).
  std::map<std::pair<uint32_t, uint32_t>, Position> judged_;
  std::vector<Finding> uncommitted_;
};

absl::Status RunSingle(Stages& stages, RunContext run);
absl::Status RunSharded(Stages& stages, RunContext run);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_STAGES_H_
