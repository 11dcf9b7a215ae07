// The counters of a finished scan as Prometheus text.
#ifndef ODDVERB_APP_SCAN_METRICS_H_
#define ODDVERB_APP_SCAN_METRICS_H_

#include <string>

#include "absl/status/status.h"
#include "pipeline/delivery.h"
#include "pipeline/pipeline.h"

namespace oddverb {

// Writes to `path` ("-" = stdout); every counter that a scan has is there, also
// at 0.
absl::Status WriteScanMetrics(const Pipeline& pipeline,
                              const Delivery& delivery,
                              const std::string& path);

}  // namespace oddverb

#endif  // ODDVERB_APP_SCAN_METRICS_H_
