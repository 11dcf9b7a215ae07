// Tells in the log when a source cannot be read, and when it can again. One
// thread.
#ifndef ODDVERB_APP_SOURCE_HEALTH_LOG_H_
#define ODDVERB_APP_SOURCE_HEALTH_LOG_H_

#include <string>
#include <vector>

#include "app/service_sources.h"
#include "telemetry/logging.h"

namespace oddverb {

class SourceHealthLog {
 public:
  // To be called every now and then.
  void Tell(const ServiceSources& sources, Logger& logger);

 private:
  std::vector<std::string> told_;  // by source; empty: that it can be read
};

}  // namespace oddverb

#endif  // ODDVERB_APP_SOURCE_HEALTH_LOG_H_
