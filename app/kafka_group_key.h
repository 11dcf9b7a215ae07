// The key of the hashes that all members of a group share: what the judge of
// one partition says of an actor or an address, the correlator must know again.
// Made at random once, by whichever process is first, and kept at the beginning
// of the correlator's state.
#ifndef ODDVERB_APP_KAFKA_GROUP_KEY_H_
#define ODDVERB_APP_KAFKA_GROUP_KEY_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/service_config.h"

namespace oddverb {

// Whose state a partition of the state topic holds: its origin.
std::string GroupStateOwner(const ServiceConfig& config, int32_t partition);

// The key as hexadecimal digits; `partition` is the correlator's. Waits for it
// while brokers are not reached, or other processes are about it; `on_wait` is
// then called several times a second with what is waited for. Cancelled: `stop`
// was set. FailedPrecondition: it is not to be had.
absl::StatusOr<std::string> AwaitGroupHashKey(
    const ServiceConfig& config, int32_t partition,
    const std::function<void(const absl::Status& cause)>& on_wait,
    const std::atomic<bool>& stop);

}  // namespace oddverb

#endif  // ODDVERB_APP_KAFKA_GROUP_KEY_H_
