// Reads a partition from its beginning to its end, as of now: what a compacted
// topic says. One thread.
#ifndef ODDVERB_KAFKA_KAFKA_TOPIC_LOG_H_
#define ODDVERB_KAFKA_KAFKA_TOPIC_LOG_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kafka/kafka_options.h"

namespace oddverb {

struct KafkaTopicLog {
  KafkaOptions client;
  std::string topic;
  int32_t partition = 0;
  std::string group;  // whose right to read it is; it does not join
};

using KafkaTopicLogReader = std::function<absl::Status(
    std::string_view key, std::optional<std::string_view> value)>;

// Calls `each` with key and value (nullopt: a tombstone) of every message that
// was committed, oldest first. Stops with the status of `each` if that is not
// OK. Cancelled: `stop` was set. Unavailable, with cause and cure: nothing came
// for a minute. FailedPrecondition: what the options name cannot be used.
absl::Status ReadTopicLog(const KafkaTopicLog& log,
                          const std::atomic<bool>& stop,
                          const KafkaTopicLogReader& each);

// Whether the fate of every message of it is known. False: it was not for two
// seconds, so that a transaction is open there. Unavailable: no answer by
// `deadline` (of SteadyNow()).
absl::StatusOr<bool> IsDecided(const KafkaTopicLog& log, absl::Time deadline);

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_TOPIC_LOG_H_
