// What one match of one rule says to one correlation (rules/). Small and owned:
// it leaves the shard that saw the event.
#ifndef ODDVERB_MODEL_CORRELATION_INPUT_H_
#define ODDVERB_MODEL_CORRELATION_INPUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace oddverb {

struct CorrelationInput {
  uint32_t correlation = 0;  // number in the CorrelationSet
  uint32_t member = 0;
  absl::Time time;
  // Hash of what makes the request one: the same request counts once. 0: none.
  uint64_t request = 0;
  std::vector<std::string> group;     // one for each of `group_by`
  std::vector<uint64_t> values = {};  // hashes of what value_count counts
  std::vector<double> numbers = {};   // what the others of value_* take
  // Of the correlation: it stays when a reload gives it another number.
  uint64_t fingerprint = 0;
  // What an alert shows of the match; for who made it to read. Mostly one.
  std::vector<std::string> samples = {};
  // The caller's: an alert names the match that completed it by it. Not saved.
  uint64_t tag = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_CORRELATION_INPUT_H_
