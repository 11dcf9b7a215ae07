// What the judge of one partition says to the correlator in another process: a
// message of the observations topic. The judges' messages are numbered through
// by their steps, so that what is missing is seen. Pure functions.
#ifndef ODDVERB_PIPELINE_OBSERVATION_RECORD_H_
#define ODDVERB_PIPELINE_OBSERVATION_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/finding.h"
#include "model/observation.h"

namespace oddverb {

// A finding of a shard's detector, or an Observation, at its place.
struct ObservationStep {
  absl::Time time;  // the partition's stream time; never runs back
  std::variant<Finding, Observation> said;
};

// Where a judge stands behind the steps so far: nothing older follows.
struct ObservationMark {
  absl::Time stream_time = absl::InfinitePast();  // of its last event
  absl::Time since = absl::InfinitePast();        // of its first
  uint64_t events = 0;                            // since the very first start
  // RawBatch::bookmark: up to where all is judged; empty: as in the last mark.
  std::string bookmark = {};
};

struct ObservationRecord {
  static constexpr uint64_t kFormat = 1;
  // A record is closed when it is as large as this; topics take 1 MiB.
  static constexpr size_t kTargetBytes = 256 << 10;
  // Of the source topic; the most that a state topic is made for.
  static constexpr uint32_t kMaxPartitions = 10'000;

  uint32_t partition = 0;
  uint64_t first_step = 0;  // number of the first one, or of the next one
  std::vector<ObservationStep> steps;
  std::optional<ObservationMark> mark;
};

void SaveObservationStep(const ObservationStep& step, StateWriter& out);
// `steps` are count times what SaveObservationStep wrote.
std::string ObservationRecordBytes(uint32_t partition, uint64_t first_step,
                                   uint64_t count, std::string_view steps,
                                   const std::optional<ObservationMark>& mark);

// DataLoss: damaged, or of a newer version.
absl::StatusOr<ObservationRecord> ParseObservationRecord(
    std::string_view bytes);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_OBSERVATION_RECORD_H_
