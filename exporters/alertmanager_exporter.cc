#include "exporters/alertmanager_exporter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/uri.h"

namespace oddverb {
namespace {

constexpr std::string_view kAlertsPath = "/api/v2/alerts";
constexpr size_t kMaxInstances = 32;

absl::Status CheckOptions(const AlertmanagerOptions& options) {
  if (options.urls.empty() || options.urls.size() > kMaxInstances) {
    return absl::InvalidArgumentError(
        absl::StrCat("urls: between 1 and ", kMaxInstances, " Alertmanagers"));
  }
  for (const auto& [what, duration] :
       {std::pair<const char*, absl::Duration>{"timeout", options.timeout},
        {"resend_interval", options.resend_interval},
        {"hold", options.alerts.hold},
        {"told_resolved", options.alerts.told_resolved}}) {
    if (duration <= absl::ZeroDuration()) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": must be more than 0"));
    }
  }
  if (options.alerts.max_per_detector == 0) {
    return absl::InvalidArgumentError("max_per_detector: must be at least 1");
  }
  return CheckAlertForm(options.alerts.form);
}

absl::StatusOr<std::string> AlertsUrl(std::string_view url) {
  std::string_view host = url;
  if (host.starts_with("http://")) {
    host.remove_prefix(7);
  } else if (host.starts_with("https://")) {
    host.remove_prefix(8);
  } else {
    host = "";
  }
  // Not the URL itself: it may hold a password.
  if (host.empty() || host[0] == '/' ||
      url.find_first_of("?#") != std::string_view::npos) {
    return absl::InvalidArgumentError(
        "urls: each is http://HOST:PORT or https://HOST:PORT, with a path if "
        "Alertmanager is served under one");
  }
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.ends_with(kAlertsPath)) return std::string(url);
  return absl::StrCat(A(url), A(kAlertsPath));
}

// Keeps what the status says about the next attempt. A connection that fails
// is named already.
absl::Status Named(const std::string& name, const absl::Status& status) {
  if (absl::StrContains(status.message(), name)) return status;
  absl::Status named(status.code(), absl::StrCat(name, ": ", status.message()));
  std::optional<absl::Duration> wait = RetryAfterOf(status);
  return wait.has_value() ? WithRetryAfter(named, *wait) : named;
}

}  // namespace

AlertmanagerExporter::AlertmanagerExporter(const AlertmanagerOptions& options,
                                           const Clock& clock)
    : clock_(clock), alerts_(options.alerts) {}

absl::StatusOr<std::unique_ptr<AlertmanagerExporter>>
AlertmanagerExporter::Make(const AlertmanagerOptions& options,
                           const Clock& clock) {
  ODDVERB_RETURN_IF_ERROR(CheckOptions(options));
  std::unique_ptr<AlertmanagerExporter> made(
      new AlertmanagerExporter(options, clock));
  for (const std::string& url : options.urls) {
    HttpPostOptions post_options;
    ODDVERB_ASSIGN_OR_RETURN(post_options.url, AlertsUrl(url));
    post_options.headers = options.headers;
    post_options.bearer_token = options.bearer_token;
    post_options.timeout = options.timeout;
    post_options.client = options.client;
    ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<HttpPost> post,
                             HttpPost::Make(post_options));
    made->instances_.push_back(std::make_unique<AlertmanagerInstance>(
        UriOrigin(url), std::move(post), options.resend_interval));
  }
  return made;
}

void AlertmanagerExporter::Abort() {
  for (const auto& instance : instances_) instance->Abort();
}

absl::Status AlertmanagerExporter::Export(std::span<const Finding> findings,
                                          absl::Time deadline) {
  absl::Time now = clock_.Now();
  return Tell(alerts_.Add(findings, now), {.now = now, .deadline = deadline});
}

