// What shards and the stream itself said in a batch, in the order of the
// events: the one order in which it is correlated, in this process or in
// another one.
#ifndef ODDVERB_PIPELINE_ORDERED_OUTPUT_H_
#define ODDVERB_PIPELINE_ORDERED_OUTPUT_H_

#include <vector>

#include "absl/time/time.h"
#include "model/finding.h"
#include "model/observation.h"
#include "pipeline/routed_batch.h"
#include "pipeline/shard.h"
#include "pipeline/source_watch.h"

namespace oddverb {

// Who takes it. One thread.
class OrderedOutput {
 public:
  virtual ~OrderedOutput() = default;

  // Event time of all that follows; never runs back.
  virtual void MoveTo(absl::Time stream_time) = 0;
  // The watermark, a whole second; InfiniteFuture() ends the input.
  virtual void TakeTick(absl::Time watermark) = 0;
  // What a shard's detectors reported at one event or tick.
  virtual void TakeFindings(std::vector<Finding> findings) = 0;
  virtual void TakeObservation(const Observation& observation) = 0;
  // Of each observation of a shard, in their order, while the one that stands
  // kFarAhead - 1 before it is taken.
  static constexpr size_t kFarAhead = 6;
  virtual void ExpectObservation(const Observation&) {}
};

// Hands over what all workers said about `routed`, in any order of workers, and
// what was seen of the stream, in order. `stream_time`: before the batch.
void WalkInOrder(const RoutedBatch& routed, std::vector<SliceOutput>& slices,
                 const std::vector<PlacedObservation>& stream,
                 absl::Time stream_time, OrderedOutput& out);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_ORDERED_OUTPUT_H_
