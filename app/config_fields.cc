#include "app/config_fields.h"

#include <algorithm>

#include "detectors/detectors.h"
#include "pipeline/memory_plan.h"

namespace oddverb {
namespace {

using Need = ConfigKey::Need;

// Each in the order of its enumeration.
constexpr std::string_view kSourceTypes[] = {"tail", "webhook", "files",
                                             "stdin", "kafka"};
constexpr std::string_view kStarts[] = {"beginning", "end"};
constexpr std::string_view kServed[] = {"audit", "metrics", "health", "api"};
constexpr std::string_view kOrders[] = {"arrival", "event_time"};
constexpr std::string_view kSecretBodies[] = {"keep", "strip"};
constexpr std::string_view kLogLevels[] = {"debug", "info", "warn", "error"};
constexpr std::string_view kLogFormats[] = {"logfmt", "json"};

void VisitLog(ConfigFields& fields, LogOptions& log) {
  fields.Choice({"level", "Messages below are not written.", "info"},
                kLogLevels, log.level);
  fields.Choice({"format", "Of messages on standard error.", "logfmt"},
                kLogFormats, log.format);
}

void VisitMemory(ConfigFields& fields, ServiceConfig& config) {
  fields.Bytes({"budget",
                "What the whole service may take. All sizes that are not set "
                "are shares of it, and what is not in use rests in packed "
                "form. Without it, each has its own default.",
                "512MiB"},
               {MemoryPlan::kLeastBudget, int64_t{1} << 40},
               config.memory_budget);
  fields.Count({"max_entities",
                "Actors, credentials and pods remembered, each kind; the least "
                "recently seen are forgotten. Not beside a budget, which says "
                "it.",
                "1000000"},
               {1024, 50'000'000}, config.max_entities);
  fields.Bytes({"held_events",
                "With order: event_time, records that wait for their turn; "
                "beyond, the earliest are judged before it.",
                "256MiB"},
               {1 << 20, int64_t{64} << 30}, config.max_held_bytes);
  fields.Count({"max_recent_events",
                "Events of which is known that they came, so that one that "
                "comes again is judged once; about 30 bytes each. Those of 10 "
                "minutes are enough.",
                "8000000"},
               {131'072, 500'000'000}, config.max_recent_events);
  fields.Bytes({"in_flight",
                "Records between reading and judging; beyond, sources are not "
                "read. As much again may wait in each receiver.",
                "64MiB"},
               {1 << 20, int64_t{16} << 30}, config.in_flight);
  fields.Bytes({"http_body",
                "The largest request body; a larger one gets 413, and what the "
                "API server posts so is lost.",
                "64MiB"},
               {1 << 20, 1 << 30}, config.http_body);
  fields.Bytes({"http_bodies",
                "All request bodies together until they are answered; beyond, "
                "a request gets 503 and comes again. At least http_body.",
                "256MiB"},
               {1 << 20, int64_t{16} << 30}, config.http_bodies);
}

void VisitState(ConfigFields& fields, ServiceConfig& config) {
  fields.Choice(
      {"secret_bodies",
       "Whether requestObject and responseObject of secrets (and of token "
       "requests and token reviews) may be written to state_dir, where posted "
       "events wait to be judged. strip: they are not, and records that could "
       "not be read are kept there without a sample of their bytes.",
       "strip"},
      kSecretBodies, config.secret_bodies);
  fields.Bytes({"max_spool",
                "Posted events not yet judged; beyond, a request gets 503 and "
                "comes again. At least twice memory.http_body.",
                "1GiB"},
               {1 << 20, int64_t{1} << 40}, config.max_spool);
  fields.Bytes(
      {"max_outbox",
       "Findings not yet delivered; beyond, sources are not read.", "256MiB"},
      {1 << 20, int64_t{1} << 40}, config.max_outbox);
  fields.Count({"max_outbox_findings", "The same as a number.", "100000"},
               {1000, 100'000'000}, config.max_outbox_findings);
  fields.Bytes({"max_dead_letters",
                "Records that could not be read, kept for a person to look at; "
                "beyond, the oldest go.",
                "100MiB"},
               {1 << 20, int64_t{1} << 40}, config.max_dead_letters);
}

void VisitTopic(ConfigFields& fields, SourceConfig& source) {
  fields.Text({"topic", "Of audit events, in any form that a file may have.",
               "oddverb.events", Need::kRequired},
              TextKind::kName, source.kafka.topic);
  fields.Text({"group",
               "The consumer group; its members share the partitions. A "
               "cluster's events belong to one group.",
               "oddverb"},
              TextKind::kFree, source.group);
  fields.Text({"instance_id",
               "Makes a static member, whose restart moves no partition: its "
               "own for each process, and kept by it.",
               "\"${HOSTNAME}\""},
              TextKind::kFree, source.instance_id);
  fields.Choice({"start",
                 "Where to start in partitions of which neither the checkpoint "
                 "nor the group knows anything.",
                 "end"},
                kStarts, source.start);
  VisitKafkaClient(fields, source.kafka);
}

void VisitSource(ConfigFields& fields, SourceConfig& source) {
  source.place = fields.Place();
  ConfigKey type = {
      "type",
      "tail: a log file and its rotated ones, for ever. webhook: what the API "
      "server posts to /audit/CLUSTER. files: once, to their end. stdin: "
      "standard input. kafka: a topic, as a member of a group.",
      "tail", Need::kRequired};
  if (!fields.Kind(type, kSourceTypes, source.type)) return;
  if (source.name.empty()) source.name = SourceTypeName(source.type);
  fields.Text({"name",
               "In metrics and checkpoints, unique; default: the type. A "
               "source with a new name starts anew.",
               "node-1"},
              TextKind::kName, source.name);
  switch (source.type) {
    case SourceConfig::Type::kTail:
      fields.Text({"path",
                   "The file that the API server writes (--audit-log-path). "
                   "Rotated files beside it are found.",
                   "/var/log/kubernetes/audit/audit.log", Need::kRequired},
                  TextKind::kPath, source.path);
      fields.Choice({"start", "Where to start without a checkpoint.", "end"},
                    kStarts, source.start);
      fields.Length({"poll_interval",
                     "How long a change may go unseen where the file system "
                     "tells none.",
                     "1s"},
                    {absl::Milliseconds(10), absl::Minutes(1)},
                    source.poll_interval);
      break;
    case SourceConfig::Type::kWebhook:
      fields.Text({"listener", "Name of the listener that serves audit.",
                   "webhook", Need::kRequired},
                  TextKind::kName, source.listener);
      break;
    case SourceConfig::Type::kFiles:
      fields.Texts({"paths", "Files, folders and patterns.",
                    "[/var/log/kubernetes/audit/]", Need::kRequired},
                   TextKind::kPath, source.paths);
      break;
    case SourceConfig::Type::kStdin:
      break;
    case SourceConfig::Type::kKafka:
      VisitTopic(fields, source);
      break;
  }
}

void VisitTls(ConfigFields& fields, TlsServerOptions& tls) {
  fields.Text(
      {"certificate_file", "PEM, with the intermediate certificates behind it.",
       "/etc/oddverb/tls.crt", Need::kRequired},
      TextKind::kPath, tls.certificate_file);
  fields.Text({"key_file", "PEM, without a passphrase.", "/etc/oddverb/tls.key",
               Need::kRequired},
              TextKind::kPath, tls.key_file);
  fields.Text({"client_ca_file",
               "PEM; if given, clients must show a certificate that one of "
               "these signed.",
               "/etc/oddverb/client-ca.crt"},
              TextKind::kPath, tls.client_ca_file);
}

void VisitListener(ConfigFields& fields, ListenerConfig& listener) {
  listener.place = fields.Place();
  fields.Text(
      {"name", "Unique; sources refer to it.", "webhook", Need::kRequired},
      TextKind::kName, listener.name);
  fields.Text({"address",
               "Host and port; the host is an address, localhost, or nothing "
               "for every address.",
               "127.0.0.1:9642", Need::kRequired},
              TextKind::kFree, listener.address);
  fields.Choices({"serve",
                  "audit: the API server's webhook at /audit/CLUSTER. metrics: "
                  "/metrics. health: /healthz, /livez, /readyz. api: findings, "
                  "alerts, configuration, reload. Off loopback audit and api "
                  "need tls with "
                  "client_ca_file or tokens; metrics and health are open.",
                  "[metrics, health]", Need::kRequired},
                 kServed, listener.serve);
  fields.Section({"tls", "Without it the listener speaks plain HTTP.",
                  "{certificate_file: tls.crt, key_file: tls.key}"},
                 listener.tls, &VisitTls);
  fields.Secrets(SecretKind::kToken,
                 {"tokens",
                  "Bearer tokens, one of which audit and api ask for. Better "
                  "kept in tokens_file or in a variable.",
                  "[\"${ODDVERB_TOKEN}\"]"},
                 {"tokens_file", "A file with bearer tokens, one a line.",
                  "/etc/oddverb/tokens"},
                 listener.tokens);
}

std::string_view AboutMatcher(SuppressedBy field) {
  switch (field) {
    case SuppressedBy::kRule:
      return "As in the finding: forbidden.fanout, or forbidden.*";
    case SuppressedBy::kDetector:
      return "As in the finding.";
    case SuppressedBy::kEntity:
      return "Whom the finding is about.";
    case SuppressedBy::kEntityKind:
      return "serviceaccount, user, node, anonymous, address.";
    case SuppressedBy::kNamespace:
      return "Every namespace of the finding must match.";
    case SuppressedBy::kSourceIp:
      return "An address, a pattern or a network.";
    case SuppressedBy::kCluster:
      return "The name of the cluster.";
    default:
      return "The id of one finding, or its first digits and a *.";
  }
}

void VisitSuppression(ConfigFields& fields, SuppressConfig& entry) {
  entry.place = fields.Place();
  fields.Text({"name", "In metrics and messages, unique.", "backup-job",
               Need::kRequired},
              TextKind::kName, entry.name);
  auto visit_matchers = [&entry](ConfigFields& inner) {
    for (size_t i = 0; i < SuppressedByNames().size(); ++i) {
      inner.Text({SuppressedByNames()[i],
                  AboutMatcher(static_cast<SuppressedBy>(i)), "\"*\""},
                 TextKind::kFree, entry.patterns[i]);
    }
  };
  fields.Section(
      {"matchers",
       "All that are given must fit; * stands for any text, ? for "
       "one character.",
       "{rule: forbidden.*, entity: \"system:serviceaccount:ops:*\"}",
       Need::kRequired},
      visit_matchers);
  fields.Text({"reason", "For whoever reads this later.",
               "lists all namespaces each night, ticket 4711", Need::kRequired},
              TextKind::kFree, entry.reason);
  fields.Moment({"expires",
                 "Findings of this time and later are told again. A date is "
                 "its first moment, UTC.",
                 "2027-01-31", Need::kRequired},
                entry.expires);
}

void VisitDelivery(ConfigFields& fields, DeliveryConfig& delivery) {
  fields.Count({"opened_per_rule",
                "Findings that a rule may open in a window; high and critical "
                "ones are counted apart. What is above is told as one finding "
                "that counts them.",
                "60"},
               {1, 1'000'000}, delivery.opened_per_rule);
  fields.Length({"window", "Of event time.", "10m"},
                {absl::Seconds(10), absl::Hours(24)}, delivery.window);
  fields.Length({"retry",
                 "Bound of the pause before the first repeat of what an "
                 "output did not take; it doubles up to max_retry.",
                 "1s"},
                {absl::Milliseconds(10), absl::Hours(1)}, delivery.retry);
  fields.Length({"max_retry", "Bound of every such pause.", "1m"},
                {absl::Milliseconds(10), absl::Hours(1)}, delivery.max_retry);
  fields.Length({"drain",
                 "How long a stopping service hands over findings; the rest "
                 "waits for the next start.",
                 "10s"},
                {absl::ZeroDuration(), absl::Hours(1)}, delivery.drain);
}

void VisitRunning(ConfigFields& fields, ServiceConfig& config) {
  fields.Text({"state_dir",
               "Folder of positions, state and events not yet judged; made if "
               "it is not there. One process at a time.",
               "/var/lib/oddverb"},
              TextKind::kPath, config.state_dir);
  fields.Count({"threads", "Worker threads; default: one a core.", "2"},
               {1, 64}, config.threads);
  fields.Section({"state", "What state_dir may hold.", "{}"},
                 [&config](ConfigFields& inner) { VisitState(inner, config); });
  fields.Section(
      {"memory", "Bounds of what is held in memory.", "{}"},
      [&config](ConfigFields& inner) { VisitMemory(inner, config); });
  fields.Section(
      {"log", "Messages of the program, on standard error.", "{}"},
      [&config](ConfigFields& inner) { VisitLog(inner, config.log); });
  fields.Section(
      {"checkpoint", "How often the state is made durable, and where.", "{}"},
      [&config](ConfigFields& inner) { VisitCheckpoint(inner, config); });
  fields.Choice({"order",
                 "arrival: events are judged as they come. event_time: events "
                 "of all sources wait for allowed_lateness and are judged in "
                 "the order of their own time, so that findings do not depend "
                 "on how the sources are interleaved.",
                 "arrival"},
                kOrders, config.order);
  fields.Length({"allowed_lateness",
                 "How much later than the newest event one of another source "
                 "may come; default: 10s, and 2m with a webhook, as the API "
                 "server sends again what was not taken.",
                 "10s"},
                {absl::ZeroDuration(), absl::Hours(1)},
                config.allowed_lateness);
}

}  // namespace

void VisitConfig(ConfigFields& fields, ServiceConfig& config) {
  std::vector<std::string_view> detectors;
  for (const DetectorEntry& entry : AllDetectors()) {
    detectors.push_back(entry.name);
  }
  fields.Text({"cluster",
               "Name of the cluster: part of every finding, of its id, and of "
               "the webhook's path. Never change it: all that was learned is "
               "bound to it.",
               "prod-eu-1"},
              TextKind::kFree, config.cluster);
  fields.Networks({"trusted_proxies",
                   "Networks of load balancers and proxies before the API "
                   "server. They are passed over in sourceIPs, from the right, "
                   "to find the client's address.",
                   "[10.0.0.0/8]"},
                  config.trusted_proxies);
  VisitRunning(fields, config);
  fields.List({"sources", "Where audit events come from.",
               "[{type: tail, path: /var/log/kubernetes/audit/audit.log}]",
               Need::kRequired},
              config.sources, &VisitSource);
  fields.List(
      {"listeners", "Where HTTP is answered; none: nowhere.",
       "[{name: probes, address: \":9642\", serve: [metrics, health]}]"},
      config.listeners, &VisitListener);
  fields.Text({"external_url",
               "How people reach this service; links in alerts begin with it.",
               "https://oddverb.example"},
              TextKind::kFree, config.external_url);
  fields.List(
      {"outputs", "Where findings go; default: ndjson on standard output.",
       "[{type: ndjson, path: \"-\"}]"},
      config.outputs, &VisitOutput);
  fields.Section({"delivery", "How findings are handed to the outputs.", "{}"},
                 [&config](ConfigFields& inner) {
                   VisitDelivery(inner, config.delivery);
                 });
  VisitSuppressions(fields, config.suppress);
  VisitRulesSection(fields, config.rules);
  fields.Mapping({"detectors", "Options of each detector.",
                  "{forbidden_burst: {profile: sensitive}}"},
                 detectors, config.detectors);
}

void VisitRulesSection(ConfigFields& fields, RulesConfig& rules) {
  fields.Section({"rules", "Rules beside the detectors, Sigma's and Falco's.",
                  "{paths: [/etc/oddverb/rules]}"},
                 [&rules](ConfigFields& inner) { VisitRules(inner, rules); });
}

void VisitSuppressions(ConfigFields& fields,
                       std::vector<SuppressConfig>& entries) {
  fields.List({"suppress",
               "Findings that are counted but not told, each entry with a "
               "reason and an end.",
               "[{name: backup-job, matchers: {rule: forbidden.*}, reason: "
               "ticket 4711, expires: 2027-01-31}]"},
              entries, &VisitSuppression);
}

std::string_view SourceTypeName(SourceConfig::Type type) {
  return kSourceTypes[static_cast<size_t>(type)];
}

std::string_view ServedName(Served what) {
  return kServed[static_cast<size_t>(what)];
}

}  // namespace oddverb
