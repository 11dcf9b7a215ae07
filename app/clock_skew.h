// How much the clocks of the API servers and ours differ: in the metrics, and
// once in the log where it is too much.
#ifndef ODDVERB_APP_CLOCK_SKEW_H_
#define ODDVERB_APP_CLOCK_SKEW_H_

#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "app/service_config.h"
#include "base/clock.h"
#include "pipeline/source_delays.h"
#include "telemetry/logging.h"
#include "telemetry/metrics.h"

namespace oddverb {

// Thread-safe, but for Warn(). What it is made from must outlive it.
class ClockSkew {
 public:
  // Beyond, events of several API servers are no longer in order.
  static constexpr absl::Duration kTooMuch = absl::Seconds(5);

  ClockSkew(const std::vector<SourceConfig>& sources,
            const SourceDelays& delays, const Clock& clock)
      : sources_(sources), delays_(delays), clock_(clock) {}

  void Fill(Metrics& metrics) const;
  // Of each source that was not told of before. One thread.
  void Warn(Logger& logger);

 private:
  // Nullopt: not known, or no live source.
  std::optional<absl::Duration> Of(size_t source) const;

  const std::vector<SourceConfig>& sources_;
  const SourceDelays& delays_;
  const Clock& clock_;
  std::vector<bool> told_;  // by source
};

}  // namespace oddverb

#endif  // ODDVERB_APP_CLOCK_SKEW_H_
