// Which events were judged lately, so that one that comes again (a webhook's
// retry, a log and a webhook side by side) is judged once. Keyed by the event
// key, never by audit ID alone, which is the client's to choose.
//
// Two generations of event time: a key is remembered for one to two spans.
// Bounded: a generation that is full ends early. A false "seen before" has a
// chance of about remembered / 2^64. One thread.
#ifndef ODDVERB_PIPELINE_SEEN_EVENTS_H_
#define ODDVERB_PIPELINE_SEEN_EVENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pipeline/checkpoint.h"

namespace oddverb {

class SeenEvents {
 public:
  struct Options {
    // The API server retries a webhook for about 80 s, for some nine minutes
    // when it is told to come later.
    absl::Duration span = absl::Minutes(10);
    // Of a generation; 20 to 40 bytes each. With more in a span, that one is
    // shorter.
    uint32_t max_keys = 200'000;
  };

  explicit SeenEvents(const Options& options) : options_(options) {}

  // False if `key` is remembered already.
  bool Add(uint64_t key, absl::Time stream_time);

  // Appends what changed since the last call, as rows of kind kRowKind.
  static constexpr uint8_t kRowKind = 254;
  void TakeChanges(const std::string& owner, std::vector<StateRow>& out);
  // One row of that kind.
  absl::Status Load(const StateRow& row);

 private:
  // Keys of a generation in the order in which they came, in chunks: one row
  // each, and only the last one changes.
  static constexpr uint32_t kKeysPerRow = 4096;
  // Part of the format, whatever max_keys is.
  static constexpr uint32_t kRowsPerGeneration = 1 << 16;
  struct Generation {
    absl::flat_hash_set<uint64_t> keys;
    std::vector<uint64_t> in_order;
    absl::Time start = absl::InfinitePast();
    uint32_t saved = 0;  // of in_order, in rows
  };
  void Rotate(absl::Time stream_time);
  static uint32_t RowId(uint32_t generation, uint32_t chunk) {
    return generation * kRowsPerGeneration + chunk;
  }

  Options options_;
  Generation generations_[2];
  uint32_t young_ = 0;  // index in generations_
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SEEN_EVENTS_H_
