// The counters of a finished scan as Prometheus text.
#ifndef ODDVERB_APP_SCAN_METRICS_H_
#define ODDVERB_APP_SCAN_METRICS_H_

#include "absl/status/status.h"
#include "app/rule_files.h"
#include "exporters/output_file.h"
#include "pipeline/delivery.h"
#include "pipeline/pipeline.h"
#include "rules/live_rules.h"

namespace oddverb {

struct RulesUsed {
  const RuleFiles& files;
  const LiveRules& live;
};

// Writes and closes `file`; every counter that a scan has is there, also at 0.
absl::Status WriteScanMetrics(const Pipeline& pipeline,
                              const Delivery& delivery, const RulesUsed& rules,
                              OutputFile& file);

}  // namespace oddverb

#endif  // ODDVERB_APP_SCAN_METRICS_H_
