#include "app/kafka_client.h"

#include "absl/strings/str_cat.h"

namespace oddverb {

KafkaOptions KafkaClientOf(const KafkaConfig& kafka) {
  const TlsClientOptions tls = kafka.tls.value_or(TlsClientOptions());
  return {.brokers = kafka.brokers,
          .tls = kafka.tls.has_value() ? KafkaTls::kOn : KafkaTls::kOff,
          .ca_file = tls.ca_file,
          .certificate_file = tls.certificate_file,
          .key_file = tls.key_file,
          .sasl = kafka.sasl,
          .username = kafka.username,
          .password = kafka.password.values.empty()
                          ? ""
                          : kafka.password.values.front(),
          .properties = kafka.properties};
}

KafkaConsumerOptions KafkaConsumerOf(const SourceConfig& source) {
  using Start = KafkaConsumerOptions::Start;
  KafkaConsumerOptions options;
  options.client = KafkaClientOf(source.kafka);
  options.topic = source.kafka.topic;
  options.group = source.group;
  options.instance_id = source.instance_id;
  options.start = source.start == SourceConfig::Start::kEnd ? Start::kEnd
                                                            : Start::kBeginning;
  return options;
}

absl::Status CheckKafkaClient(const KafkaConfig& kafka) {
  if (kafka.tls.has_value() &&
      kafka.tls->certificate_file.empty() != kafka.tls->key_file.empty()) {
    return absl::InvalidArgumentError(
        "tls: certificate_file and key_file belong together");
  }
  const bool has_login =
      !kafka.username.empty() && !kafka.password.values.empty();
  if (kafka.sasl != KafkaSasl::kNone && !has_login) {
    return absl::InvalidArgumentError(
        "sasl needs username, and password or password_file");
  }
  if (kafka.sasl == KafkaSasl::kNone &&
      (!kafka.username.empty() || !kafka.password.values.empty())) {
    return absl::InvalidArgumentError(
        "username and password are for sasl: add sasl: scram-sha-512, or what "
        "the brokers ask for");
  }
  for (const auto& [name, value] : kafka.properties) {
    absl::Status status = CheckKafkaProperty(name, value);
    if (status.ok()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("properties: ", status.message()));
  }
  return absl::OkStatus();
}

}  // namespace oddverb
