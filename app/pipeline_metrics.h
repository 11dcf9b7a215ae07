// The counters of a pipeline as Prometheus series, for a finished scan and for
// a running service. Thread-safe: reads atomics.
#ifndef ODDVERB_APP_PIPELINE_METRICS_H_
#define ODDVERB_APP_PIPELINE_METRICS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "pipeline/pipeline.h"
#include "pipeline/sink.h"
#include "telemetry/metrics.h"

namespace oddverb {

// Adds the series of one source, or of all as one, also those at 0. `source` is
// the value of the label of that name.
void FillInputMetrics(const InputCounters& counters, std::string_view source,
                      Metrics& metrics);
// The same of what was made of it.
void FillPipelineMetrics(const PipelineCounters& counters,
                         const FindingCounts& findings, Metrics& metrics);

// Those of them that were not told, by why.
void FillSuppressedMetrics(const DeliveryCounts& findings, Metrics& metrics);

// The attempts of each output, by how they ended.
void FillExportMetrics(const std::vector<SinkStats>& sinks, Metrics& metrics);

// Event time of the newest event by name of source, for a scan; a service has
// StreamMeters, which leaves out times that no clock has shown yet.
void FillLastEventTimes(const std::map<std::string, absl::Time>& times,
                        Metrics& metrics);

}  // namespace oddverb

#endif  // ODDVERB_APP_PIPELINE_METRICS_H_
