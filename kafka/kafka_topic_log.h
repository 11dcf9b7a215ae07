// Reads a partition to its end, as of now, from its beginning or from where a
// reader was before: what a compacted topic says. One thread.
#ifndef ODDVERB_KAFKA_KAFKA_TOPIC_LOG_H_
#define ODDVERB_KAFKA_KAFKA_TOPIC_LOG_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
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

// Of a message that was committed. The views die with the call that gives it.
struct KafkaLogRecord {
  int64_t offset = 0;
  int64_t timestamp_ms = 0;  // since 1970, as the broker has it
  std::string_view key;
  std::optional<std::string_view> value;  // nullopt: a tombstone
};

class KafkaTopicLogReader {
 public:
  using Each = std::function<absl::Status(const KafkaLogRecord& record)>;

  // From its first message that is still there.
  static constexpr int64_t kBeginning = 0;

  // FailedPrecondition: what the options name cannot be used.
  static absl::StatusOr<std::unique_ptr<KafkaTopicLogReader>> Open(
      const KafkaTopicLog& log, int64_t from = kBeginning);
  virtual ~KafkaTopicLogReader() = default;

  // Calls `each` with every message that was committed before now and that no
  // earlier call gave, oldest first. Stops with the status of `each` if that is
  // not OK. OutOfRange: the partition has no such position, because it was made
  // anew, or what was to be read is deleted. Cancelled: `stop` was set.
  // Unavailable, with cause and cure: nothing came for a minute. After an error
  // it is of no use any more.
  virtual absl::Status ReadToEnd(const std::atomic<bool>& stop,
                                 const Each& each) = 0;
  // Where another reader may go on. REQUIRES: ReadToEnd() returned OK.
  virtual int64_t position() const = 0;
};

// All of it, once. Errors: of both.
absl::Status ReadTopicLog(const KafkaTopicLog& log,
                          const std::atomic<bool>& stop,
                          const KafkaTopicLogReader::Each& each);

// Tells one life of a topic from another of the same name: where its first
// message is, when it was written, and its key. Empty: there is none. Errors:
// of ReadTopicLog().
absl::StatusOr<std::string> TopicLogIdentity(const KafkaTopicLog& log,
                                             const std::atomic<bool>& stop);

// Whether the fate of every message of it is known. False: it was not for two
// seconds, so that a transaction is open there. Unavailable: no answer by
// `deadline` (of SteadyNow()).
absl::StatusOr<bool> IsDecided(const KafkaTopicLog& log, absl::Time deadline);

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_TOPIC_LOG_H_
