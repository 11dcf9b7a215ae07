#include "app/group_service.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "app/build_version.h"
#include "app/group_share.h"
#include "app/held_shares.h"
#include "app/http_metrics.h"
#include "app/kafka_client.h"
#include "app/kafka_group_key.h"
#include "app/kafka_topics_check.h"
#include "app/live_config.h"
#include "app/recent_findings.h"
#include "app/service_http.h"
#include "app/service_metrics.h"
#include "app/service_rules.h"
#include "app/service_sources.h"
#include "app/stream_meters.h"
#include "app/systemd_notify.h"
#include "app/version_text.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "kafka/kafka_shares.h"
#include "net/http_server.h"
#include "telemetry/logging.h"
#include "telemetry/metrics.h"

namespace oddverb {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(100);
constexpr absl::Duration kPatience = absl::Seconds(5);  // of one question
constexpr absl::Duration kWedgedAfter =
    absl::Seconds(30);                                    // see app/service.cc
constexpr absl::Duration kDrainGrace = absl::Seconds(3);  // for answers

class GroupService {
 public:
  GroupService(const ServiceConfig& config, const std::string& config_file,
               const Environment& environment,
               const ServiceStorageOptions& storage)
      : config_(config),
        config_file_(config_file),
        environment_(environment),
        storage_(storage),
        logger_(config_.log, clock_),
        notify_(environment),
        current_(config) {}

  absl::Status Run(const ServiceSignals& signals);

 private:
  absl::Status StartHttp();
  ServiceAnswers Answers();
  std::string MetricsText();
  absl::Status Healthy() const;
  absl::Status Ready() const;
  absl::Status Apply(const ServiceConfig& next);
  absl::StatusOr<uint32_t> AwaitTopics(const std::atomic<bool>& stop);
  absl::Status Join(const std::atomic<bool>& stop);
  ServiceConfig current() const;
  std::unique_ptr<GroupShare> BeginShare(int32_t number);
  // Notes what is waited for. Cancelled: stopped.
  absl::Status Pause(const absl::Status& cause, const std::atomic<bool>& stop);
  void Note(const absl::Status& health);
  absl::Status Watch(const ServiceSignals& signals);
  void KeepAlive();

  const ServiceConfig config_;
  const std::string config_file_;
  const Environment environment_;
  const ServiceStorageOptions storage_;
  SystemClock clock_;
  Logger logger_;
  SystemdNotify notify_;
  RecentFindings recent_;
  std::mutex turn_;
  std::unique_ptr<ServiceRules> rules_;
  std::unique_ptr<LiveConfig> live_;
  std::unique_ptr<ServiceSources> routes_sources_;  // for its names alone
  std::mutex meters_mutex_;
  std::unique_ptr<StreamMeters> meters_;  // written with meters_mutex_ held
  std::unique_ptr<ServiceRoutes> routes_;
  std::unique_ptr<HttpServer> server_;
  std::atomic<HttpServer*> started_server_{nullptr};
  std::string hash_key_;
  uint32_t partitions_ = 0;
  std::unique_ptr<HeldShares> held_;
  std::unique_ptr<KafkaShares> shares_;
  // Both above are there, for other threads than Run()'s.
  std::atomic<bool> joined_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> wedged_{false};
  absl::Time next_alive_ = absl::InfinitePast();
  mutable std::mutex mutex_;
  // Both guarded by mutex_.
  std::string waits_for_;
  ServiceConfig current_;  // config_ as reloaded
};

absl::Status GroupService::StartHttp() {
  if (config_.listeners.empty()) return absl::OkStatus();
  routes_ = std::make_unique<ServiceRoutes>(Answers());
  ODDVERB_ASSIGN_OR_RETURN(server_, HttpServer::Start(routes_->ServerOptions(
                                        config_, *routes_sources_)));
  started_server_ = server_.get();
  for (size_t i = 0; i < config_.listeners.size(); ++i) {
    logger_.Info("listening", {{"listener", config_.listeners[i].name},
                               {"address", server_->address(i)}});
  }
  return absl::OkStatus();
}

ServiceAnswers GroupService::Answers() {
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
    return joined_ ? held_->AnswerAlerts(path, query)
                   : TextResponse(503, "not in the group yet");
  };
  answers.reload = [this] { return live_->Reload(); };
  return answers;
}

