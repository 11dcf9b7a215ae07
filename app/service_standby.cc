#include "app/service_standby.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "app/build_version.h"
#include "app/config_redaction.h"
#include "app/kafka_topics_check.h"
#include "app/service_http.h"
#include "app/version_text.h"
#include "base/status_macros.h"
#include "net/http_server.h"
#include "telemetry/metrics.h"

namespace oddverb {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(100);
constexpr absl::Duration kPatience = absl::Seconds(5);  // of one question
constexpr absl::Duration kGrace = absl::Seconds(1);     // for answers

std::string BuildMetrics() {
  const BuildVersion& build = GetBuildVersion();
  return Metrics({std::string(build.version), std::string(build.revision),
                  /*rules_version=*/""})
      .Serialize();
}

}  // namespace

absl::Status ServiceStandby::health() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (waits_for_.empty()) return absl::OkStatus();
  return absl::UnavailableError(waits_for_);
}

absl::Status ServiceStandby::Pause(const absl::Status& cause) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool is_news = waits_for_ != cause.message();
    waits_for_ = std::string(cause.message());
    lock.unlock();
    if (is_news && !cause.ok()) {
      parts_.logger.Warn("waiting", {{"error", std::string(cause.message())}});
    }
  }
  if (parts_.notify.watchdog_interval() > absl::ZeroDuration() &&
      SteadyNow() >= next_alive_) {
    parts_.notify.Alive();
    next_alive_ = SteadyNow() + parts_.notify.watchdog_interval() / 2;
  }
  absl::SleepFor(kPause);
  return parts_.stop ? absl::CancelledError("stopped") : absl::OkStatus();
}

absl::Status ServiceStandby::CheckTopics() {
  while (true) {
    absl::StatusOr<KafkaTopicsReport> report =
        CheckCheckpointTopics(parts_.config, MissingTopics::kMade, kPatience);
    if (absl::IsUnavailable(report.status())) {
      ODDVERB_RETURN_IF_ERROR(Pause(report.status()));
      continue;
    }
    ODDVERB_RETURN_IF_ERROR(report.status());
    for (const std::string& topic : report->made) {
      parts_.logger.Info("made a topic", {{"topic", topic}});
    }
    for (const std::string& warning : report->warnings) {
      parts_.logger.Warn("topic of the checkpoint", {{"warning", warning}});
    }
    if (report->problems.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrJoin(report->problems, "\n"));
  }
}

absl::Status ServiceStandby::AwaitLead(const KafkaStateLog& log) {
  while (!log.leads()) {
    ODDVERB_RETURN_IF_ERROR(log.failure());
    ODDVERB_RETURN_IF_ERROR(Pause(log.health()));
  }
  return absl::OkStatus();
}

absl::Status ServiceStandby::TakeOver(KafkaStateLog& log) {
  while (true) {
    absl::Status status = log.TakeOver();
    if (!absl::IsUnavailable(status)) return status;
    ODDVERB_RETURN_IF_ERROR(log.failure());
    ODDVERB_RETURN_IF_ERROR(Pause(status));
  }
}

absl::StatusOr<std::unique_ptr<ServiceStorage>> ServiceStandby::AwaitState() {
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<ServiceSources> sources,
                           ServiceSources::Make(parts_.config));
  ServiceAnswers answers;
  answers.metrics = &BuildMetrics;
  answers.healthy = [] { return absl::OkStatus(); };
  answers.ready = [this] { return health(); };
  answers.version_json = [] { return VersionJson(); };
  answers.config_json = [this] { return RedactedConfigJson(parts_.config); };
  ServiceRoutes routes(std::move(answers));
  std::unique_ptr<HttpServer> server;
  if (!parts_.config.listeners.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(server, HttpServer::Start(routes.ServerOptions(
                                         parts_.config, *sources)));
  }
  for (size_t i = 0; i < parts_.config.listeners.size(); ++i) {
    parts_.logger.Info("listening",
                       {{"listener", parts_.config.listeners[i].name},
                        {"address", server->address(i)}});
  }
  parts_.notify.Ready();
  parts_.notify.Status("standing by");
  ODDVERB_RETURN_IF_ERROR(CheckTopics());
  ODDVERB_ASSIGN_OR_RETURN(
      std::unique_ptr<KafkaStateLog> log,
      KafkaStateLog::Join(parts_.config, parts_.stop, parts_.logger));
  parts_.logger.Info("standing by",
                     {{"group", parts_.config.sources.front().group}});
  ODDVERB_RETURN_IF_ERROR(AwaitLead(*log));
  parts_.logger.Info("taking over");
  ODDVERB_RETURN_IF_ERROR(TakeOver(*log));
  if (log->has_undone()) parts_.logger.Warn(KafkaStateLog::kUndone);
  const absl::Time begin = SteadyNow();
  ODDVERB_ASSIGN_OR_RETURN(
      std::unique_ptr<ServiceStorage> storage,
      ServiceStorage::Open(
          parts_.config, parts_.storage,
          {.log = std::move(log),
           .owner = "group " + parts_.config.sources.front().group}));
  parts_.logger.Info(
      "state restored",
      {{"seconds", absl::StrCat(absl::ToDoubleSeconds(SteadyNow() - begin))}});
  if (server != nullptr) server->Stop(kGrace);
  return storage;
}

}  // namespace oddverb
