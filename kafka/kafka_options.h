// What a Kafka client is configured with: brokers, TLS, SASL, and any property
// of librdkafka but those that would take away a guarantee of ours. Plain
// values; thread-safe.
#ifndef ODDVERB_KAFKA_KAFKA_OPTIONS_H_
#define ODDVERB_KAFKA_KAFKA_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct rd_kafka_conf_s;

namespace oddverb {

enum class KafkaSasl : uint8_t { kNone, kPlain, kScramSha256, kScramSha512 };
enum class KafkaTls : uint8_t { kOff, kOn };

struct KafkaOptions {
  std::vector<std::string> brokers = {};  // HOST:PORT; a few are enough
  KafkaTls tls = KafkaTls::kOff;
  std::string ca_file = {};  // PEM; empty: the authorities of the system
  std::string certificate_file = {}, key_file = {};  // PEM; empty: none
  KafkaSasl sasl = KafkaSasl::kNone;
  std::string username = {}, password = {};
  // Of librdkafka, by its names. Values may be secrets: in no message.
  std::vector<std::pair<std::string, std::string>> properties = {};
};

// OK, or InvalidArgument: librdkafka has no such property (with the nearest
// name), does not take the value, or we set it, with the key to use instead.
absl::Status CheckKafkaProperty(const std::string& name,
                                const std::string& value);

struct KafkaConfDeleter {
  void operator()(rd_kafka_conf_s* conf) const;
};
using KafkaConf = std::unique_ptr<rd_kafka_conf_s, KafkaConfDeleter>;
// For the other files of this folder. `ours` are set after the properties of
// the options, and `defaults` before. InvalidArgument: a property.
using KafkaProperties = std::vector<std::pair<const char*, const char*>>;
absl::StatusOr<KafkaConf> MakeKafkaConf(const KafkaOptions& options,
                                        const KafkaProperties& defaults,
                                        const KafkaProperties& ours);

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_OPTIONS_H_
