// The configuration of a service that judges a topic and keeps its state in
// topics, too, as far as these matter.
#ifndef ODDVERB_TESTS_SUPPORT_KAFKA_SERVICE_CONFIG_H_
#define ODDVERB_TESTS_SUPPORT_KAFKA_SERVICE_CONFIG_H_

#include <string>

#include "app/service_config.h"

namespace oddverb {

inline ServiceConfig KafkaServiceConfig(const std::string& broker) {
  ServiceConfig config;
  SourceConfig& source = config.sources.emplace_back();
  source.type = SourceConfig::Type::kKafka;
  source.kafka.brokers = {broker};
  config.checkpoint_kafka.emplace().replicas = 1;
  return config;
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_KAFKA_SERVICE_CONFIG_H_
