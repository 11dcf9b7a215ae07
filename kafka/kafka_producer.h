// Writes messages to one topic and says when the broker has each of them:
// idempotent, acks=all, lz4. One thread; librdkafka has its own.
#ifndef ODDVERB_KAFKA_KAFKA_PRODUCER_H_
#define ODDVERB_KAFKA_KAFKA_PRODUCER_H_

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "kafka/kafka_options.h"

namespace oddverb {

struct KafkaMessage {
  std::string key = {};
  std::string payload = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  absl::Time time = absl::UnixEpoch();  // the epoch: when it is sent
};

class KafkaProducer {
 public:
  // InvalidArgument, FailedPrecondition: what the options name cannot be used.
  static absl::StatusOr<std::unique_ptr<KafkaProducer>> Make(
      const KafkaOptions& options, const std::string& topic);
  ~KafkaProducer();

  // OK when the broker has all of `messages`. What it does not have by then
  // stays queued; a later call with the same message only waits for it, and a
  // message that the broker has is not sent again. Else, with cause and cure:
  //   Unavailable      not reached, not let in, no such topic, not yet
  //                    acknowledged by `deadline` (of SteadyNow()): try again
  //   OutOfRange       too large: fewer at once may do
  //   InvalidArgument  the broker refuses one of them
  absl::Status Send(std::span<const KafkaMessage> messages,
                    absl::Time deadline);

 private:
  struct Client;
  // Of messages that were handed over in calls that failed.
  enum class Fate : uint8_t { kQueued, kDelivered, kFailed };
  struct Entry {
    Fate fate = Fate::kQueued;
    int error = 0;  // of librdkafka, for kFailed
  };
  // std::map: librdkafka holds pointers to entries.
  using Entries = std::map<Hash128, Entry>;

  KafkaProducer(KafkaOptions options, std::string topic);
  absl::Status Connect();
  absl::Status Enqueue(const KafkaMessage& message, Entry& entry);
  absl::Status ResultOf(std::span<const Hash128> ids);
  absl::Status WhyNotYet();

  const KafkaOptions options_;
  const std::string topic_;
  Entries entries_;
  std::unique_ptr<Client> client_;  // gone before what it points to
};

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_PRODUCER_H_
