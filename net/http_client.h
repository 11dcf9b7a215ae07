// Sends HTTP requests, one at a time, over connections that are kept open.
//
// No redirects, no cookies, no proxy from the environment unless asked, and
// every certificate checked. Messages of errors name scheme, host and port of
// the URL but not its path: a webhook's path is often a secret (Slack).
#ifndef ODDVERB_NET_HTTP_CLIENT_H_
#define ODDVERB_NET_HTTP_CLIENT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/http_message.h"
#include "net/tls_options.h"

namespace oddverb {

enum class ProxyUse : uint8_t { kNone, kFromEnvironment };

struct HttpClientOptions {
  TlsClientOptions tls = {};
  absl::Duration connect_timeout = absl::Seconds(3);  // with the TLS handshake
  size_t max_response_bytes = 1 << 20;
  ProxyUse proxy = ProxyUse::kNone;
};

// Borrows; must live until Send() returns.
struct HttpClientRequest {
  std::string_view method = "POST";
  std::string_view url = {};  // http or https
  std::vector<HttpHeader> headers = {};
  std::string_view body = {};
};

struct HttpResult {
  int status = 0;
  std::string retry_after = {};  // the header as sent; see ParseRetryAfter
  std::string content_type = {};
  std::string body;          // up to max_response_bytes
  bool body_is_cut = false;  // there was more
};

// One thread, but for Abort().
class HttpClient {
 public:
  // FailedPrecondition: a TLS file cannot be read.
  static absl::StatusOr<std::unique_ptr<HttpClient>> Make(
      const HttpClientOptions& options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // OK for a response of any status. `timeout` is for all of it.
  //   InvalidArgument      the URL, the method or a header
  //   FailedPrecondition   a certificate: ours or the server's; retrying does
  //                        not help
  //   Unavailable          no connection, no answer in time, cut off
  //   Cancelled            Abort()
  absl::StatusOr<HttpResult> Send(const HttpClientRequest& request,
                                  absl::Duration timeout);

  // Thread-safe. Ends the Send() under way at once, and every later one.
  void Abort();

 private:
  class Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oddverb

#endif  // ODDVERB_NET_HTTP_CLIENT_H_
