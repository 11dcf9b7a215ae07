#include "tests/support/recording_server.h"

#include <utility>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {

RecordingServer::RecordingServer()
    : answer_([](const RecordedRequest&) { return HttpResponse(); }) {
  HttpServerOptions options;
  options.listeners.push_back({.address = "127.0.0.1:0",
                               .routes = {{.path = "/",
                                           .match = PathMatch::kPrefix,
                                           .methods = {"GET", "POST"},
                                           .handler = this}}});
  options.deadlines.linger = absl::Seconds(1);
  absl::StatusOr<std::unique_ptr<HttpServer>> started =
      HttpServer::Start(std::move(options));
  EXPECT_THAT(started, IsOk());
  if (started.ok()) server_ = *std::move(started);
}

RecordingServer::~RecordingServer() { server_.reset(); }

std::string RecordingServer::url() const {
  return "http://" + server_->address(0);
}

std::vector<RecordedRequest> RecordingServer::requests() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

void RecordingServer::AnswerWith(Answer answer) {
  std::lock_guard<std::mutex> lock(mutex_);
  answer_ = std::move(answer);
}

void RecordingServer::AnswerWithStatus(int status) {
  AnswerWith([status](const RecordedRequest&) {
    return HttpResponse{.status = status};
  });
}

bool RecordingServer::Await(size_t wanted) const {
  return Eventually([&] { return count() >= wanted; });
}

void RecordingServer::Handle(HttpRequest request, HttpResponder responder) {
  RecordedRequest recorded = {.head = std::move(request.head),
                              .body = std::string(request.body->view())};
  std::lock_guard<std::mutex> lock(mutex_);
  responder.Respond(answer_(recorded));
  requests_.push_back(std::move(recorded));
}

bool Eventually(const std::function<bool()>& condition) {
  absl::Time give_up = absl::Now() + absl::Seconds(60);
  while (!condition()) {
    if (absl::Now() > give_up) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

}  // namespace oddverb
