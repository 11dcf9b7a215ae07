// Stands where the Correlator does, in a judge of one partition: what that one
// would be told goes, in the same order, to a correlator elsewhere. Its state
// is the number of the next step, so that none is missing and none comes twice.
//
// One thread at a time; batches come in their order.
#ifndef ODDVERB_PIPELINE_OBSERVATION_EXPORT_H_
#define ODDVERB_PIPELINE_OBSERVATION_EXPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/finding.h"
#include "pipeline/checkpoint.h"
#include "pipeline/observation_record.h"
#include "pipeline/ordered_output.h"

namespace oddverb {

class ObservationExport final : private OrderedOutput {
 public:
  explicit ObservationExport(uint32_t partition) : partition_(partition) {}

  // Takes the output of a batch, as Correlator::Process(); returns the findings
  // of the shards.
  std::vector<Finding> Process(const RoutedBatch& routed,
                               std::vector<SliceOutput>& slices,
                               const std::vector<PlacedObservation>& stream);

  // Messages for what came since the last call; none if there is nothing new.
  // `bookmark`: of the source, if it has changed, else empty. They belong into
  // the transaction with the row of Save().
  std::vector<std::string> TakeRecords(const std::string& bookmark);
  StateRow Save() const;
  // From all rows of a checkpoint, into a new one. DataLoss: damaged.
  absl::Status Load(const std::vector<StateRow>& rows);

  // Since it was made.
  uint64_t steps() const { return steps_; }

 private:
  void MoveTo(absl::Time stream_time) override { now_ = stream_time; }
  // The correlator has ticks of its own.
  void TakeTick(absl::Time) override {}
  void TakeFindings(std::vector<Finding> findings) override;
  void TakeObservation(const Observation& observation) override;
  void Add(const ObservationStep& step);
  void CloseRecord(const std::optional<ObservationMark>& mark);

  const uint32_t partition_;
  absl::Time now_ = absl::InfinitePast();
  absl::Time since_ = absl::InfinitePast();
  uint64_t events_ = 0;
  uint64_t next_step_ = 0;
  uint64_t steps_ = 0;
  std::vector<Finding> findings_;  // of this batch
  // Since the last TakeRecords().
  std::vector<std::string> records_;
  StateWriter open_;  // steps of a record that is not closed
  uint64_t open_steps_ = 0;
  absl::Time marked_ = absl::InfinitePast();  // stream time of the last mark
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_OBSERVATION_EXPORT_H_
