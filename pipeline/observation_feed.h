// Where a CorrelatorRun reads what the judges of partitions say, and how it
// knows whether they have judged all that there is.
#ifndef ODDVERB_PIPELINE_OBSERVATION_FEED_H_
#define ODDVERB_PIPELINE_OBSERVATION_FEED_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace oddverb {

struct ObservationMessage {
  int64_t offset = 0;  // ascending
  std::string bytes;
};

// One thread, but for health().
class ObservationFeed {
 public:
  virtual ~ObservationFeed() = default;

  // For findings and dead letters: the topic.
  virtual std::string name() const = 0;
  virtual std::string Describe(int64_t offset) const = 0;

  // Before the first Read(): the position to go on at, as BookmarkOf() gave it.
  virtual absl::Status Resume(std::string_view bookmark) = 0;
  virtual std::string BookmarkOf(int64_t offset) const = 0;
  // Appends what has come, and waits for it until `deadline` (of SteadyNow()).
  // `on_gap` is told, at its place, from where on messages are there again.
  virtual absl::Status Read(absl::Time deadline,
                            const std::function<void(int64_t)>& on_gap,
                            std::vector<ObservationMessage>& out) = 0;

  // Whether a partition of the source is judged up to its end; `bookmark` is
  // its judge's, "" if that said none yet.
  virtual bool IsAtEnd(uint32_t partition, std::string_view bookmark) const = 0;
  // When the ends were looked at last, by SteadyNow().
  virtual absl::Time as_of() const = 0;
  // OK, or what keeps messages from coming.
  virtual absl::Status health() const = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_OBSERVATION_FEED_H_
