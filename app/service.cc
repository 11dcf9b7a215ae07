// Long because: the life of the service, from start to stop, is read in one
// place.
#include "app/service.h"

#include <condition_variable>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "app/app.h"
#include "app/build.h"
#include "app/build_version.h"
#include "app/clock_skew.h"
#include "app/group_service.h"
#include "app/http_metrics.h"
#include "app/live_config.h"
#include "app/pipeline_metrics.h"
#include "app/recent_findings.h"
#include "app/scan.h"
#include "app/service_config.h"
#include "app/service_http.h"
#include "app/service_metrics.h"
#include "app/service_outputs.h"
#include "app/service_rules.h"
#include "app/service_sources.h"
#include "app/service_standby.h"
#include "app/service_storage.h"
#include "app/source_health_log.h"
#include "app/stream_meters.h"
#include "app/systemd_notify.h"
#include "app/version_text.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "net/http_server.h"
#include "pipeline/pipeline.h"
#include "telemetry/limited_log.h"
#include "telemetry/logging.h"
#include "telemetry/metrics.h"

namespace oddverb {
namespace {

// A batch takes milliseconds; half a minute without a concluded one, while some
// are under way, is a bug that only a restart mends.
constexpr absl::Duration kWedgedAfter = absl::Seconds(30);
// For answers on their way, once all that was taken is judged. Longer than that
// only a request takes that has stalled: it would get a 503 at its end, and
// while it is waited for the port is closed to everybody.
constexpr absl::Duration kDrainGrace = absl::Seconds(3);

class Service {
 public:
  Service(ServiceConfig config, std::string config_file,
          const Environment& environment, const ServiceStorageOptions& storage)
      : config_(std::move(config)),
        config_file_(std::move(config_file)),
        environment_(environment),
        storage_options_(storage),
        logger_(config_.log, clock_),
        notify_(environment) {}

  absl::Status Run(const ServiceSignals& signals);

 private:
  absl::Status OpenStorage(const std::atomic<bool>& stop);
  absl::Status Build();
  absl::Status StartHttp();
  ServiceAnswers Answers();
  std::string MetricsText();
  absl::Status Healthy();
  absl::Status Ready();
  absl::Status Apply(const ServiceConfig& next);
  void Watch(const ServiceSignals& signals);
  void WatchStorage();
  void WatchProgress();
  void TellRejected(size_t source, const Rejected& rejected);

  const ServiceConfig config_;  // as it was at the start
  const std::string config_file_;
  const Environment environment_;
  const ServiceStorageOptions storage_options_;
  SystemClock clock_;
  Logger logger_;
  SystemdNotify notify_;
  RecentFindings recent_;
  std::unique_ptr<ServiceStorage> storage_;
  std::unique_ptr<ServiceSources> sources_;
  std::unique_ptr<ServiceRules> rules_;
  std::unique_ptr<LiveConfig> live_;
  std::unique_ptr<StreamMeters> meters_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<ClockSkew> skew_;
  SourceHealthLog source_health_;  // of the thread that watches
  std::unique_ptr<ServiceOutputs> outputs_;
  std::unique_ptr<ServiceRoutes> routes_;
  std::unique_ptr<HttpServer> server_;
  // Of server_; null while it starts, though it answers already then.
  std::atomic<HttpServer*> started_server_{nullptr};
  std::atomic<bool> running_{false};
  std::atomic<bool> stopping_{false};

