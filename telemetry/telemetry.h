// What oddverb says about itself: the metric names (metric_names.h, the only
// place that spells them), the Prometheus text of /metrics (metrics.h,
// histogram_counts.h), the process as Linux sees it (process_stats.h), and the
// log on standard error (logging.h, limited_log.h). Knows nothing of
// Kubernetes.
#ifndef ODDVERB_TELEMETRY_TELEMETRY_H_
#define ODDVERB_TELEMETRY_TELEMETRY_H_

#include "telemetry/histogram_counts.h"
#include "telemetry/limited_log.h"
#include "telemetry/logging.h"
#include "telemetry/metric_names.h"
#include "telemetry/metrics.h"
#include "telemetry/process_stats.h"

#endif  // ODDVERB_TELEMETRY_TELEMETRY_H_
