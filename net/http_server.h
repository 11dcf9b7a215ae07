// An HTTP/1.1 server for hostile networks, plain or TLS, on any number of
// addresses. Slow, silent, huge and malformed clients cost it a bounded amount
// of memory and no thread; see HttpLimits and HttpDeadlines.
//
//   ODDVERB_ASSIGN_OR_RETURN(auto server, HttpServer::Start(options));
//   ... server->address(0) ...
//   server->Stop(absl::Seconds(20));
#ifndef ODDVERB_NET_HTTP_SERVER_H_
#define ODDVERB_NET_HTTP_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/http_counters.h"
#include "net/http_options.h"

namespace oddverb {

// Thread-safe, but Stop() and the end are for one thread, and not for one of
// the server's own (a handler).
class HttpServer {
 public:
  // Opens every listener and answers from now on. InvalidArgument: an option
  // or file is wrong; Unavailable: an address cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      HttpServerOptions options);
  ~HttpServer();  // Stop(absl::ZeroDuration())
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Of listener `index`, with the port that the kernel chose for port 0:
  // "127.0.0.1:41234".
  const std::string& address(size_t index) const;
  uint16_t port(size_t index) const;

  const HttpCounters& counters() const;

  // One for each listener. Certificates are read again, for new connections;
  // tokens count from the next request on. A listener without TLS stays without
  // it, and one with TLS keeps it. InvalidArgument: nothing has changed.
  absl::Status Reload(const std::vector<HttpAccess>& access);

  // Accepts nothing more and closes idle connections; waits up to `grace` for
  // running requests, then cuts off the rest. No handler runs afterwards, and
  // late answers go nowhere. Idempotent.
  void Stop(absl::Duration grace);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oddverb

#endif  // ODDVERB_NET_HTTP_SERVER_H_
