// What an HTTP server counted, as Prometheus series. Thread-safe.
#ifndef ODDVERB_APP_HTTP_METRICS_H_
#define ODDVERB_APP_HTTP_METRICS_H_

#include "net/http_counters.h"
#include "telemetry/metrics.h"

namespace oddverb {

// Adds the series of `counters` to `metrics`, also those at 0.
void FillHttpMetrics(const HttpCounters& counters, Metrics& metrics);

}  // namespace oddverb

#endif  // ODDVERB_APP_HTTP_METRICS_H_
