#include "app/forward.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "app/app.h"
#include "app/build_version.h"
#include "app/config_changes.h"
#include "app/config_redaction.h"
#include "app/config_secrets.h"
#include "app/event_forwarder.h"
#include "app/http_event_sender.h"
#include "app/kafka_client.h"
#include "app/kafka_event_sender.h"
#include "app/scan.h"
#include "app/service_config.h"
#include "app/service_http.h"
#include "app/service_metrics.h"
#include "app/service_sources.h"
#include "app/source_health_log.h"
#include "app/version_text.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "net/http_server.h"
#include "pipeline/sqlite_checkpoint.h"
#include "telemetry/logging.h"
#include "telemetry/metrics.h"

namespace oddverb {
namespace {

// Makes the sender of one source.
using SenderFactory =
    std::function<absl::StatusOr<std::unique_ptr<EventSender>>(
        const std::string& source, Logger& logger)>;

absl::StatusOr<SenderFactory> ToReceiver(const ForwardOptions& options) {
  HttpEventSender::Options made;
  made.to = options.to;
  made.client.tls = {options.ca_file, options.certificate_file,
                     options.key_file};
  if (options.tls || options.sasl != KafkaSasl::kNone ||
      !options.username.empty() || !options.password_file.empty() ||
      !options.properties.empty() || !options.dead_letter_topic.empty()) {
    return absl::InvalidArgumentError(
        "--tls, --sasl, --username, --password-file, --dead-letters and "
        "--property are for a topic; --to is no kafka:// URL");
  }
  if (!options.token_file.empty()) {
    if (!options.to.starts_with("https://")) {
      return absl::InvalidArgumentError(
          "--token-file: a token is sent over https only; --to is no https "
          "URL");
    }
    ODDVERB_ASSIGN_OR_RETURN(
        std::vector<std::string> tokens,
        ReadSecretFile(SecretKind::kToken, options.token_file, 1));
    made.bearer_token = tokens.front();
  }
  return [made](const std::string& source, Logger& logger) {
    return HttpEventSender::Make(made, source, logger);
  };
}

absl::StatusOr<SenderFactory> ToTopic(const ForwardOptions& options,
                                      const ServiceConfig& config) {
  KafkaEventSender::Options made;
  ODDVERB_RETURN_IF_ERROR(KafkaEventSender::ReadUrl(options.to, made));
  if (!options.token_file.empty()) {
    return absl::InvalidArgumentError(
        "--token-file is for a receiver; a topic takes --sasl, --username and "
        "--password-file");
  }
  if (config.cluster.empty()) {
    return absl::InvalidArgumentError(
        "the configuration needs cluster: it is part of each message's key");
  }
  made.cluster = config.cluster;
  made.dead_letter_topic = options.dead_letter_topic;
  made.keep_samples = config.secret_bodies == SecretBodies::kKeep;
  KafkaConfig client;
  client.brokers = made.client.brokers;
  client.sasl = options.sasl;
  client.username = options.username;
  if (options.tls || !options.ca_file.empty() ||
      !options.certificate_file.empty()) {
    client.tls = {options.ca_file, options.certificate_file, options.key_file};
  }
  if (!options.password_file.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(
        client.password.values,
        ReadSecretFile(SecretKind::kPassword, options.password_file, 1));
  }
  for (const std::string& property : options.properties) {
    const size_t equals = property.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(
          "--property: write NAME=VALUE, a property of librdkafka");
    }
    client.properties.push_back(
        {property.substr(0, equals), property.substr(equals + 1)});
  }
  ODDVERB_RETURN_IF_ERROR(CheckKafkaClient(client));
  made.client = KafkaClientOf(client);
  return [made](const std::string& source, Logger& logger) {
    return KafkaEventSender::Make(made, source, logger);
  };
}

std::string KeyList(const std::vector<std::string>& keys) {
  return keys.empty() ? std::string("nothing") : absl::StrJoin(keys, ", ");
}

// One source with the client that it sends by.
struct Lane {
  std::unique_ptr<EventSender> sender;
  std::unique_ptr<EventForwarder> forwarder;
  absl::Status status;
};

absl::Status ResumeSources(const ServiceSources& sources,
                           SqliteCheckpoint& checkpoint) {
  ODDVERB_ASSIGN_OR_RETURN(std::optional<Restored> restored,
                           checkpoint.Restore());
  if (!restored.has_value()) return absl::OkStatus();
  for (const NamedSource& named : sources.named()) {
    auto bookmark = restored->bookmarks.find(named.name);
    if (bookmark == restored->bookmarks.end()) continue;
    ODDVERB_RETURN_IF_ERROR(named.source->Resume(bookmark->second));
  }
  return absl::OkStatus();
}

class Forwarding {
 public:
  Forwarding(ServiceConfig config, SenderFactory make_sender,
             Environment environment)
      : config_(std::move(config)),
        make_sender_(std::move(make_sender)),
        environment_(std::move(environment)),
        effective_(config_),
        logger_(config_.log, clock_) {}

