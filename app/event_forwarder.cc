#include "app/event_forwarder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "net/retry_after.h"

namespace oddverb {
namespace {

constexpr std::string_view kListBegin =
    R"({"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},)"
    R"("items":[)";
constexpr std::string_view kListEnd = "]}";

Decoder::Options FramingOnly() {
  Decoder::Options options;
  options.fields = FieldSet();  // only where events begin and end
  return options;
}

void SleepUnless(const std::atomic<bool>& stop, absl::Duration pause) {
  absl::Time end = SteadyNow() + pause;
  while (!stop && SteadyNow() < end) {
    absl::SleepFor(std::min(end - SteadyNow(), absl::Milliseconds(100)));
  }
}

}  // namespace

EventForwarder::EventForwarder(const Options& options,
                               const NamedSource& source, HttpClient& client,
                               Checkpoint& checkpoint, Logger& logger)
    : options_(options),
      source_(source),
      client_(client),
      checkpoint_(checkpoint),
      logger_(logger),
      decoder_(FramingOnly()),
      backoff_(options.backoff),
      // Only spreads the retries of several forwarders.
      random_(static_cast<uint64_t>(absl::ToUnixNanos(absl::Now()))) {}

absl::Status EventForwarder::health() const {
  ODDVERB_RETURN_IF_ERROR(storage_.status());
  if (!failing_) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("source ", source_.name,
                   ": the receiver does not take events; see the log"));
}

absl::Duration EventForwarder::Try(std::string_view body) {
  HttpClientRequest request;
  request.url = options_.to;
  request.headers = {{"Content-Type", "application/json"}};
  if (!options_.bearer_token.empty()) {
    request.headers.push_back(
        {"Authorization", absl::StrCat("Bearer ", options_.bearer_token)});
  }
  request.body = body;
  absl::StatusOr<HttpResult> result =
      client_.Send(request, options_.request_timeout);
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
        {{"source", source_.name}, {"error", why}});
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

absl::Status EventForwarder::SendUntilAccepted(std::string_view body,
                                               const std::atomic<bool>& stop) {
  while (true) {
    absl::Duration pause = Try(body);
    if (pause == absl::ZeroDuration()) return absl::OkStatus();
    SleepUnless(stop, pause);
    if (stop) return absl::CancelledError("stopped");
  }
}

CheckpointBatch EventForwarder::CommitOf(const EventBatch& batch) const {
  CheckpointBatch commit;
  if (!batch.raw.bookmark.empty()) {
    commit.bookmarks[source_.name] = batch.raw.bookmark;
  }
  bool keep_samples = options_.secret_bodies == SecretBodies::kKeep;
  for (const Rejected& rejected : batch.rejected) {
    std::string place = source_.source->Describe(rejected.position);
    logger_.Warn("record not forwarded",
                 {{"place", place}, {"detail", rejected.detail}});
    commit.dead_letters.push_back(
        {.source = source_.name,
         .place = std::move(place),
         .reason = RejectReasonName(rejected.reason),
         .detail = rejected.detail,
         .sample = keep_samples ? rejected.sample : std::string(),
         .record_bytes = rejected.record_bytes});
  }
  return commit;
}

absl::Status EventForwarder::Commit(const EventBatch& batch,
                                    const std::atomic<bool>& stop) {
  const CheckpointBatch commit = CommitOf(batch);
  ODDVERB_RETURN_IF_ERROR(storage_.Commit(
      [&] { return checkpoint_.Commit(commit).status(); }, stop));
  for (const Position& position : batch.raw.positions) {
    ODDVERB_RETURN_IF_ERROR(source_.source->Accepted(position));
    ODDVERB_RETURN_IF_ERROR(source_.source->Commit(position));
  }
  return absl::OkStatus();
}

absl::Status EventForwarder::SendAll(const EventBatch& batch,
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

absl::Status EventForwarder::Run(const std::atomic<bool>& stop) {
  bool ended = false;
  while (!ended && !stop) {
    RawBatch read;
    absl::Status status =
        source_.source->Read(SteadyNow() + absl::Milliseconds(200), read);
    ended = absl::IsOutOfRange(status);
    if (!ended) ODDVERB_RETURN_IF_ERROR(status);
    if (read.empty() && read.bookmark.empty()) continue;
    // Only whole events go into a list: one that is torn would spoil it.
    std::unique_ptr<EventBatch> batch = decoder_.Decode(std::move(read));
    status = SendAll(*batch, stop);
    if (absl::IsCancelled(status)) return absl::OkStatus();
    ODDVERB_RETURN_IF_ERROR(status);
    ODDVERB_RETURN_IF_ERROR(Commit(*batch, stop));
    if (source_.counters != nullptr) CountInput(*batch, *source_.counters);
  }
  return absl::OkStatus();
}

}  // namespace oddverb
