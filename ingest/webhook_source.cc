#include "ingest/webhook_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "ingest/firehose_response.h"
#include "ingest/payload_bytes.h"

namespace oddverb {
namespace {

// Garbage is told to its sender at once; the rest of the truth comes out when
// the body is decoded, after it was made durable.
bool MayHoldEvents(std::string_view body) {
  if (!CompressionOf(body).empty()) return true;
  size_t first = body.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos &&
         (body[first] == '{' || body[first] == '[');
}

}  // namespace

WebhookSource::WebhookSource(const Options& options) : options_(options) {}

WebhookSource::~WebhookSource() = default;

HttpResponse WebhookSource::Later() const {
  HttpResponse response = TextResponse(503, "busy, come again");
  response.retry_after = options_.retry_after;
  return response;
}

std::optional<HttpResponse> WebhookSource::Screen(const HttpRequestHead& head) {
  auto refuse = [&](HttpResponse response) {
    return ForSender(std::move(response), FirehoseRequestId(head),
                     SystemClock().Now());
  };
  if (head.path != path()) {
    counters_.refused_path.fetch_add(1);
    return refuse(TextResponse(
        404, absl::StrCat("events of this receiver's cluster go to ", path())));
  }
  std::lock_guard<std::mutex> lock(mutex_);
  if (IsRefusing()) return refuse(Later());
  return std::nullopt;
}

bool WebhookSource::IsRefusing() {
  if (draining_) {
    counters_.refused_stopping.fetch_add(1);
  } else if (intake_ == Intake::kHeld) {
    counters_.refused_held.fetch_add(1);
  } else if (queued_bytes_ >= options_.max_queued_bytes) {
    counters_.refused_full.fetch_add(1);
  } else {
    return false;
  }
  return true;
}

void WebhookSource::Handle(HttpRequest request, HttpResponder responder) {
  Sender sender{std::move(responder), FirehoseRequestId(request.head)};
  if (!MayHoldEvents(request.body->view())) {
    counters_.refused_garbage.fetch_add(1);
    Tell(sender,
         TextResponse(400, "expected a JSON EventList of audit.k8s.io/v1"));
    return;
  }
  counters_.requests.fetch_add(1);
  counters_.bytes.fetch_add(request.body->size());
  {
    std::unique_lock<std::mutex> lock(mutex_);
    // Since its head was let in. The last Read() may be over.
    if (closed_ || draining_ || intake_ == Intake::kHeld) {
      IsRefusing();
      lock.unlock();
      Tell(sender, Later());
      return;
    }
    queued_bytes_ += request.body->size();
    queue_.push_back({std::move(request.body), std::move(sender)});
  }
  arrived_.notify_one();
}

absl::Status WebhookSource::Read(absl::Time deadline, RawBatch& out) {
  out.Clear();
  std::unique_lock<std::mutex> lock(mutex_);
  // An endless wait is cut: adding it to the clock's time would overflow.
  absl::Duration patience = std::min(deadline - SteadyNow(), absl::Hours(1));
  arrived_.wait_for(lock, absl::ToChronoNanoseconds(patience),
                    [this] { return !queue_.empty() || draining_; });
  if (queue_.empty()) {
    return draining_ ? absl::OutOfRangeError("drained") : absl::OkStatus();
  }
  while (!queue_.empty() && out.bytes->size() < RawBatch::kTargetBytes) {
    Waiting waiting = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= waiting.body->size();
    out.records.push_back({static_cast<uint32_t>(out.bytes->size()),
                           static_cast<uint32_t>(waiting.body->size())});
    out.positions.push_back({.source = options_.source_index,
                             .stream = 0,
                             .offset = next_number_,
                             .line = 0});
    out.bytes->Append(waiting.body->view());
    out.bytes->Append("\n");
    unanswered_.emplace(next_number_++, std::move(waiting.sender));
  }
  out.source_bytes = out.bytes->size();
  return absl::OkStatus();
}

void WebhookSource::Answer(const Position& position, HttpResponse response) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto found = unanswered_.extract(position.offset);
  lock.unlock();
  // Bodies that an earlier process spooled have nobody waiting.
  if (!found.empty()) Tell(found.mapped(), std::move(response));
}

void WebhookSource::Tell(Sender& sender, HttpResponse response) {
  sender.responder.Respond(
      ForSender(std::move(response), sender.firehose_id, SystemClock().Now()));
}

absl::Status WebhookSource::Accepted(const Position& position) {
  HttpResponse done;
  done.status = 204;
  Answer(position, std::move(done));
  return absl::OkStatus();
}

void WebhookSource::Refused(const Position& position) {
  counters_.refused_not_durable.fetch_add(1);
  Answer(position, Later());
}

std::string WebhookSource::Describe(const Position& position) const {
  return absl::StrCat("POST ", path(), ", request ", position.offset);
}

Source::Progress WebhookSource::progress() const {
  return {.read_bytes = counters_.bytes.load(), .total_bytes = 0};
}

void WebhookSource::SetIntake(Intake intake) {
  std::deque<Waiting> refused;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    intake_ = intake;
    if (intake == Intake::kHeld && !draining_) {
      refused.swap(queue_);
      queued_bytes_ = 0;
    }
  }
  counters_.refused_held.fetch_add(refused.size());
  for (Waiting& waiting : refused) Tell(waiting.sender, Later());
}

void WebhookSource::Close() {
  std::deque<Waiting> queued;
  std::map<uint64_t, Sender> read;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    draining_ = closed_ = true;
    queued.swap(queue_);
    queued_bytes_ = 0;
    read.swap(unanswered_);
  }
  arrived_.notify_all();
  counters_.refused_stopping.fetch_add(queued.size() + read.size());
  for (Waiting& waiting : queued) Tell(waiting.sender, Later());
  for (auto& [number, sender] : read) Tell(sender, Later());
}

void WebhookSource::Drain() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    draining_ = true;
  }
  arrived_.notify_all();
}

}  // namespace oddverb
