// The configuration of `oddverb run`, as plain values. Its keys are listed in
// config_fields.cc, where the loader, the JSON Schema and the redacted form
// all take them from; rules that concern several keys are in
// config_consistency.cc.
#ifndef ODDVERB_APP_SERVICE_CONFIG_H_
#define ODDVERB_APP_SERVICE_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "app/config_text.h"
#include "app/rules_config.h"
#include "base/ip_address.h"
#include "exporters/finding_format.h"
#include "exporters/webhook_exporter.h"
#include "kafka/kafka_options.h"
#include "model/finding.h"
#include "net/tls_options.h"
#include "pipeline/entity_limits.h"
#include "pipeline/event_order.h"
#include "pipeline/secret_bodies.h"
#include "pipeline/suppression.h"
#include "telemetry/logging.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// Paths of files are absolute, or relative to the folder of the configuration;
// once loaded they can be opened as they are.

// Secrets and the file that they were read from, if they were.
struct ConfigSecrets {
  size_t max = 256;
  std::vector<std::string> values = {};
  std::string file = {};
};

// Names and texts, in the order in which they are written.
using ConfigPairs = std::vector<std::pair<std::string, std::string>>;

// A client of Kafka and its topic.
struct KafkaConfig {
  std::vector<std::string> brokers = {};
  std::optional<TlsClientOptions> tls = {};  // without: no TLS
  KafkaSasl sasl = KafkaSasl::kNone;
  std::string username = {};
  ConfigSecrets password = {.max = 1};
  ConfigPairs properties = {};  // of librdkafka
  std::string topic = {};
  absl::Duration timeout = absl::Seconds(10);
};

struct SourceConfig {
  enum class Type : uint8_t { kTail, kWebhook, kFiles, kStdin, kKafka };
  // Where a tail or a topic starts that has no checkpoint yet.
  enum class Start : uint8_t { kBeginning, kEnd };

  std::string name;  // in metrics and checkpoints; unique
  Type type = Type::kTail;
  // kTail
  std::string path;
  // kTail, kKafka
  Start start = Start::kBeginning;
  absl::Duration poll_interval = absl::Seconds(1);
  // kWebhook
  std::string listener;  // name of a ListenerConfig that serves kAudit
  // kFiles: files, folders and patterns, as `oddverb scan` takes them
  std::vector<std::string> paths;
  // kKafka
  KafkaConfig kafka;
  std::string group = "oddverb";
  std::string instance_id;  // empty: not a static member

  std::string place;  // "file:line:column", for messages
};

// What a listener answers.
enum class Served : uint8_t { kAudit, kMetrics, kHealth, kApi };

struct ListenerConfig {
  std::string name;  // unique
  std::string address;
  std::optional<TlsServerOptions> tls;
  ConfigSecrets tokens;
  std::vector<Served> serve;

  std::string place;

  bool serves(Served what) const;
};

// Who receives findings over HTTP.
struct ReceiverConfig {
  ConfigSecrets urls = {};
  ConfigSecrets headers = {};
  ConfigSecrets token = {.max = 1};  // a bearer token
  std::optional<TlsClientOptions> tls = {};
  absl::Duration timeout = absl::Seconds(10);
};

struct OutputConfig {
  enum class Type : uint8_t {
    kNdjson,
    kAlertmanager,
    kFalcosidekick,
    kWebhook,
    kLoki,
    kOtlp,
    kKafka,
  };

  std::string name = {};  // unique
  Type type = Type::kNdjson;
  Severity min_severity = Severity::kInfo;
  // kNdjson
  std::string path = "-";  // "-" is standard output
  // kNdjson, kWebhook, kKafka
  FindingFormat format = FindingFormat::kNative;
  // All others but kKafka
  ReceiverConfig receiver = {};
  // kAlertmanager
  absl::Duration hold = absl::Minutes(15);
  absl::Duration resend_interval = absl::Minutes(1);
  int64_t max_alerts = 200;
  std::string runbook_url = {};
  // kAlertmanager, kLoki; kOtlp: attributes of the resource
  ConfigPairs labels = {};
  // kWebhook
  WebhookBody body = WebhookBody::kOne;
  std::string template_name = {};  // a shipped one
  std::string template_file = {};
  ConfigPairs template_values = {};
  // kLoki
  std::string tenant = {};
  KafkaConfig kafka = {};

