// The outputs of a service: a sink for each, one for the alerts that its API
// shows, and the delivery that chooses what they get.
#ifndef ODDVERB_APP_SERVICE_OUTPUTS_H_
#define ODDVERB_APP_SERVICE_OUTPUTS_H_

#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "app/recent_findings.h"
#include "app/service_config.h"
#include "app/severity_filter.h"
#include "base/clock.h"
#include "exporters/active_alerts.h"
#include "exporters/alert_api.h"
#include "pipeline/delivery.h"
#include "pipeline/outbox.h"
#include "pipeline/sink_set.h"
#include "telemetry/logging.h"
#include "telemetry/metrics.h"

namespace oddverb {

struct ServiceOutputs {
  // All must outlive the outputs.
  struct Parts {
    Outbox& outbox;
    RecentFindings& recent;
    const Clock& clock;
    Logger& logger;
    // Where several have the same outputs in one process: whose turn it is to
    // write into a file or a pipe, so that lines stay whole. Null: one alone.
    std::mutex* turn = nullptr;
  };
  // The errors of MakeOutput() and SinkSet::Start(). Tells in the log which
  // entries of suppress have expired.
  static absl::StatusOr<std::unique_ptr<ServiceOutputs>> Make(
      const ServiceConfig& config, const Parts& parts);

  // What was told, what was not, and what fires. Thread-safe.
  void FillMetrics(Metrics& metrics) const;

  std::unique_ptr<SinkSet> sinks;
  const ActiveAlerts* alerts = nullptr;  // of a sink
  std::unique_ptr<AlertApi> alert_api;   // reads them
  std::vector<SeverityFilter*> filters;  // as in the configuration; of `sinks`
  std::unique_ptr<Delivery> delivery;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_SERVICE_OUTPUTS_H_
