// What became of the rules that were read, and what they matched, as Prometheus
// series, for a finished scan and for a running service. Thread-safe.
#ifndef ODDVERB_APP_RULE_METRICS_H_
#define ODDVERB_APP_RULE_METRICS_H_

#include "app/rule_files.h"
#include "rules/live_rules.h"
#include "telemetry/metrics.h"

namespace oddverb {

// `files` is what `live` has in force.
void FillRuleMetrics(const RuleFiles& files, const LiveRules& live,
                     Metrics& metrics);

}  // namespace oddverb

#endif  // ODDVERB_APP_RULE_METRICS_H_