  std::string place = {};
};

struct SuppressConfig : Suppression {
  std::string place;
};

struct DeliveryConfig {
  int64_t opened_per_rule = 60;
  absl::Duration window = absl::Minutes(10);
  absl::Duration retry = absl::Seconds(1);
  absl::Duration max_retry = absl::Minutes(1);
  absl::Duration drain = absl::Seconds(10);
};

// A checkpoint that lies in topics beside the one that is read.
struct KafkaCheckpointConfig {
  std::string state_topic = "oddverb.state";
  std::string findings_topic = "oddverb.findings";
  // Not empty: the members share out the partitions of the source's topic.
  std::string observations_topic = {};
  std::string dead_letters_topic = {};  // empty: none
  std::string transactional_id = {};    // empty: the name of the group
  std::string copy_dir = {};            // of the state; empty: there is none
  bool create_topics = false;
  int64_t replicas = 3;  // of topics that are made
};

struct ServiceConfig {
  // A retry of the API server brings events that are this old, and more.
  static constexpr absl::Duration kWebhookLateness = absl::Minutes(2);

  std::string file;  // where all this was read from
  std::string cluster;
  std::vector<IpNetwork> trusted_proxies;
  std::string state_dir = "/var/lib/oddverb";
  int64_t threads = 0;        // 0: one a core
  int64_t memory_budget = 0;  // bytes; 0: none
  int64_t max_entities = 1'000'000;
  // Of the budget; in the place of max_entities, which is 0 then.
  std::optional<EntityBudget> entity_budget;
  int64_t max_held_bytes = 256 << 20;
  int64_t max_recent_events = 8'000'000;
  // Bytes of records between reading and judging, and as many of bodies that a
  // receiver has and the pipeline has not.
  int64_t in_flight = 64 << 20;
  int64_t http_body = 64 << 20;     // of one request
  int64_t http_bodies = 256 << 20;  // of all that are not answered
  SecretBodies secret_bodies = SecretBodies::kKeep;
  int64_t max_spool = int64_t{1} << 30;
  int64_t max_outbox = 256 << 20;
  int64_t max_outbox_findings = 100'000;
  int64_t max_dead_letters = 100 << 20;
  LogOptions log;
  absl::Duration checkpoint_interval = absl::Seconds(1);
  int64_t checkpoint_bytes = 8 << 20;
  // Without: the checkpoint is in state_dir.
  std::optional<KafkaCheckpointConfig> checkpoint_kafka;
  EventOrder order = EventOrder::kArrival;
  absl::Duration allowed_lateness = absl::Seconds(10);
  std::vector<SourceConfig> sources;
  std::vector<ListenerConfig> listeners;
  std::vector<OutputConfig> outputs = {OutputConfig{.name = "ndjson"}};
  std::string external_url;  // of this service, for links in alerts
  DeliveryConfig delivery;
  std::vector<SuppressConfig> suppress;
  RulesConfig rules;
  YamlNode detectors;  // mapping from detector name to its options
};

// InvalidArgument: every mistake found, each with its place, one a line. A
// secret is never part of a message. Reads the files that hold secrets, but
// opens nothing else; CheckConfigFiles() does.
absl::StatusOr<ServiceConfig> LoadServiceConfig(const std::string& path,
                                                const Environment& environment);
// The same for a text; `path` is for messages and for relative paths.
absl::StatusOr<ServiceConfig> ParseServiceConfig(
    std::string_view text, const std::string& path,
    const Environment& environment);

}  // namespace oddverb

#endif  // ODDVERB_APP_SERVICE_CONFIG_H_