  std::mutex watch_mutex_;
  std::condition_variable watch_changed_;
  bool watch_ends_ = false;                 // guarded by watch_mutex_
  uint64_t last_concluded_ = 0;             // guarded by watch_mutex_
  absl::Time last_progress_ = SteadyNow();  // guarded by watch_mutex_
  bool storage_works_ = true;               // guarded by watch_mutex_
  std::atomic<bool> wedged_{false};
};

absl::Status Service::OpenStorage(const std::atomic<bool>& stop) {
  if (config_.checkpoint_kafka.has_value()) {
    ServiceStandby standby({config_, storage_options_, logger_, notify_, stop});
    ODDVERB_ASSIGN_OR_RETURN(storage_, standby.AwaitState());
  } else {
    ODDVERB_ASSIGN_OR_RETURN(
        storage_,
        ServiceStorage::Open(config_, storage_options_, clock_, logger_));
  }
  return absl::OkStatus();
}

absl::Status Service::Build() {
  Settings settings;
  settings.cluster = config_.cluster;
  settings.trusted_proxies = config_.trusted_proxies;
  settings.detectors = config_.detectors;
  settings.hash = storage_->hash();
  ODDVERB_ASSIGN_OR_RETURN(rules_, ServiceRules::Make(config_.rules, logger_));
  settings.rules = rules_->live();
  live_ = std::make_unique<LiveConfig>(
      LiveConfig::Parts{config_, config_file_, environment_, *rules_, clock_,
                        logger_},
      [this](const ServiceConfig& next) { return Apply(next); });
  ODDVERB_ASSIGN_OR_RETURN(PartFactory parts, MakePartFactory(settings));
  ODDVERB_ASSIGN_OR_RETURN(sources_, ServiceSources::Make(config_));
  ODDVERB_ASSIGN_OR_RETURN(
      outputs_, ServiceOutputs::Make(
                    config_, {storage_->outbox(), recent_, clock_, logger_}));

  PipelineOptions options;
  options.threads = config_.threads > 0
                        ? static_cast<int>(config_.threads)
                        : static_cast<int>(std::thread::hardware_concurrency());
  options.order = config_.order;
  options.max_held_bytes = static_cast<uint64_t>(config_.max_held_bytes);
  options.allowed_lateness = config_.allowed_lateness;
  options.decoder.trusted_proxies = config_.trusted_proxies;
  options.hash = storage_->hash();
  options.max_entities = static_cast<uint32_t>(config_.max_entities);
  options.entity_budget = config_.entity_budget;
  options.duplicates = Duplicates::kPassedOver;
  options.max_recent_events = static_cast<uint32_t>(config_.max_recent_events);
  options.checkpoint_interval = config_.checkpoint_interval;
  options.checkpoint_bytes = static_cast<uint64_t>(config_.checkpoint_bytes);
  meters_ = std::make_unique<StreamMeters>(sources_->named(), clock_);
  options.on_judged = [this](const JudgedBatch& batch) {
    meters_->NoteJudged(batch);
  };
  options.max_bytes_under_way = static_cast<uint64_t>(config_.in_flight);
  options.secret_bodies = config_.secret_bodies;
  ODDVERB_ASSIGN_OR_RETURN(
      pipeline_, Pipeline::Make(options, parts, &storage_->checkpoint()));
  skew_ =
      std::make_unique<ClockSkew>(config_.sources, pipeline_->delays(), clock_);
  return absl::OkStatus();
}

absl::Status Service::StartHttp() {
  if (config_.listeners.empty()) return absl::OkStatus();
  routes_ = std::make_unique<ServiceRoutes>(Answers());
  ODDVERB_ASSIGN_OR_RETURN(
      server_, HttpServer::Start(routes_->ServerOptions(config_, *sources_)));
  started_server_ = server_.get();
  for (size_t i = 0; i < config_.listeners.size(); ++i) {
    logger_.Info("listening", {{"listener", config_.listeners[i].name},
                               {"address", server_->address(i)}});
  }
  return absl::OkStatus();
}

ServiceAnswers Service::Answers() {
  ServiceAnswers answers;
  answers.metrics = [this] { return MetricsText(); };
  answers.healthy = [this] { return Healthy(); };
  answers.ready = [this] { return Ready(); };
  answers.version_json = [] { return VersionJson(); };
  answers.config_json = [this] { return live_->RedactedJson(); };
  answers.findings_json = [this](const FindingQuery& query) {
    return recent_.ToJson(query);
  };
  answers.alerts = [this](std::string_view path, std::string_view query) {
    return outputs_->alert_api->Answer(path, query, clock_.Now());
  };
  answers.reload = [this] { return live_->Reload(); };
  return answers;
}

std::string Service::MetricsText() {
  const BuildVersion& build = GetBuildVersion();
  Metrics metrics({std::string(build.version), std::string(build.revision),
                   /*rules_version=*/""});
  FillPipelineMetrics(pipeline_->counters(),
                      outputs_->delivery->counts_so_far().opened, metrics);
  metrics.Gauge(MetricId::kMemoryBudget)
      .Set(static_cast<double>(config_.memory_budget));
  FillSourceMetrics(*sources_, metrics);
  FillStateMetrics({.counters = pipeline_->counters(),
                    .is_writable = pipeline_->storage().ok(),
                    .write_failures = pipeline_->storage_failures(),
                    .usage = storage_->usage()},
                   metrics);
  outputs_->FillMetrics(metrics);
  meters_->Fill(metrics);
  if (HttpServer* server = started_server_; server != nullptr) {
    FillHttpMetrics(server->counters(), metrics);
    FillTimeoutMetrics(server->counters(), metrics);
  }
  skew_->Fill(metrics);
  rules_->FillMetrics(metrics);
  live_->FillMetrics(metrics);
  return metrics.Serialize();
}

absl::Status Service::Healthy() {
  if (wedged_) {
    return absl::InternalError(absl::StrCat(
        "no batch was judged for ", absl::FormatDuration(kWedgedAfter),
        " though some are waiting; restart, and please report it"));
  }
  return absl::OkStatus();
}

absl::Status Service::Ready() {
  ODDVERB_RETURN_IF_ERROR(Healthy());
  if (stopping_) return absl::UnavailableError("stopping");
  if (!running_) return absl::UnavailableError("starting");
  absl::Status storage = pipeline_->storage();
  if (!storage.ok()) {
    return absl::Status(
        storage.code(),
        absl::StrCat("nothing can be kept, so nothing is taken: ",
                     storage.message()));
  }
  return sources_->Health();
}

// What a running service takes over. Nothing has changed if it fails.
absl::Status Service::Apply(const ServiceConfig& next) {
  if (HttpServer* server = started_server_; server != nullptr) {
    std::vector<HttpAccess> access;
    for (const ListenerConfig& listener : next.listeners) {
      access.push_back({listener.tls, listener.tokens.values});
    }
    ODDVERB_RETURN_IF_ERROR(server->Reload(access));
  }
  logger_.SetLevel(next.log.level);
  for (size_t i = 0; i < outputs_->filters.size(); ++i) {
    outputs_->filters[i]->SetMinSeverity(next.outputs[i].min_severity);
  }
  return absl::OkStatus();
}

void Service::TellRejected(size_t source, const Rejected& rejected) {
  const NamedSource& named = sources_->named()[source];
  logger_.Warn("record not judged",
               {{"source", named.name},
                {"place", named.source->Describe(rejected.position)},
                {"reason", RejectReasonName(rejected.reason)},
                {"detail", rejected.detail}});
}

// Without room for what must be kept, receivers send away what comes; what is
// read already waits in the pipeline. REQUIRES: watch_mutex_ is held.
void Service::WatchStorage() {
  absl::Status storage = pipeline_->storage();
  if (storage.ok() == storage_works_) return;
  storage_works_ = storage.ok();
  sources_->SetIntake(storage.ok() ? WebhookSource::Intake::kOpen
                                   : WebhookSource::Intake::kHeld);
  notify_.Status(storage.ok()
                     ? std::string_view("running")
                     : "waiting for room: the state cannot be written");
  if (storage.ok()) {
    logger_.Info("the state can be written again, going on");
  } else {
    logger_.Error(
        "nothing can be kept, so nothing is taken: waiting for room; nothing "
        "is lost",
        {{"error", std::string(storage.message())}});
  }
}

// REQUIRES: watch_mutex_ is held.
void Service::WatchProgress() {
  const PipelineCounters& counters = pipeline_->counters();
  uint64_t concluded = counters.batches_concluded;
  absl::Time now = SteadyNow();
  // Waiting for room is no bug, and a restart would not help.
  if (concluded != last_concluded_ || counters.batches_read <= concluded ||
      !storage_works_) {
    last_concluded_ = concluded;
    last_progress_ = now;
  }
  wedged_ = now - last_progress_ > kWedgedAfter;
}

// Looks after signals, the watchdog and the pipeline.
void Service::Watch(const ServiceSignals& signals) {
  absl::Time next_alive = SteadyNow();
  std::unique_lock<std::mutex> lock(watch_mutex_);
  while (!watch_ends_) {
    watch_changed_.wait_for(lock, std::chrono::milliseconds(100));
    absl::Status broken = outputs_->sinks->failure();
    if (broken.ok()) broken = storage_->failure();
    bool ends = signals.stop || !broken.ok();
    if (ends && !stopping_.exchange(true)) {
      if (!broken.ok()) {
        logger_.Error("this process cannot go on",
                      {{"error", std::string(broken.message())}});
      }
      notify_.Stopping();
      logger_.Info("stopping");
      sources_->Drain();
    }
    if (signals.reload.exchange(false)) live_->Reload().IgnoreError();
    WatchStorage();
    WatchProgress();
    skew_->Warn(logger_);
    source_health_.Tell(*sources_, logger_);
    if (notify_.watchdog_interval() > absl::ZeroDuration() &&
        SteadyNow() >= next_alive && !wedged_) {
      notify_.Alive();
      next_alive = SteadyNow() + notify_.watchdog_interval() / 2;
    }
  }
}

absl::Status Service::Run(const ServiceSignals& signals) {
  absl::Status opened = OpenStorage(signals.stop);
  if (absl::IsCancelled(opened)) return absl::OkStatus();
  ODDVERB_RETURN_IF_ERROR(opened);
  ODDVERB_RETURN_IF_ERROR(Build());
  ODDVERB_RETURN_IF_ERROR(StartHttp());
  std::thread watch([this, &signals] { Watch(signals); });
  running_ = true;
  notify_.Ready();
  logger_.Info("started", {{"config", config_file_},
                           {"sources", absl::StrCat(config_.sources.size())}});
  absl::Status status = pipeline_->Run(
      sources_->named(), *outputs_->delivery,
      [this](size_t source, const Rejected& r) { TellRejected(source, r); },
      stopping_);
  running_ = false;
  {
    std::lock_guard<std::mutex> lock(watch_mutex_);
    watch_ends_ = true;
  }
  watch_changed_.notify_all();
  watch.join();
  // Nobody reads on: who still waits is to come again.
  sources_->Close();
  if (server_ != nullptr) server_->Stop(kDrainGrace);
  absl::Status sent =
      outputs_->sinks->Stop(clock_.Now() + config_.delivery.drain);
  if (status.ok()) status = outputs_->sinks->failure();
  if (status.ok()) status = storage_->failure();
  if (status.ok()) status = sent;
  if (status.ok()) status = outputs_->delivery->Finish();
  if (status.ok()) logger_.Info("stopped");
  return status;
}

}  // namespace

int RunService(const std::string& config_file, const Environment& environment,
               const ServiceSignals& signals,
               const ServiceStorageOptions& storage) {
  absl::StatusOr<ServiceConfig> config =
      LoadServiceConfig(config_file, environment);
  if (!config.ok()) return ReportError(config.status());
  absl::Status status;
  if (IsGroupService(*config)) {
    status =
        RunGroupService(*config, config_file, environment, storage, signals);
  } else {
    Service service(*std::move(config), config_file, environment, storage);
    status = service.Run(signals);
  }
  return status.ok() ? kExitFine : ReportError(status);
}

}  // namespace oddverb