  absl::Status Run(const std::string& to, const ServiceSignals& signals);

 private:
  absl::Status Build();
  ServiceAnswers Answers();
  absl::Status Ready() const;
  std::string MetricsText() const;
  std::string ConfigJson();
  // Certificates and tokens of listeners and the log level, as `run` does.
  void Reload();
  absl::Status Apply(const ServiceConfig& next);

  const ServiceConfig config_;  // as it was at the start
  const SenderFactory make_sender_;
  const Environment environment_;
  std::mutex reload_mutex_;
  ServiceConfig effective_;  // config_ as reloaded; guarded by reload_mutex_
  SystemClock clock_;
  Logger logger_;
  std::unique_ptr<SqliteCheckpoint> checkpoint_;
  std::unique_ptr<ServiceSources> sources_;
  std::vector<Lane> lanes_;
  std::unique_ptr<ServiceRoutes> routes_;
  std::unique_ptr<HttpServer> server_;
};

absl::Status Forwarding::Build() {
  SqliteCheckpoint::Options state;
  state.directory = config_.state_dir;
  state.max_dead_letter_bytes = static_cast<uint64_t>(config_.max_dead_letters);
  ODDVERB_ASSIGN_OR_RETURN(checkpoint_, SqliteCheckpoint::Open(state, clock_));
  if (!checkpoint_->notice().empty()) logger_.Error(checkpoint_->notice());
  ODDVERB_ASSIGN_OR_RETURN(sources_, ServiceSources::Make(config_));
  ODDVERB_RETURN_IF_ERROR(ResumeSources(*sources_, *checkpoint_));
  for (const NamedSource& named : sources_->named()) {
    Lane& lane = lanes_.emplace_back();
    ODDVERB_ASSIGN_OR_RETURN(lane.sender, make_sender_(named.name, logger_));
    lane.forwarder = std::make_unique<EventForwarder>(
        EventForwarder::Options{config_.secret_bodies}, named, *lane.sender,
        *checkpoint_, logger_);
  }
  if (config_.listeners.empty()) return absl::OkStatus();
  routes_ = std::make_unique<ServiceRoutes>(Answers());
  ODDVERB_ASSIGN_OR_RETURN(
      server_, HttpServer::Start(routes_->ServerOptions(config_, *sources_)));
  for (size_t i = 0; i < config_.listeners.size(); ++i) {
    logger_.Info("listening", {{"listener", config_.listeners[i].name},
                               {"address", server_->address(i)}});
  }
  return absl::OkStatus();
}

ServiceAnswers Forwarding::Answers() {
  ServiceAnswers answers;
  answers.metrics = [this] { return MetricsText(); };
  answers.healthy = [] { return absl::OkStatus(); };
  answers.ready = [this] { return Ready(); };
  answers.version_json = [] { return VersionJson(); };
  answers.config_json = [this] { return ConfigJson(); };
  return answers;
}

std::string Forwarding::ConfigJson() {
  std::lock_guard<std::mutex> lock(reload_mutex_);
  return RedactedConfigJson(effective_);
}

absl::Status Forwarding::Apply(const ServiceConfig& next) {
  if (server_ != nullptr) {
    std::vector<HttpAccess> access;
    for (const ListenerConfig& listener : next.listeners) {
      access.push_back({listener.tls, listener.tokens.values});
    }
    ODDVERB_RETURN_IF_ERROR(server_->Reload(access));
  }
  logger_.SetLevel(next.log.level);
  return absl::OkStatus();
}

void Forwarding::Reload() {
  std::lock_guard<std::mutex> lock(reload_mutex_);
  absl::StatusOr<ServiceConfig> fresh =
      LoadServiceConfig(config_.file, environment_);
  absl::Status status = fresh.status();
  ServiceConfig next = effective_;
  if (status.ok()) {
    CopyLiveKeys(*fresh, next);
    status = Apply(next);
  }
  if (!status.ok()) {
    logger_.Error("configuration refused, the old one stays",
                  {{"error", std::string(status.message())}});
    return;
  }
  // Against what runs, so that a change that is taken back is none.
  std::string changed = KeyList(CompareConfigs(effective_, *fresh).live);
  std::string waits = KeyList(CompareConfigs(config_, *fresh).restart);
  effective_ = std::move(next);
  logger_.Info("configuration reloaded, certificates and tokens read again",
               {{"in_effect", changed}, {"needs_restart", waits}});
}

absl::Status Forwarding::Ready() const {
  ODDVERB_RETURN_IF_ERROR(sources_->Health());
  for (const Lane& lane : lanes_) {
    ODDVERB_RETURN_IF_ERROR(lane.forwarder->health());
  }
  return absl::OkStatus();
}

std::string Forwarding::MetricsText() const {
  const BuildVersion& build = GetBuildVersion();
  Metrics metrics({std::string(build.version), std::string(build.revision),
                   /*rules_version=*/""});
  FillSourceMetrics(*sources_, metrics);
  for (size_t i = 0; i < lanes_.size(); ++i) {
    metrics.Counter(MetricId::kForwardedEvents, {sources_->named()[i].name})
        .Add(static_cast<double>(lanes_[i].sender->events_sent()));
  }
  return metrics.Serialize();
}

absl::Status Forwarding::Run(const std::string& to,
                             const ServiceSignals& signals) {
  ODDVERB_RETURN_IF_ERROR(Build());
  logger_.Info("forwarding", {{"to", to}});
  std::vector<std::thread> threads;
  std::atomic<bool> ending{false};
  std::atomic<size_t> running{lanes_.size()};
  for (Lane& lane : lanes_) {
    threads.emplace_back([&] {
      lane.status = lane.forwarder->Run(ending);
      // One that failed ends all: a restart begins where each of them is.
      if (!lane.status.ok()) ending = true;
      --running;
    });
  }
  SourceHealthLog source_health;
  while (!signals.stop && !ending && running > 0) {
    source_health.Tell(*sources_, logger_);
    if (signals.reload.exchange(false)) Reload();
    absl::SleepFor(absl::Milliseconds(50));
  }
  ending = true;
  // Whoever waits for an answer is to come again: to the next process.
  sources_->Close();
  for (Lane& lane : lanes_) lane.sender->Abort();
  for (std::thread& thread : threads) thread.join();
  if (server_ != nullptr) server_->Stop(absl::Seconds(5));
  for (const Lane& lane : lanes_) ODDVERB_RETURN_IF_ERROR(lane.status);
  logger_.Info("stopped");
  return absl::OkStatus();
}

}  // namespace

int RunForward(const ForwardOptions& options, const Environment& environment,
               const ServiceSignals& signals) {
  absl::StatusOr<ServiceConfig> config =
      LoadServiceConfig(options.config_file, environment);
  if (!config.ok()) return ReportError(config.status());
  absl::StatusOr<SenderFactory> make_sender = options.to.starts_with("kafka:")
                                                  ? ToTopic(options, *config)
                                                  : ToReceiver(options);
  if (!make_sender.ok()) return ReportError(make_sender.status());
  Forwarding forwarding(*std::move(config), *std::move(make_sender),
                        environment);
  absl::Status status = forwarding.Run(options.to, signals);
  return status.ok() ? kExitFine : ReportError(status);
}

}  // namespace oddverb
