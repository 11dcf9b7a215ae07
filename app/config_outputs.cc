// The keys of outputs: where findings go.
#include "app/config_fields.h"

namespace oddverb {
namespace {

using Need = ConfigKey::Need;
using Type = OutputConfig::Type;

// Each in the order of its enumeration.
constexpr std::string_view kTypes[] = {
    "ndjson", "alertmanager", "falcosidekick", "webhook",
    "loki",   "otlp",         "kafka"};
constexpr std::string_view kSeverities[] = {"info", "low", "medium", "high",
                                            "critical"};
constexpr std::string_view kBodies[] = {"one", "array"};
constexpr std::string_view kSasl[] = {"none", "plain", "scram-sha-256",
                                      "scram-sha-512"};

void VisitTls(ConfigFields& fields, TlsClientOptions& tls) {
  fields.Text({"ca_file",
               "PEM; who may have signed the receiver's certificate. Default: "
               "the authorities of the system.",
               "/etc/oddverb/ca.crt"},
              TextKind::kPath, tls.ca_file);
  fields.Text({"certificate_file", "PEM, of this client, if it is asked for.",
               "/etc/oddverb/client.crt"},
              TextKind::kPath, tls.certificate_file);
  fields.Text(
      {"key_file", "PEM, without a passphrase.", "/etc/oddverb/client.key"},
      TextKind::kPath, tls.key_file);
}

void VisitReceiver(ConfigFields& fields, const ConfigKey& url,
                   const ConfigKey& url_file, ReceiverConfig& receiver) {
  fields.Secrets(SecretKind::kUrl, url, url_file, receiver.urls);
  fields.Secrets(
      SecretKind::kHeader,
      {"headers", "Of each request, as Name: value.", "[\"X-Team: security\"]"},
      {"headers_file", "A file with headers, one a line.",
       "/etc/oddverb/headers"},
      receiver.headers);
  fields.Secrets(SecretKind::kToken,
                 {"token", "Bearer token.", "\"${RECEIVER_TOKEN}\""},
                 {"token_file", "A file with the bearer token.",
                  "/etc/oddverb/receiver-token"},
                 receiver.token);
  fields.Section({"tls", "For https.", "{ca_file: ca.crt}"}, receiver.tls,
                 &VisitTls);
  fields.Length({"timeout", "Of one request.", "10s"},
                {absl::Milliseconds(100), absl::Minutes(2)}, receiver.timeout);
}

void VisitOneReceiver(ConfigFields& fields, std::string_view example,
                      ReceiverConfig& receiver) {
  receiver.urls.max = 1;
  VisitReceiver(fields,
                {"url", "Of the receiver, whole. Treated as a secret.", example,
                 Need::kRequired},
                {"url_file", "A file with the URL.", "/etc/oddverb/url"},
                receiver);
}

void VisitFormat(ConfigFields& fields, OutputConfig& output) {
  fields.Choice({"format",
                 "native: oddverb's own. falco: as Falco tells a k8s_audit "
                 "rule. ocsf: Detection Finding, 2004. ecs: Elastic's alert. "
                 "cloudevents: 1.0.",
                 "native"},
                FindingFormatNames(), output.format);
}

void VisitAlertmanager(ConfigFields& fields, OutputConfig& output) {
  VisitReceiver(fields,
                {"urls", "All instances; never a load balancer before them.",
                 "[http://alertmanager-0:9093]", Need::kRequired},
                {"urls_file", "A file with the URLs, one a line.",
                 "/etc/oddverb/alertmanagers"},
                output.receiver);
  fields.Length(
      {"hold", "An alert is resolved so long after its last evidence.", "15m"},
      {absl::Seconds(1), absl::Hours(24 * 7)}, output.hold);
  fields.Length(
      {"resend_interval", "A firing alert is sent again after so long.", "1m"},
      {absl::Seconds(1), absl::Minutes(5)}, output.resend_interval);
  fields.Count({"max_alerts",
                "Firing alerts of one detector and severity; what is more "
                "becomes one alert with a count.",
                "200"},
               {1, 10'000}, output.max_alerts);
  fields.Text({"runbook_url", "The rule's id is put behind it.",
               "https://runbooks.example/oddverb/"},
              TextKind::kFree, output.runbook_url);
  fields.Pairs(
      PairKind::kPlain,
      {"labels", "More labels, the same for all alerts.", "{team: security}"},
      output.labels);
}

void VisitWebhook(ConfigFields& fields, OutputConfig& output) {
  VisitOneReceiver(fields, "https://hooks.example/oddverb", output.receiver);
  VisitFormat(fields, output);
  fields.Choice({"body", "one: a finding a request. array: several.", "one"},
                kBodies, output.body);
  fields.Text({"template",
               "A shipped template instead of a format: slack, teams or "
               "pagerduty.",
               "slack"},
              TextKind::kName, output.template_name);
  fields.Text({"template_file",
               "A template of your own: text with ${title} and the like.",
               "/etc/oddverb/chat.json"},
              TextKind::kPath, output.template_file);
  fields.Pairs(
      PairKind::kSecret,
      {"template_values", "What further places of the template stand for.",
       "{routing_key: \"${PAGERDUTY_KEY}\"}"},
      output.template_values);
}

void VisitLoki(ConfigFields& fields, OutputConfig& output) {
  VisitOneReceiver(fields, "http://loki:3100/loki/api/v1/push",
                   output.receiver);
  fields.Text({"tenant", "Sent as X-Scope-OrgID.", "security"}, TextKind::kFree,
              output.tenant);
  fields.Pairs(PairKind::kPlain,
               {"labels", "More labels of the streams.", "{env: prod}"},
               output.labels);
}

void VisitOtlp(ConfigFields& fields, OutputConfig& output) {
  VisitOneReceiver(fields, "http://collector:4318/v1/logs", output.receiver);
  fields.Pairs(PairKind::kPlain,
               {"resource", "More attributes of the resource.",
                "{deployment.environment: prod}"},
               output.labels);
}

void VisitKafka(ConfigFields& fields, OutputConfig& output) {
  fields.Text({"topic", "Where findings go; it must be there.",
               "oddverb.findings", Need::kRequired},
              TextKind::kName, output.kafka.topic);
  VisitFormat(fields, output);
  VisitKafkaClient(fields, output.kafka);
  fields.Length({"timeout", "Of one request.", "10s"},
                {absl::Milliseconds(100), absl::Minutes(2)},
                output.kafka.timeout);
}

}  // namespace

void VisitKafkaClient(ConfigFields& fields, KafkaConfig& kafka) {
  fields.Texts({"brokers", "HOST:PORT of a few brokers; they name the others.",
                "[kafka-0:9092]", Need::kRequired},
               TextKind::kFree, kafka.brokers);
  fields.Section({"tls", "Switches TLS on.", "{ca_file: ca.crt}"}, kafka.tls,
                 &VisitTls);
  fields.Choice({"sasl", "How this client proves who it is, but by TLS.",
                 "scram-sha-512"},
                kSasl, kafka.sasl);
  fields.Text({"username", "For sasl.", "oddverb"}, TextKind::kFree,
              kafka.username);
  fields.Secrets(SecretKind::kPassword,
                 {"password", "For sasl.", "\"${KAFKA_PASSWORD}\""},
                 {"password_file", "A file with the password.",
                  "/etc/oddverb/kafka-password"},
                 kafka.password);
  fields.Pairs(PairKind::kSecret,
               {"properties",
                "Any other property of librdkafka, but those that would lose "
                "or repeat something.",
                "{client.rack: eu-1a}"},
               kafka.properties);
}

void VisitOutput(ConfigFields& fields, OutputConfig& output) {
  output.place = fields.Place();
  ConfigKey type = {
      "type",
      "ndjson: one JSON object a line, to a file. alertmanager, "
      "falcosidekick, loki, otlp: what takes their API. webhook: any HTTP "
      "receiver. kafka: a topic.",
      "ndjson", Need::kRequired};
  if (!fields.Kind(type, kTypes, output.type)) return;
  if (output.name.empty()) output.name = OutputTypeName(output.type);
  fields.Text({"name", "In metrics, unique; default: the type.", "findings"},
              TextKind::kName, output.name);
  fields.Choice({"min_severity", "Findings below are left out.", "medium"},
                kSeverities, output.min_severity);
  switch (output.type) {
    case Type::kNdjson:
      fields.Text({"path", "A file that is appended to; - is standard output.",
                   "\"-\""},
                  TextKind::kPath, output.path);
      return VisitFormat(fields, output);
    case Type::kAlertmanager:
      return VisitAlertmanager(fields, output);
    case Type::kFalcosidekick:
      return VisitOneReceiver(fields, "http://falcosidekick:2801/",
                              output.receiver);
    case Type::kWebhook:
      return VisitWebhook(fields, output);
    case Type::kLoki:
      return VisitLoki(fields, output);
    case Type::kOtlp:
      return VisitOtlp(fields, output);
    case Type::kKafka:
      return VisitKafka(fields, output);
  }
}

std::string_view OutputTypeName(OutputConfig::Type type) {
  return kTypes[static_cast<size_t>(type)];
}

}  // namespace oddverb
