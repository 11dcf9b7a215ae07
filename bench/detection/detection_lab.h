// Runs one made-up log through the real pipeline (decoder, shards, detectors,
// correlator, delivery) with all detectors, with variants of forbidden_burst
// beside them, and through the peers' rules; and scores all of them.
#ifndef ODDVERB_BENCH_DETECTION_DETECTION_LAB_H_
#define ODDVERB_BENCH_DETECTION_DETECTION_LAB_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/detection/cluster_log.h"
#include "bench/detection/scoring.h"
#include "bench/detection/traffic_shapes.h"

namespace oddverb {

// Names of the systems that are ours.
inline constexpr std::string_view kDefault = "oddverb";
// All detectors instead of forbidden_burst alone.
inline constexpr std::string_view kAllDetectors = "oddverb.all_detectors";
// Findings of severity low count too.
inline constexpr std::string_view kFromLow = "oddverb.from_low";

struct LabResult {
  uint64_t seed = 0;
  uint64_t honest_events = 0, attack_events = 0, rejected = 0;
  // Of the complete attacks, parallel to SystemScore::found.
  std::vector<std::string_view> kinds;
  std::vector<Attack> attacks;  // the same, without their requests
  std::map<std::string, SystemScore> systems;
};

enum class Variants : uint8_t { kNone, kAll };

// Internal: a part cannot be built, or the pipeline failed.
absl::StatusOr<LabResult> RunLab(const ClusterLog::Options& options,
                                 const TrafficShapes& shapes,
                                 Variants variants);

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_DETECTION_LAB_H_
