// Makes the exporters that a configuration names. This file and
// config_outputs.cc are where a kind of output gets its keys and its exporter.
#ifndef ODDVERB_APP_OUTPUTS_H_
#define ODDVERB_APP_OUTPUTS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "app/service_config.h"
#include "base/clock.h"
#include "exporters/active_alerts.h"
#include "exporters/exporter.h"
#include "telemetry/logging.h"

namespace oddverb {

// What all outputs share; must outlive the exporters.
struct OutputSurroundings {
  const Clock& clock;
  Logger& logger;
};

// Opens files, reads certificates and templates; connects to nobody. Errors
// name the output's place, the cause and the cure.
absl::StatusOr<std::unique_ptr<Exporter>> MakeOutput(
    const ServiceConfig& config, const OutputConfig& output,
    const OutputSurroundings& surroundings);

// The alerts that the API shows: as the first Alertmanager of the configuration
// is told, or by the defaults if there is none.
ActiveAlertsOptions ShownAlertsOf(const ServiceConfig& config);

// The keys of an output, as far as no file is needed: OK, or InvalidArgument
// with the cause alone.
absl::Status CheckOutputOptions(const ServiceConfig& config,
                                const OutputConfig& output);

}  // namespace oddverb

#endif  // ODDVERB_APP_OUTPUTS_H_
