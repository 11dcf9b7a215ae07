// The detectors of one shard, or of the correlator, with their names. Built
// once for each logical shard by a function that app/ provides.
#ifndef ODDVERB_PIPELINE_PART_LIST_H_
#define ODDVERB_PIPELINE_PART_LIST_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "detectors/detector.h"

namespace oddverb {

template <class T>
struct NamedPart {
  std::string name;
  std::unique_ptr<T> part;
};

using DetectorList = std::vector<NamedPart<Detector>>;
using CrossDetectorList = std::vector<NamedPart<CrossDetector>>;

// Nanoseconds spent in the parts of each name, estimated.
using DetectorTimes = std::map<std::string, std::atomic<uint64_t>, std::less<>>;

struct PartFactory {
  std::function<absl::StatusOr<DetectorList>()> make_detectors;
  std::function<absl::StatusOr<CrossDetectorList>()> make_cross_detectors;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_PART_LIST_H_
