// `oddverb check config FILE`: everything that can be known before the service
// starts, with the cure beside each mistake.
#ifndef ODDVERB_APP_CONFIG_CHECK_H_
#define ODDVERB_APP_CONFIG_CHECK_H_

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "app/mistakes.h"
#include "app/service_config.h"

namespace oddverb {

struct ConfigReport {
  Mistakes problems;  // the service would not start, or would be blind
  Mistakes warnings;  // it runs, but not as a careful person would have it
};

// Whether this process can use the files, folders and certificates that
// `config` names, and which settings are risky. Changes nothing on disk.
// `now` decides which suppressions have expired.
ConfigReport CheckConfigFiles(const ServiceConfig& config,
                              absl::Time now = absl::Now());

// "2 sources, 1 listener, 1 output; detectors forbidden_burst, ...".
std::string ConfigSummary(const ServiceConfig& config);

// The command. Prints "FILE: fine: ..." to stdout, all else to stderr; 0, or 2
// when there is a mistake.
int RunCheckConfig(const std::string& path);

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_CHECK_H_
