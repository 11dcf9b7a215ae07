// What a topic is like, and making one. One thread.
#ifndef ODDVERB_KAFKA_KAFKA_TOPICS_ADMIN_H_
#define ODDVERB_KAFKA_KAFKA_TOPICS_ADMIN_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kafka/consumer_health.h"
#include "kafka/kafka_options.h"

namespace oddverb {

struct KafkaTopicFacts {
  int partitions = 0;
  int replicas = 0;  // the fewest of any partition
  // As in force, the brokers' defaults too.
  std::map<std::string, std::string> settings = {};
};

class KafkaTopicsAdmin {
 public:
  // InvalidArgument, FailedPrecondition: what the options name cannot be used.
  static absl::StatusOr<std::unique_ptr<KafkaTopicsAdmin>> Make(
      const KafkaOptions& options);
  ~KafkaTopicsAdmin();

  // Without the settings. NotFound: there is none, or this user may not see it.
  // Unavailable: no answer in time, with cause and cure.
  absl::StatusOr<KafkaTopicFacts> Look(const std::string& topic,
                                       absl::Duration patience);
  // With them. PermissionDenied: they may not be looked at.
  absl::StatusOr<KafkaTopicFacts> Describe(const std::string& topic,
                                           absl::Duration patience);
  // OK, too, if it is there meanwhile. FailedPrecondition: refused.
  absl::Status Create(const std::string& topic, const KafkaTopicFacts& wanted,
                      absl::Duration patience);

 private:
  struct Client;
  KafkaTopicsAdmin();
  absl::Status WhyNot(const std::string& otherwise) const;

  ConsumerHealth health_;
  std::unique_ptr<Client> client_;
};

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_TOPICS_ADMIN_H_