std::string GroupService::MetricsText() {
  const BuildVersion& build = GetBuildVersion();
  Metrics metrics({std::string(build.version), std::string(build.revision),
                   /*rules_version=*/""});
  GroupTotals totals;
  if (joined_) held_->AddTo(totals);
  totals.Fill(config_.sources.front().name, metrics);
  {
    std::lock_guard<std::mutex> lock(meters_mutex_);
    meters_->Fill(metrics);
  }
  if (HttpServer* server = started_server_; server != nullptr) {
    FillHttpMetrics(server->counters(), metrics);
    FillTimeoutMetrics(server->counters(), metrics);
  }
  rules_->FillMetrics(metrics);
  live_->FillMetrics(metrics);
  return metrics.Serialize();
}

absl::Status GroupService::Healthy() const {
  if (!wedged_) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(
      "no batch was judged for ", absl::FormatDuration(kWedgedAfter),
      " though some are waiting; restart, and please report it"));
}

absl::Status GroupService::Ready() const {
  ODDVERB_RETURN_IF_ERROR(Healthy());
  if (stopping_) return absl::UnavailableError("stopping");
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!waits_for_.empty()) return absl::UnavailableError(waits_for_);
  }
  if (!joined_) return absl::UnavailableError("starting");
  ODDVERB_RETURN_IF_ERROR(shares_->health());
  return held_->health();
}

absl::Status GroupService::Apply(const ServiceConfig& next) {
  if (HttpServer* server = started_server_; server != nullptr) {
    std::vector<HttpAccess> access;
    for (const ListenerConfig& listener : next.listeners) {
      access.push_back({listener.tls, listener.tokens.values});
    }
    ODDVERB_RETURN_IF_ERROR(server->Reload(access));
  }
  logger_.SetLevel(next.log.level);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    current_ = next;
  }
  if (joined_) held_->SetMinSeverities(next.outputs);
  return absl::OkStatus();
}

ServiceConfig GroupService::current() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return current_;
}

void GroupService::KeepAlive() {
  if (notify_.watchdog_interval() <= absl::ZeroDuration()) return;
  if (SteadyNow() < next_alive_ || wedged_) return;
  notify_.Alive();
  next_alive_ = SteadyNow() + notify_.watchdog_interval() / 2;
}

void GroupService::Note(const absl::Status& health) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (waits_for_ == health.message()) return;
  waits_for_ = std::string(health.message());
  lock.unlock();
  if (health.ok()) {
    logger_.Info("going on");
  } else {
    logger_.Warn("waiting", {{"error", std::string(health.message())}});
  }
}

absl::Status GroupService::Pause(const absl::Status& cause,
                                 const std::atomic<bool>& stop) {
  Note(cause);
  KeepAlive();
  absl::SleepFor(kPause);
  return stop ? absl::CancelledError("stopped") : absl::OkStatus();
}

// Returns the number of partitions of the source.
absl::StatusOr<uint32_t> GroupService::AwaitTopics(
    const std::atomic<bool>& stop) {
  while (true) {
    absl::StatusOr<KafkaTopicsReport> report =
        CheckCheckpointTopics(config_, MissingTopics::kMade, kPatience);
    if (absl::IsUnavailable(report.status())) {
      ODDVERB_RETURN_IF_ERROR(Pause(report.status(), stop));
      continue;
    }
    ODDVERB_RETURN_IF_ERROR(report.status());
    for (const std::string& topic : report->made) {
      logger_.Info("made a topic", {{"topic", topic}});
    }
    for (const std::string& warning : report->warnings) {
      logger_.Warn("topic of the checkpoint", {{"warning", warning}});
    }
    const std::string problems = absl::StrJoin(report->problems, "\n");
    if (report->source_partitions == 0) {
      // Whoever makes it may be about it.
      ODDVERB_RETURN_IF_ERROR(Pause(absl::UnavailableError(problems), stop));
      continue;
    }
    if (!problems.empty()) return absl::FailedPreconditionError(problems);
    return static_cast<uint32_t>(report->source_partitions);
  }
}

