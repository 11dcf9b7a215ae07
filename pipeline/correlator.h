// The one ordered stage behind the shards. It owns all state that concerns
// more than one actor: its detectors observe Observations, and it puts the
// output of the shards back into the order of the events.
//
// One thread at a time; batches come in their order.
#ifndef ODDVERB_PIPELINE_CORRELATOR_H_
#define ODDVERB_PIPELINE_CORRELATOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/keyed_hash.h"
#include "model/finding.h"
#include "pipeline/checkpoint.h"
#include "pipeline/entity_limits.h"
#include "pipeline/ordered_output.h"
#include "pipeline/part_list.h"
#include "pipeline/part_state.h"
#include "pipeline/routed_batch.h"
#include "pipeline/shard.h"
#include "pipeline/source_watch.h"

namespace oddverb {

class Correlator {
 public:
  Correlator(CrossDetectorList detectors, const KeyedHash& hash,
             const LimitsByKind& limits, TrackChanges track);

  void MeasureInto(DetectorTimes& times) { state_.MeasureInto(times); }

  // Takes what all workers said about `routed`, in any order of workers, and
  // what was seen of the stream itself, in order; returns the findings in the
  // order of the events. Adds its state row when the batch ends with a
  // checkpoint.
  std::vector<Finding> Process(const RoutedBatch& routed,
                               std::vector<SliceOutput>& slices,
                               const std::vector<PlacedObservation>& stream,
                               std::vector<StateRow>& state);
  // The same in single steps, of what was put in order already: findings of
  // shards (which are not returned), observations and ticks, behind MoveTo().
  class Steps;

  // Appends what changed since the last call.
  void TakeChanges(std::vector<StateRow>& out);
  // From all rows of a checkpoint; `stream_time` is where the stream stood.
  absl::Status Load(const std::vector<StateRow>& rows, absl::Time stream_time);

  uint64_t observations() const { return observations_; }
  uint64_t evictions() const { return state_.evictions(); }
  // Of the part that has a map.
  ClusterMapSizes cluster_map() const;
  uint64_t addresses() const {
    return state_.table(EntityKind::kAddress).size();
  }
  uint64_t resting(EntityKind kind) const { return state_.resting(kind); }
  uint64_t packed_bytes(EntityKind kind) const {
    return state_.packed_bytes(kind);
  }

 private:
  // What is expected; 0 = no address.
  struct Coming {
    uint64_t credential = 0, source_address = 0, other_address = 0;
    ObservationIds ids;
  };

  // Asks the cache for the observation's entities, and takes those that were
  // expected before one step further.
  void Expect(const Observation& observation);
  uint64_t AddressKey(const std::string& ip) const {
    return ip.empty() ? 0 : hash_.Hash(ip);
  }
  void Tick(absl::Time watermark, std::vector<Finding>& out);
  void Observe(const Observation& observation, std::vector<Finding>& out);
  void Collect(std::vector<Finding>& out);
  void Tell(const Finding& finding, std::vector<Finding>& out);
  void TellOf(size_t first, std::vector<Finding>& out);
  EntityId AddressId(const std::string& ip,
                     Standing standing = Standing::kRegular);
  // Accounts are known from when a kubelet or the control plane mints a token
  // of them; until then they have no id.
  EntityId AccountId(const Observation& observation);
  void MoveTo(absl::Time stream_time) {
    stream_time_ = emit_.stream_time = stream_time;
  }

  PartState<CrossDetector> state_;
  KeyedHash hash_;
  absl::Time stream_time_ = absl::InfinitePast();
  uint64_t observations_ = 0;
  // A ring of those expected.
  std::array<Coming, OrderedOutput::kFarAhead> coming_;
  size_t expected_ = OrderedOutput::kFarAhead;
  Emit emit_;
};

// `out` takes the findings. Both must outlive it.
class Correlator::Steps final : public OrderedOutput {
 public:
  enum class ShardFindings : uint8_t { kReturned, kAreElsewhere };
  Steps(Correlator& correlator, ShardFindings of_shards,
        std::vector<Finding>& out)
      : correlator_(correlator), of_shards_(of_shards), out_(out) {}

  void MoveTo(absl::Time stream_time) override {
    correlator_.MoveTo(stream_time);
  }
  void TakeTick(absl::Time watermark) override {
    correlator_.Tick(watermark, out_);
  }
  void TakeFindings(std::vector<Finding> findings) override;
  void TakeObservation(const Observation& observation) override {
    correlator_.Observe(observation, out_);
  }
  void ExpectObservation(const Observation& observation) override {
    correlator_.Expect(observation);
  }

 private:
  Correlator& correlator_;
  const ShardFindings of_shards_;
  std::vector<Finding>& out_;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_CORRELATOR_H_
