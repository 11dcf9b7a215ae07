// What a part of the program gives to the HTTP server to answer requests.
#ifndef ODDVERB_NET_HTTP_HANDLER_H_
#define ODDVERB_NET_HTTP_HANDLER_H_

#include <memory>
#include <optional>
#include <utility>

#include "net/http_message.h"

namespace oddverb {

// Answers one request, later and from any thread. Whoever drops it without an
// answer has answered 500. Outlives the server safely: the answer then goes
// nowhere. One thread at a time.
class HttpResponder {
 public:
  // Where the answer goes; destroyed after it, or without it.
  class Channel {
   public:
    virtual ~Channel() = default;
    virtual void Send(HttpResponse response) = 0;
  };

  explicit HttpResponder(std::unique_ptr<Channel> channel)
      : channel_(std::move(channel)) {}
  HttpResponder(HttpResponder&&) = default;
  HttpResponder& operator=(HttpResponder&& other) noexcept;
  ~HttpResponder();

  // The first call counts, the next ones do nothing.
  void Respond(HttpResponse response);

 private:
  std::unique_ptr<Channel> channel_;
};

// Called on the server's I/O threads: must not block, must not throw, and with
// more than one I/O thread must be thread-safe.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // Asked when the head is there, the client is authenticated and the body is
  // not yet read. An answer ends the request; none has the body read.
  virtual std::optional<HttpResponse> Screen(const HttpRequestHead&) {
    return std::nullopt;
  }
  virtual void Handle(HttpRequest request, HttpResponder responder) = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_NET_HTTP_HANDLER_H_
