// Metrics of a service beside those of its pipeline: its sources, its state
// directory. Thread-safe: reads atomics and what locks itself.
#ifndef ODDVERB_APP_SERVICE_METRICS_H_
#define ODDVERB_APP_SERVICE_METRICS_H_

#include "app/service_sources.h"
#include "net/http_counters.h"
#include "pipeline/pipeline.h"
#include "pipeline/sqlite_checkpoint.h"
#include "telemetry/metrics.h"

namespace oddverb {

// What each source read, lost and refused, also where that is 0.
void FillSourceMetrics(const ServiceSources& sources, Metrics& metrics);

// How full the state directory is and how its checkpoints go.
void FillStateMetrics(const Pipeline& pipeline,
                      const SqliteCheckpoint::Usage& usage, Metrics& metrics);

// Clients that were too slow.
void FillTimeoutMetrics(const HttpCounters& counters, Metrics& metrics);

}  // namespace oddverb

#endif  // ODDVERB_APP_SERVICE_METRICS_H_
