// The second stage of a service that judges a topic in several processes: takes
// what the judges of its partitions say, puts it into one order, and runs the
// detectors over all actors. Its checkpoint is of the same kind as theirs:
// position, state and findings in one transaction.
#ifndef ODDVERB_PIPELINE_CORRELATOR_RUN_H_
#define ODDVERB_PIPELINE_CORRELATOR_RUN_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/keyed_hash.h"
#include "pipeline/checkpoint.h"
#include "pipeline/checkpoint_pace.h"
#include "pipeline/correlator.h"
#include "pipeline/delivery.h"
#include "pipeline/entity_limits.h"
#include "pipeline/observation_feed.h"
#include "pipeline/observation_merge.h"
#include "pipeline/pipeline.h"
#include "pipeline/storage_health.h"

namespace oddverb {

class CorrelatorRun {
 public:
  struct Options {
    ObservationMerge::Options merge;
    KeyedHash hash;
    LimitsByKind entities = SameForEachKind({.max_entities = 1'000'000});
    CheckpointPace::Options checkpoint;
  };

  // `checkpoint` must outlive the result; what it holds is restored now.
  // Returns the error of a part that cannot be built or restored.
  static absl::StatusOr<std::unique_ptr<CorrelatorRun>> Make(
      const Options& options, const PartFactory& parts, Checkpoint& checkpoint);

  // Until `stop` is set (what was taken is committed first) or a part fails. To
  // be called once.
  absl::Status Run(ObservationFeed& feed, Delivery& delivery,
                   const std::atomic<bool>& stop);

  // Callable from any thread. Of the counters those that a correlator has.
  const PipelineCounters& counters() const { return counters_; }
  absl::Status storage() const { return storage_.status(); }
  uint64_t storage_failures() const { return storage_.failures(); }
  uint64_t damaged_messages() const { return damaged_; }
  uint64_t late_steps() const { return late_steps_; }

 private:
  CorrelatorRun(const Options& options, Checkpoint& checkpoint,
                CrossDetectorList parts);
  absl::Status Restore();
  absl::Status Resume(ObservationFeed& feed, Delivery& delivery);
  void Take(const ObservationMessage& message, ObservationFeed& feed);
  void NoteMissing(uint64_t steps, int64_t offset, const ObservationFeed& feed);
  void Correlate(ObservationFeed& feed);
  void MoveTo(absl::Time time);
  void Publish();
  absl::Status Commit(ObservationFeed& feed, Delivery& delivery,
                      const std::atomic<bool>& stop);

  const Options options_;
  Checkpoint& checkpoint_;
  PipelineCounters counters_;
  Correlator correlator_;
  ObservationMerge merge_;
  CheckpointPace pace_;
  StorageHealth storage_;
  std::atomic<uint64_t> damaged_{0}, late_steps_{0};
  std::optional<Restored> restored_;
  absl::Time watermark_ = absl::InfinitePast();  // a whole second
  absl::Time stream_time_ = absl::InfinitePast();
  std::vector<Finding> found_;   // not chosen yet
  CheckpointBatch uncommitted_;  // since the last commit
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_CORRELATOR_RUN_H_
