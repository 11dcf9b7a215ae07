// Whether the topics of a checkpoint in Kafka are as they must be, with the
// command that mends each; and making those that are not there. Thread-safe.
#ifndef ODDVERB_APP_KAFKA_TOPICS_CHECK_H_
#define ODDVERB_APP_KAFKA_TOPICS_CHECK_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "app/service_config.h"
#include "kafka/kafka_topics_admin.h"

namespace oddverb {

struct KafkaTopicsReport {
  std::vector<std::string> problems;  // the service would lose something
  std::vector<std::string> warnings;
  std::vector<std::string> made;  // topics
  // Of the source's topic, with observations_topic; 0: not known.
  int source_partitions = 0;
};

enum class KafkaTopicUse : uint8_t {
  kState,
  kFindings,
  kObservations,
  kDeadLetters,
};

// Of one topic that is there. `partitions`: how many it must have, of the state
// of members that share out partitions; 0: one is enough.
void CheckKafkaTopic(const std::string& topic, KafkaTopicUse use,
                     const KafkaTopicFacts& facts, KafkaTopicsReport& report,
                     int partitions = 0);

// Of a state topic of which there are copies, as KafkaStateCopy has them.
void CheckKafkaCopies(const std::string& topic, const KafkaTopicFacts& facts,
                      KafkaTopicsReport& report);

enum class MissingTopics : uint8_t { kTold, kMade };

// Unavailable: the brokers were not reached, with cause and cure; to be called
// again. REQUIRES: config.checkpoint_kafka is there.
absl::StatusOr<KafkaTopicsReport> CheckCheckpointTopics(
    const ServiceConfig& config, MissingTopics missing,
    absl::Duration patience);

}  // namespace oddverb

#endif  // ODDVERB_APP_KAFKA_TOPICS_CHECK_H_
