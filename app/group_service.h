// `oddverb run` where the members of a group share out a topic: each process
// runs the judges of the partitions that the group gives it, and one of them
// the correlator (app/group_share.h). What comes is taken over, what goes is
// handed over, and the process goes on in between.
#ifndef ODDVERB_APP_GROUP_SERVICE_H_
#define ODDVERB_APP_GROUP_SERVICE_H_

#include <string>

#include "absl/status/status.h"
#include "app/config_text.h"
#include "app/service.h"
#include "app/service_config.h"
#include "app/service_storage.h"

namespace oddverb {

// Whether `config` asks for it.
bool IsGroupService(const ServiceConfig& config);

// Until a signal tells it to stop. FailedPrecondition: topics, brokers or the
// configuration make it impossible, or another process took this one's
// instance_id. What may mend itself is waited for, and told in the log and in
// /readyz.
absl::Status RunGroupService(const ServiceConfig& config,
                             const std::string& config_file,
                             const Environment& environment,
                             const ServiceStorageOptions& storage,
                             const ServiceSignals& signals);

}  // namespace oddverb

#endif  // ODDVERB_APP_GROUP_SERVICE_H_
