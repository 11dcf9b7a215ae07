// `oddverb run`: the service. Reads its sources until it is told to stop, keeps
// its place and its state in the state directory, answers over HTTP.
#ifndef ODDVERB_APP_SERVICE_H_
#define ODDVERB_APP_SERVICE_H_

#include <atomic>
#include <string>

#include "app/config_text.h"
#include "app/service_storage.h"

namespace oddverb {

// What signals ask for; set by handlers.
struct ServiceSignals {
  const std::atomic<bool>& stop;
  std::atomic<bool>& reload;
};

// Returns the exit code: 0 after a clean stop, 2 for a bad configuration, 1
// for any other failure.
int RunService(const std::string& config_file, const Environment& environment,
               const ServiceSignals& signals,
               const ServiceStorageOptions& storage = {});

}  // namespace oddverb

#endif  // ODDVERB_APP_SERVICE_H_
