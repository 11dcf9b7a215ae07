// An HttpServer on loopback with a handler made of functions.
#ifndef ODDVERB_TESTS_NET_HTTP_TEST_SERVER_H_
#define ODDVERB_TESTS_NET_HTTP_TEST_SERVER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "net/http_server.h"
#include "tests/support/raw_client.h"
#include "tests/support/status_matchers.h"

namespace oddverb {

class FunctionHandler final : public HttpHandler {
 public:
  std::function<std::optional<HttpResponse>(const HttpRequestHead&)> screen;
  // Echoes the body by default.
  std::function<void(HttpRequest, HttpResponder)> handle =
      [](HttpRequest request, HttpResponder responder) {
        responder.Respond({.content_type = "text/plain",
                           .body = std::string(request.body->view())});
      };

  std::optional<HttpResponse> Screen(const HttpRequestHead& head) override {
    return screen == nullptr ? std::nullopt : screen(head);
  }
  void Handle(HttpRequest request, HttpResponder responder) override {
    handle(std::move(request), std::move(responder));
  }
};

// Change `handler` and `options` (one listener, one route to everything), then
// Start().
struct HttpTestServer {
  FunctionHandler handler;
  HttpServerOptions options;
  std::unique_ptr<HttpServer> server;

  HttpTestServer() {
    options.listeners.push_back({.address = "127.0.0.1:0",
                                 .routes = {{.path = "/",
                                             .match = PathMatch::kPrefix,
                                             .methods = {"GET", "POST"},
                                             .handler = &handler}}});
    // A linger that nobody waits for would only slow the tests' ends.
    options.deadlines.linger = absl::Seconds(1);
  }

  void Start() {
    absl::StatusOr<std::unique_ptr<HttpServer>> started =
        HttpServer::Start(options);
    ASSERT_THAT(started, IsOk());
    server = *std::move(started);
  }
  const std::string& address(size_t listener = 0) const {
    return server->address(listener);
  }
  const HttpCounters& counters() const { return server->counters(); }
};

inline std::string PostText(std::string_view body) {
  return "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
inline constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";

// For counters, which follow what the client sees by a moment.
inline bool Becomes(const std::function<bool()>& condition) {
  absl::Time give_up = absl::Now() + absl::Seconds(20);
  while (!condition()) {
    if (absl::Now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_NET_HTTP_TEST_SERVER_H_
