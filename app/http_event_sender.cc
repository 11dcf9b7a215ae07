#include "app/http_event_sender.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "net/retry_after.h"

namespace oddverb {
namespace {

constexpr std::string_view kListBegin =
    R"({"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},)"
    R"("items":[)";
constexpr std::string_view kListEnd = "]}";

}  // namespace

void SleepUnless(const std::atomic<bool>& stop, absl::Duration pause) {
  absl::Time end = SteadyNow() + pause;
  while (!stop && SteadyNow() < end) {
    absl::SleepFor(std::min(end - SteadyNow(), absl::Milliseconds(100)));
  }
}

absl::StatusOr<std::unique_ptr<EventSender>> HttpEventSender::Make(
    const Options& options, const std::string& source, Logger& logger) {
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client,
                           HttpClient::Make(options.client));
  return std::unique_ptr<EventSender>(
      new HttpEventSender(options, source, std::move(client), logger));
}

HttpEventSender::HttpEventSender(const Options& options, std::string source,
                                 std::unique_ptr<HttpClient> client,
                                 Logger& logger)
    : options_(options),
      source_(std::move(source)),
      client_(std::move(client)),
      logger_(logger),
      backoff_(options.backoff),
      // Only spreads the retries of several forwarders.
      random_(static_cast<uint64_t>(absl::ToUnixNanos(absl::Now()))) {}

absl::Status HttpEventSender::health() const {
  if (!failing_) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "source ", source_, ": the receiver does not take events; see the log"));
}

absl::Duration HttpEventSender::Try(std::string_view body) {
  HttpClientRequest request;
  request.url = options_.to;
  request.headers = {{"Content-Type", "application/json"}};
  if (!options_.bearer_token.empty()) {
    request.headers.push_back(
        {"Authorization", absl::StrCat("Bearer ", options_.bearer_token)});
  }
  request.body = body;
  absl::StatusOr<HttpResult> result =
      client_->Send(request, options_.request_timeout);
  if (result.ok() && result->status >= 200 && result->status < 300) {
    if (failing_.exchange(false))
      logger_.Info("the receiver takes events again");
    backoff_.Reset();
    return absl::ZeroDuration();
  }
  std::string why = result.ok() ? absl::StrCat("status ", result->status, ": ",
                                               result->body.substr(0, 200))
                                : std::string(result.status().message());
  bool is_stopped = absl::IsCancelled(result.status());
  if (!is_stopped && !failing_.exchange(true)) {
    logger_.Warn(
        "the receiver does not take events; they are kept and sent "
        "again",
        {{"source", source_}, {"error", why}});
  }
  absl::Duration pause = backoff_.Next(random_);
  if (result.ok() && !result->retry_after.empty()) {
    pause = std::max(pause,
                     std::min(ParseRetryAfter(result->retry_after, absl::Now())
                                  .value_or(absl::ZeroDuration()),
                              options_.backoff.max));
  }
  return std::max(pause, absl::Milliseconds(1));
}

absl::Status HttpEventSender::SendUntilAccepted(std::string_view body,
                                                const std::atomic<bool>& stop) {
  while (true) {
    absl::Duration pause = Try(body);
    if (pause == absl::ZeroDuration()) return absl::OkStatus();
    SleepUnless(stop, pause);
    if (stop) return absl::CancelledError("stopped");
  }
}

absl::Status HttpEventSender::Send(EventBatch& batch, const Source&,
                                   const std::atomic<bool>& stop) {
  std::string body;
  uint64_t in_body = 0;
  for (size_t i = 0; i < batch.events.size(); ++i) {
    body += in_body == 0 ? kListBegin : ",";
    body += batch.events[i].raw.text;
    ++in_body;
    bool is_last = i + 1 == batch.events.size();
    if (!is_last && body.size() < options_.max_body_bytes) continue;
    body += kListEnd;
    ODDVERB_RETURN_IF_ERROR(SendUntilAccepted(body, stop));
    events_sent_ += in_body;
    body.clear();
    in_body = 0;
  }
  return absl::OkStatus();
}

}  // namespace oddverb
