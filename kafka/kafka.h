// Apache Kafka for the rest of the house, a thin layer on librdkafka: what a
// client is configured with and why a property is refused (kafka_options.h), a
// producer that says of each message whether the broker has it
// (kafka_producer.h), and a member of a consumer group that is read from where
// its owner wants (kafka_consumer.h). Knows nothing of Kubernetes.
#ifndef ODDVERB_KAFKA_KAFKA_H_
#define ODDVERB_KAFKA_KAFKA_H_

#include "kafka/kafka_consumer.h"
#include "kafka/kafka_options.h"
#include "kafka/kafka_producer.h"

#endif  // ODDVERB_KAFKA_KAFKA_H_
