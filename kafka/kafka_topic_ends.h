// Where the partitions of a topic end now, for whoever has to know whether
// there is more of one. Thread-safe. One thread of its own, which asks.
#ifndef ODDVERB_KAFKA_KAFKA_TOPIC_ENDS_H_
#define ODDVERB_KAFKA_KAFKA_TOPIC_ENDS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kafka/consumer_health.h"
#include "kafka/kafka_options.h"

namespace oddverb {

class KafkaTopicEnds {
 public:
  struct Options {
    KafkaOptions client;
    std::string topic;
    std::string group;  // for messages
    int32_t partitions = 1;
    absl::Duration interval = absl::Milliseconds(200);
    // Without an answer, before that is a problem: a broker that dies is missed
    // and replaced within some 10 s (broker.session.timeout.ms).
    absl::Duration patience = absl::Seconds(20);
  };
  struct Ends {
    // Behind the last message that can be read (with read_committed), by
    // partition.
    std::vector<int64_t> offsets;
    absl::Time as_of = absl::InfinitePast();  // SteadyNow(); never: no answer
  };

  // InvalidArgument, FailedPrecondition: what the options name cannot be used.
  static absl::StatusOr<std::unique_ptr<KafkaTopicEnds>> Start(
      const Options& options);
  ~KafkaTopicEnds();

  // As of the last answer for all partitions.
  Ends ends() const;
  // Unavailable, with the cause: there was no answer for `patience`.
  absl::Status health() const;

 private:
  struct Client;
  explicit KafkaTopicEnds(Options options);
  void Ask();
  void Poll();

  const Options options_;
  ConsumerHealth health_;
  std::unique_ptr<Client> client_;
  std::vector<int32_t> partitions_;
  std::atomic<bool> ending_{false};
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Ends ends_;
  absl::Time last_answer_;  // or when it began to ask
  std::string problem_;     // since then
  std::thread poller_;
};

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_TOPIC_ENDS_H_
