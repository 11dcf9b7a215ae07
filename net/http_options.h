// How an HttpServer listens and what it puts up with. Every limit and every
// deadline of the server is here. Plain values.
#ifndef ODDVERB_NET_HTTP_OPTIONS_H_
#define ODDVERB_NET_HTTP_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "net/http_handler.h"
#include "net/tls_options.h"

namespace oddverb {

struct HttpLimits {
  size_t max_header_bytes = 8 << 10;  // request line and headers; 431 above
  // As sent and as decoded; 413 above. The API server sends 400 events a
  // request, usually below 1 MiB, but with bodies of objects inside.
  size_t max_body_bytes = 64 << 20;
  size_t max_connections = 1024;  // above, new ones are closed at once
  // Of one IPv4 address or IPv6 /64. An API server opens a connection for each
  // batch under way, and all of a cluster may come from one address.
  size_t max_connections_per_peer = 256;
  // Sum of the bodies being read or not yet answered; beyond it a request gets
  // 503 with Retry-After instead of being read. At least max_body_bytes.
  size_t max_body_bytes_in_flight = 256 << 20;
};

// From the start of each phase, however busy the client keeps the line: one
// byte a second does not help it.
struct HttpDeadlines {
  absl::Duration tls_handshake = absl::Seconds(5);
  absl::Duration header = absl::Seconds(10);
  absl::Duration body = absl::Seconds(30);  // the API server gives up then too
  absl::Duration handler = absl::Seconds(60);  // then 503 with Retry-After
  absl::Duration write = absl::Seconds(30);
  absl::Duration idle = absl::Seconds(120);  // between requests
  // After a last response: reading on (and dropping it), so that a client that
  // is still sending gets to see the response instead of a reset.
  absl::Duration linger = absl::Seconds(5);
};

enum class PathMatch : uint8_t { kExact, kPrefix };
enum class RouteAccess : uint8_t {
  kAuthenticated,
  kOpen,  // no token needed, e.g. for the kubelet's probes
};

struct HttpRoute {
  std::string path = {};  // compared with the undecoded path
  PathMatch match = PathMatch::kExact;
  std::vector<std::string> methods = {"GET"};  // HEAD comes with GET
  HttpHandler* handler = nullptr;              // must outlive the server
  RouteAccess access = RouteAccess::kAuthenticated;
};

struct HttpListener {
  std::string address = {};  // see ListenAddress::Parse
  std::optional<TlsServerOptions> tls = {};
  // Not empty: a request needs one of them, besides the client certificate
  // where TLS asks for one.
  std::vector<std::string> bearer_tokens = {};
  // Exact ones first, then the longest prefix.
  std::vector<HttpRoute> routes = {};
};

// Who is let in: what a running server may be given anew.
struct HttpAccess {
  std::optional<TlsServerOptions> tls = {};
  std::vector<std::string> bearer_tokens = {};
};

struct HttpServerOptions {
  std::vector<HttpListener> listeners = {};
  HttpLimits limits;
  HttpDeadlines deadlines;
  // Told with 503. The API server waits so long between up to 10 tries.
  absl::Duration retry_after = absl::Seconds(5);
  size_t io_threads = 1;
};

}  // namespace oddverb

#endif  // ODDVERB_NET_HTTP_OPTIONS_H_
