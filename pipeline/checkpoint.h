// Positions, state and findings not yet delivered, committed together. A
// finding leaves the process only after the commit that holds it, so a restart
// loses nothing and shows nothing twice under two ids.
//
// One thread at a time.
#ifndef ODDVERB_PIPELINE_CHECKPOINT_H_
#define ODDVERB_PIPELINE_CHECKPOINT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/finding.h"
#include "model/position.h"

namespace oddverb {

// State of one owner: a logical shard, the correlator, or the event clock.
// Opaque bytes; the owner's name is part of the state's format.
struct StateRow {
  std::string owner;  // "clock", "shard/07", "correlator"
  std::string bytes;
};

struct CheckpointBatch {
  uint64_t records_judged = 0;      // since the very first start
  std::vector<Position> positions;  // the last judged record of each stream
  std::vector<StateRow> state;
  std::vector<Finding> findings;  // since the last commit
};

struct Restored {
  uint64_t records_judged = 0;
  std::vector<Position> positions;
  std::vector<StateRow> state;
};

class Checkpoint {
 public:
  virtual ~Checkpoint() = default;
  // All or nothing, durable when it returns OK. Unavailable = try again.
  virtual absl::Status Commit(CheckpointBatch batch) = 0;
  // The last commit; nullopt at the first start. DataLoss = damaged.
  virtual absl::StatusOr<std::optional<Restored>> Restore() = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_CHECKPOINT_H_
