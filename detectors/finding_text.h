// Pieces that the words of every finding are made of. Pure functions;
// thread-safe.
#ifndef ODDVERB_DETECTORS_FINDING_TEXT_H_
#define ODDVERB_DETECTORS_FINDING_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "model/finding.h"

namespace oddverb {

// Adds a reason, and its contribution to the score.
void AddReason(std::string_view feature, std::string value, double contribution,
               Finding& finding);

// "1 request", "2 requests".
std::string Counted(uint64_t n, std::string_view one, std::string_view many);

// "one second", "1m30s", "2h5m": for "within ...". Long spans in round figures.
std::string SpanText(absl::Time first, absl::Time last);

// Keeps `list` a set of at most Finding::kMaxListed in order of appearance;
// empty texts are left out.
void AddDistinct(std::string_view value, std::vector<std::string>& list);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FINDING_TEXT_H_
