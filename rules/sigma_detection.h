// The detection section of a Sigma rule (and the selections of a filter) as a
// predicate: maps, lists, keywords, blocks over the elements of an array.
#ifndef ODDVERB_RULES_SIGMA_DETECTION_H_
#define ODDVERB_RULES_SIGMA_DETECTION_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/sigma_condition.h"
#include "rules/sigma_source.h"

namespace oddverb {

struct SigmaDetectionOptions {
  const SigmaPlaceholders* placeholders = nullptr;
  // From `sigma-version: 3` on, "field[any]:" opens a block over the elements
  // of an array, and "field[0]" is one of them.
  bool array_blocks = false;
  // The log is the API server's: it leaves out empty strings, so '' in
  // objectRef also means absent.
  bool kubernetes = false;
  // The rule is for our log, so its fields should be those of audit events.
  bool audit_events = false;
};

struct SigmaDetection {
  Predicate predicate = Predicate::False();
  bool begins_with_not = false;
};

// Reads the keys of `section` as selections, but for "condition" and those in
// `other_keys`. nullopt after an error, which `reporter` has.
std::optional<SigmaDetection> ReadSigmaDetection(
    const SigmaMapping& section, const std::vector<std::string>& other_keys,
    const SigmaDetectionOptions& options, SigmaReporter& reporter);

}  // namespace oddverb

#endif  // ODDVERB_RULES_SIGMA_DETECTION_H_
