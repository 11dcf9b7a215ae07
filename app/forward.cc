#include "app/forward.h"

#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "app/app.h"
#include "app/event_forwarder.h"
#include "app/scan.h"
#include "app/service_config.h"
#include "app/service_http.h"
#include "app/service_sources.h"
#include "app/version_text.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "net/http_server.h"
#include "pipeline/sqlite_checkpoint.h"
#include "telemetry/logging.h"

namespace oddverb {
namespace {

absl::StatusOr<EventForwarder::Options> OptionsOf(
    const ForwardOptions& options) {
  EventForwarder::Options made;
  made.to = options.to;
  if (options.token_file.empty()) return made;
  if (!options.to.starts_with("https://")) {
    return absl::InvalidArgumentError(
        "--token-file: a token is sent over https only; --to is no https URL");
  }
  ODDVERB_ASSIGN_OR_RETURN(std::vector<std::string> tokens,
                           ReadTokenFile(options.token_file, 1));
  made.bearer_token = tokens.front();
  return made;
}

// One source with the client that it sends by.
struct Lane {
  std::unique_ptr<HttpClient> client;
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

absl::StatusOr<std::unique_ptr<HttpServer>> StartReceivers(
    const ServiceConfig& config, const ServiceSources& sources,
    const ServiceRoutes& routes) {
  HttpServerOptions server;
  for (const ListenerConfig& listener : config.listeners) {
    HttpListener made;
    made.address = listener.address;
    made.tls = listener.tls;
    made.bearer_tokens = listener.tokens;
    made.routes = routes.For(listener);
    for (HttpRoute& route : sources.RoutesOf(listener.name)) {
      made.routes.push_back(std::move(route));
    }
    server.listeners.push_back(std::move(made));
  }
  return HttpServer::Start(std::move(server));
}

absl::Status Forward(const ForwardOptions& options, const ServiceConfig& config,
                     const ServiceSignals& signals) {
  SystemClock clock;
  Logger logger(config.log, clock);
  ODDVERB_ASSIGN_OR_RETURN(EventForwarder::Options lane_options,
                           OptionsOf(options));
  SqliteCheckpoint::Options state;
  state.directory = config.state_dir;
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<SqliteCheckpoint> checkpoint,
                           SqliteCheckpoint::Open(state, clock));
  if (!checkpoint->notice().empty()) logger.Error(checkpoint->notice());
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<ServiceSources> sources,
                           ServiceSources::Make(config));
  ODDVERB_RETURN_IF_ERROR(ResumeSources(*sources, *checkpoint));
  std::vector<Lane> lanes;
  for (const NamedSource& named : sources->named()) {
    Lane& lane = lanes.emplace_back();
    HttpClientOptions client;
    client.tls = {options.ca_file, options.certificate_file, options.key_file};
    ODDVERB_ASSIGN_OR_RETURN(lane.client, HttpClient::Make(client));
    lane.forwarder = std::make_unique<EventForwarder>(
        lane_options, named, *lane.client, *checkpoint, logger);
  }
  ServiceAnswers answers;
  answers.healthy = [] { return absl::OkStatus(); };
  answers.ready = [&] {
    ODDVERB_RETURN_IF_ERROR(sources->Health());
    for (const Lane& lane : lanes) {
      ODDVERB_RETURN_IF_ERROR(lane.forwarder->health());
    }
    return absl::OkStatus();
  };
  answers.metrics = [&] {
    uint64_t sent = 0;
    for (const Lane& lane : lanes) sent += lane.forwarder->events_sent();
    return absl::StrCat(
        "# HELP oddverb_forwarded_events_total Events that the receiver took.\n"
        "# TYPE oddverb_forwarded_events_total counter\n"
        "oddverb_forwarded_events_total ",
        sent, "\n");
  };
  answers.version_json = [] { return VersionJson(); };
  answers.config_json = [] { return std::string("{}\n"); };
  answers.findings_json = [](Severity) { return std::string("[]\n"); };
  answers.reload = [] {
    return absl::UnimplementedError("restart the forwarder instead");
  };
  ServiceRoutes routes(std::move(answers));
  std::unique_ptr<HttpServer> server;
  if (!config.listeners.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(server, StartReceivers(config, *sources, routes));
  }
  logger.Info("forwarding", {{"to", options.to}});
  std::vector<std::thread> threads;
  for (Lane& lane : lanes) {
    threads.emplace_back(
        [&lane, &signals] { lane.status = lane.forwarder->Run(signals.stop); });
  }
  for (std::thread& thread : threads) thread.join();
  if (server != nullptr) server->Stop(absl::Seconds(5));
  for (const Lane& lane : lanes) ODDVERB_RETURN_IF_ERROR(lane.status);
  logger.Info("stopped");
  return absl::OkStatus();
}

}  // namespace

int RunForward(const ForwardOptions& options, const Environment& environment,
               const ServiceSignals& signals) {
  absl::StatusOr<ServiceConfig> config =
      LoadServiceConfig(options.config_file, environment);
  if (!config.ok()) return ReportError(config.status());
  absl::Status status = Forward(options, *config, signals);
  return status.ok() ? kExitFine : ReportError(status);
}

}  // namespace oddverb
