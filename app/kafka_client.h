// What the keys of a Kafka client mean, for sources, outputs and forward.
// Thread-safe.
#ifndef ODDVERB_APP_KAFKA_CLIENT_H_
#define ODDVERB_APP_KAFKA_CLIENT_H_

#include "absl/status/status.h"
#include "app/service_config.h"
#include "kafka/kafka_consumer.h"
#include "kafka/kafka_options.h"

namespace oddverb {

KafkaOptions KafkaClientOf(const KafkaConfig& kafka);
KafkaConsumerOptions KafkaConsumerOf(const SourceConfig& source);

// As far as no file is needed: OK, or InvalidArgument with the cause alone.
absl::Status CheckKafkaClient(const KafkaConfig& kafka);

}  // namespace oddverb

#endif  // ODDVERB_APP_KAFKA_CLIENT_H_
