// Stateful watchers, one anomaly per file pair. This file is their list.
#ifndef ODDVERB_DETECTORS_DETECTORS_H_
#define ODDVERB_DETECTORS_DETECTORS_H_

#include <memory>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "detectors/detector.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// One row of the list. `options` is the detector's mapping in the
// configuration (absent = defaults); an unknown key in it is an error.
struct DetectorEntry {
  std::string_view name;
  std::string_view summary;  // one line for `oddverb list detectors`
  // Its part in each shard; null = none.
  absl::StatusOr<std::unique_ptr<Detector>> (*make)(
      const DetectorContext& context, const YamlNode& options);
  // Its part in the correlator; null = none.
  absl::StatusOr<std::unique_ptr<CrossDetector>> (*make_cross)(
      const DetectorContext& context, const YamlNode& options);
  std::span<const std::string_view> rules;  // ids of the findings it can make
};

// Sorted by name.
std::span<const DetectorEntry> AllDetectors();

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_DETECTORS_H_