std::unique_ptr<GroupShare> GroupService::BeginShare(int32_t number) {
  return std::make_unique<GroupShare>(
      GroupShare::Parts{.storage = storage_,
                        .member = *shares_,
                        .rules = *rules_,
                        .recent = recent_,
                        .clock = clock_,
                        .logger = logger_,
                        .turn = turn_,
                        .hash_key = hash_key_,
                        .partitions = partitions_,
                        .on_judged =
                            [this](const JudgedBatch& batch) {
                              std::lock_guard<std::mutex> lock(meters_mutex_);
                              meters_->NoteJudged(batch);
                            }},
      current(), number);
}

absl::Status GroupService::Join(const std::atomic<bool>& stop) {
  ODDVERB_ASSIGN_OR_RETURN(partitions_, AwaitTopics(stop));
  ODDVERB_ASSIGN_OR_RETURN(hash_key_,
                           AwaitGroupHashKey(
                               config_, static_cast<int32_t>(partitions_),
                               [this](const absl::Status& cause) {
                                 Note(cause);
                                 KeepAlive();
                               },
                               stop));
  Note(absl::OkStatus());
  held_ = std::make_unique<HeldShares>(
      [this](int32_t number) { return BeginShare(number); }, logger_);
  const SourceConfig& source = config_.sources.front();
  ODDVERB_ASSIGN_OR_RETURN(
      shares_,
      KafkaShares::Start({.client = KafkaClientOf(source.kafka),
                          .topic = config_.checkpoint_kafka->state_topic,
                          .group = source.group,
                          .instance_id = source.instance_id},
                         *held_));
  joined_ = true;
  return absl::OkStatus();
}

absl::Status GroupService::Watch(const ServiceSignals& signals) {
  while (!signals.stop) {
    ODDVERB_RETURN_IF_ERROR(shares_->failure());
    if (signals.reload.exchange(false)) live_->Reload().IgnoreError();
    const absl::Time now = SteadyNow();
    held_->LookAfter(now);
    wedged_ = held_->IsAnyWedged(now, kWedgedAfter);
    absl::Status health = shares_->health();
    Note(health.ok() ? held_->health() : health);
    KeepAlive();
    absl::SleepFor(kPause);
  }
  return absl::OkStatus();
}

absl::Status GroupService::Run(const ServiceSignals& signals) {
  ODDVERB_ASSIGN_OR_RETURN(rules_, ServiceRules::Make(config_.rules, logger_));
  live_ = std::make_unique<LiveConfig>(
      LiveConfig::Parts{config_, config_file_, environment_, *rules_, clock_,
                        logger_},
      [this](const ServiceConfig& next) { return Apply(next); });
  ODDVERB_ASSIGN_OR_RETURN(routes_sources_, ServiceSources::Make(config_));
  meters_ = std::make_unique<StreamMeters>(routes_sources_->named(), clock_);
  ODDVERB_RETURN_IF_ERROR(StartHttp());
  notify_.Ready();
  absl::Status joined = Join(signals.stop);
  if (absl::IsCancelled(joined)) return absl::OkStatus();
  ODDVERB_RETURN_IF_ERROR(joined);
  logger_.Info("started", {{"config", config_file_},
                           {"group", config_.sources.front().group},
                           {"partitions", absl::StrCat(partitions_)}});
  absl::Status status = Watch(signals);
  stopping_ = true;
  if (!status.ok()) {
    logger_.Error("this process cannot go on",
                  {{"error", std::string(status.message())}});
  }
  notify_.Stopping();
  logger_.Info("stopping");
  held_->HandOverAll(config_.delivery.drain);
  if (server_ != nullptr) server_->Stop(kDrainGrace);
  shares_.reset();  // others get them now
  if (status.ok()) logger_.Info("stopped");
  return status;
}

}  // namespace

bool IsGroupService(const ServiceConfig& config) {
  return config.checkpoint_kafka.has_value() &&
         !config.checkpoint_kafka->observations_topic.empty();
}

absl::Status RunGroupService(const ServiceConfig& config,
                             const std::string& config_file,
                             const Environment& environment,
                             const ServiceStorageOptions& storage,
                             const ServiceSignals& signals) {
  return GroupService(config, config_file, environment, storage).Run(signals);
}

}  // namespace oddverb
