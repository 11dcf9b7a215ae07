// The counters of a pipeline as Prometheus series, for a finished scan and for
// a running service. Thread-safe: reads atomics.
#ifndef ODDVERB_APP_PIPELINE_METRICS_H_
#define ODDVERB_APP_PIPELINE_METRICS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "model/finding.h"
#include "pipeline/pipeline.h"
#include "telemetry/metrics.h"

namespace oddverb {

// Distinct findings by (detector, severity).
using FindingCounts = std::map<std::pair<std::string, Severity>, uint64_t>;

// Adds the series of `counters` and `findings` to `metrics`, also those at 0.
// `source` is the value of the label of that name.
void FillPipelineMetrics(const PipelineCounters& counters,
                         const FindingCounts& findings, std::string_view source,
                         Metrics& metrics);

}  // namespace oddverb

#endif  // ODDVERB_APP_PIPELINE_METRICS_H_
