#include "kafka/kafka_options.h"

#include <librdkafka/rdkafka.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/nearest_name.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace oddverb {
namespace {

struct Guarded {
  const char* name;
  const char* why;
};

constexpr char kUseBrokers[] = "it is set by brokers";
constexpr char kUseTls[] = "it is set by tls";
constexpr char kUseSasl[] = "it is set by sasl";
constexpr char kProducer[] =
    "without oddverb's own value findings could be lost or told twice";
constexpr char kConsumer[] =
    "oddverb keeps positions in its own state, together with what it learned";

constexpr Guarded kGuarded[] = {
    {"bootstrap.servers", kUseBrokers},
    {"metadata.broker.list", kUseBrokers},
    {"security.protocol", "it follows from tls and sasl"},
    {"ssl.ca.location", kUseTls},
    {"ssl.certificate.location", kUseTls},
    {"ssl.key.location", kUseTls},
    {"sasl.mechanism", kUseSasl},
    {"sasl.mechanisms", kUseSasl},
    {"sasl.username", kUseSasl},
    {"sasl.password", kUseSasl},
    {"enable.ssl.certificate.verification", "certificates are always checked"},
    {"plugin.library.paths", "it loads code into this process"},
    {"enable.idempotence", kProducer},
    {"acks", kProducer},
    {"request.required.acks", kProducer},
    {"message.timeout.ms", kProducer},
    {"delivery.timeout.ms", kProducer},
    {"transactional.id", kProducer},
    {"delivery.report.only.error", kProducer},
    {"enable.auto.commit", kConsumer},
    {"enable.auto.offset.store", kConsumer},
    {"auto.offset.reset", kConsumer},
    {"enable.partition.eof", kConsumer},
    {"isolation.level", "what a transaction took back is never read"},
    {"partition.assignment.strategy",
     "cooperative-sticky is the one that leaves in peace what stays"},
    {"group.id", "it is set by group"},
    {"group.instance.id", "it is set by instance_id"},
};

std::vector<std::string> KnownProperties() {
  size_t count = 0;
  KafkaConf conf(rd_kafka_conf_new());
  const char** dump = rd_kafka_conf_dump(conf.get(), &count);
  std::vector<std::string> names;
  for (size_t i = 0; i < count; i += 2) names.emplace_back(dump[i]);
  rd_kafka_conf_dump_free(dump, count);
  return names;
}

// librdkafka's own text may hold the value, which may be a secret.
absl::Status Set(rd_kafka_conf_t* conf, const char* name, const char* value) {
  switch (rd_kafka_conf_set(conf, name, value, nullptr, 0)) {
    case RD_KAFKA_CONF_OK:
      return absl::OkStatus();
    case RD_KAFKA_CONF_INVALID:
      return absl::InvalidArgumentError(
          absl::StrCat("librdkafka does not take this value of the property \"",
                       name, "\"; its CONFIGURATION.md says which it takes"));
    default:
      break;
  }
  std::vector<std::string> known = KnownProperties();
  std::string_view nearest = NearestName(name, known);
  return absl::InvalidArgumentError(absl::StrCat(
      "librdkafka has no property \"", name, "\"",
      nearest.empty() ? ""
                      : absl::StrCat("; did you mean \"", A(nearest), "\"?")));
}

const char* ProtocolOf(const KafkaOptions& options) {
  bool tls = options.tls == KafkaTls::kOn;
  if (options.sasl == KafkaSasl::kNone) return tls ? "ssl" : "plaintext";
  return tls ? "sasl_ssl" : "sasl_plaintext";
}

const char* MechanismOf(KafkaSasl sasl) {
  switch (sasl) {
    case KafkaSasl::kScramSha256:
      return "SCRAM-SHA-256";
    case KafkaSasl::kScramSha512:
      return "SCRAM-SHA-512";
    default:
      return "PLAIN";
  }
}

}  // namespace

absl::Status CheckKafkaProperty(const std::string& name,
                                const std::string& value) {
  for (const Guarded& guarded : kGuarded) {
    if (name != guarded.name) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "the property \"", name, "\" cannot be set here: ", guarded.why));
  }
  KafkaConf conf(rd_kafka_conf_new());
  return Set(conf.get(), name.c_str(), value.c_str());
}

void KafkaConfDeleter::operator()(rd_kafka_conf_s* conf) const {
  rd_kafka_conf_destroy(conf);
}

absl::StatusOr<KafkaConf> MakeKafkaConf(const KafkaOptions& options,
                                        const KafkaProperties& defaults,
                                        const KafkaProperties& ours) {
  KafkaConf conf(rd_kafka_conf_new());
  auto set = [&](const char* name, const char* value) {
    return Set(conf.get(), name, value);
  };
  for (const auto& [name, value] : defaults) {
    ODDVERB_RETURN_IF_ERROR(set(name, value));
  }
  for (const auto& [name, value] : options.properties) {
    ODDVERB_RETURN_IF_ERROR(CheckKafkaProperty(name, value));
    ODDVERB_RETURN_IF_ERROR(set(name.c_str(), value.c_str()));
  }
  for (const auto& [name, value] : ours) {
    ODDVERB_RETURN_IF_ERROR(set(name, value));
  }
  std::string brokers = absl::StrJoin(options.brokers, ",");
  ODDVERB_RETURN_IF_ERROR(set("bootstrap.servers", brokers.c_str()));
  ODDVERB_RETURN_IF_ERROR(set("security.protocol", ProtocolOf(options)));
  // What goes wrong is told by statuses; standard error belongs to the log.
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);
  const std::pair<const char*, const std::string*> files[] = {
      {"ssl.ca.location", &options.ca_file},
      {"ssl.certificate.location", &options.certificate_file},
      {"ssl.key.location", &options.key_file}};
  for (const auto& [name, value] : files) {
    if (options.tls == KafkaTls::kOff || value->empty()) continue;
    ODDVERB_RETURN_IF_ERROR(set(name, value->c_str()));
  }
  if (options.sasl == KafkaSasl::kNone) return conf;
  ODDVERB_RETURN_IF_ERROR(set("sasl.mechanisms", MechanismOf(options.sasl)));
  ODDVERB_RETURN_IF_ERROR(set("sasl.username", options.username.c_str()));
  ODDVERB_RETURN_IF_ERROR(set("sasl.password", options.password.c_str()));
  return conf;
}

}  // namespace oddverb
