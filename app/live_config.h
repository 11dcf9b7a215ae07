// The configuration of a running service: as it was at the start, and as
// reloads have changed it. Thread-safe.
#ifndef ODDVERB_APP_LIVE_CONFIG_H_
#define ODDVERB_APP_LIVE_CONFIG_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/config_text.h"
#include "app/service_config.h"
#include "app/service_rules.h"
#include "base/clock.h"
#include "telemetry/logging.h"
#include "telemetry/metrics.h"

namespace oddverb {

class LiveConfig {
 public:
  // All must outlive it.
  struct Parts {
    const ServiceConfig& started;
    const std::string& file;
    const Environment& environment;
    ServiceRules& rules;
    const Clock& clock;
    Logger& logger;
  };
  // `apply`: what the running parts take over of a configuration, but for the
  // rules. Nothing may have changed if it fails.
  LiveConfig(const Parts& parts,
             std::function<absl::Status(const ServiceConfig&)> apply);

  // Reads the file again, with certificates and tokens. Returns, for people,
  // what is in effect now and what needs a restart; or why all stays as it was.
  absl::StatusOr<std::string> Reload();
  std::string RedactedJson() const;

  void FillMetrics(Metrics& metrics) const;

 private:
  absl::StatusOr<std::string> TakeOver(
      const absl::StatusOr<ServiceConfig>& fresh, ServiceConfig& next);

  const Parts parts_;
  const std::function<absl::Status(const ServiceConfig&)> apply_;
  mutable std::mutex mutex_;
  ServiceConfig effective_;  // guarded by mutex_
  std::atomic<bool> last_reload_good_{true};
  std::atomic<int64_t> last_good_load_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_LIVE_CONFIG_H_