std::vector<AlertmanagerInstance*> AlertmanagerExporter::Candidates(
    absl::Time now) {
  std::vector<AlertmanagerInstance*> working;
  std::vector<AlertmanagerInstance*> failing;
  for (const auto& instance : instances_) {
    if (!instance->is_failing()) {
      working.push_back(instance.get());
    } else if (!instance->is_resting(now)) {
      failing.push_back(instance.get());
    }
  }
  working.insert(working.end(), failing.begin(), failing.end());
  if (!working.empty()) return working;
  // None works: when to try again is then the pipeline's choice, made already.
  for (const auto& instance : instances_) working.push_back(instance.get());
  return working;
}

absl::Status AlertmanagerExporter::Tell(std::span<const ActiveAlert> alerts,
                                        const Occasion& occasion) {
  if (alerts.empty()) return absl::OkStatus();
  std::vector<Fate> best(alerts.size(), Fate::kUnsent);
  absl::Status failure;
  bool all_answered = true;
  std::vector<AlertmanagerInstance*> candidates = Candidates(occasion.now);
  for (AlertmanagerInstance* instance : candidates) {
    std::vector<Fate> fates;
    absl::Status status = instance->Send(alerts, occasion, fates);
    if (!status.ok()) {
      all_answered = false;
      failure.Update(Named(instance->name(), status));
    }
    for (size_t i = 0; i < fates.size(); ++i) {
      if (best[i] != Fate::kTaken && fates[i] != Fate::kUnsent) {
        best[i] = fates[i];
      }
    }
  }
  size_t refused = 0;
  bool is_any_unsent = false;
  for (size_t i = 0; i < alerts.size(); ++i) {
    if (best[i] == Fate::kTaken) {
      alerts_.MarkTaken(alerts.subspan(i, 1), occasion.now);
      continue;
    }
    if (best[i] == Fate::kRefused) ++refused;
    if (best[i] == Fate::kUnsent) is_any_unsent = true;
  }
  all_answered = all_answered && candidates.size() == instances_.size();
  if (is_any_unsent || (refused > 0 && !all_answered)) {
    return failure.ok() ? absl::UnavailableError(
                              "one Alertmanager refuses an alert, another is "
                              "not reached")
                        : failure;
  }
  if (refused == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "every Alertmanager refuses ", refused, " of ", alerts.size(),
      " alerts; is each URL that of an Alertmanager, without /api?"));
}

absl::Time AlertmanagerExporter::next_work() const {
  if (alerts_.is_empty()) return absl::InfiniteFuture();
  absl::Time next = alerts_.next_change();
  for (const auto& instance : instances_) {
    next = std::min(next, instance->due());
  }
  return next;
}

absl::Status AlertmanagerExporter::Work(absl::Time now, absl::Time deadline) {
  std::vector<ActiveAlert> over = alerts_.Advance(now);
  // What fails here comes again with all the rest.
  absl::Status told = Tell(over, {.now = now, .deadline = deadline});
  std::vector<ActiveAlert> all = alerts_.All();
  absl::Status failure;
  bool does_any_work = false;
  for (const auto& instance : instances_) {
    if (instance->due() <= now && !all.empty()) {
      std::vector<Fate> fates;
      absl::Status status =
          instance->Send(all,
                         {.now = now,
                          .deadline = deadline,
                          .extent = AlertmanagerInstance::Extent::kAll},
                         fates);
      failure.Update(status.ok() ? status : Named(instance->name(), status));
      for (size_t i = 0; i < fates.size(); ++i) {
        if (fates[i] != Fate::kTaken) continue;
        alerts_.MarkTaken(std::span(all).subspan(i, 1), now);
      }
    }
    does_any_work = does_any_work || !instance->is_failing();
  }
  if (does_any_work) return absl::OkStatus();
  return failure.ok() ? told : failure;
}

absl::Status AlertmanagerExporter::Load(StateReader& in) {
  absl::Status status = alerts_.Load(in);
  if (!alerts_.is_empty()) {
    for (const auto& instance : instances_) instance->SetDue();
  }
  return status;
}

}  // namespace oddverb
