// A client that sends any bytes, at any pace, over TCP or TLS: for what a
// well-behaved HTTP client never does. Blocking; one thread.
#ifndef ODDVERB_TESTS_SUPPORT_RAW_CLIENT_H_
#define ODDVERB_TESTS_SUPPORT_RAW_CLIENT_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace oddverb {

struct RawTls {
  std::string ca_file = {};
  std::string certificate_file = {};  // empty: none
  std::string key_file = {};
  int version = 0;  // 0: any; 0x0302 = TLS 1.1, 0x0303 = 1.2, 0x0304 = 1.3
  std::string alpn = {};  // "h2,http/1.1"; empty: not offered
};

struct RawResponse {
  int status = 0;  // 0: the connection ended first
  std::string head = {};
  std::string body = {};

  bool HasHeader(std::string_view line) const;
};

class RawClient {
 public:
  // `address` is "127.0.0.1:1234" or "[::1]:1234". Use connected() and, with
  // TLS, handshake_error().
  explicit RawClient(std::string_view address,
                     const std::optional<RawTls>& tls = std::nullopt);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return socket_ >= 0; }
  // Empty where the handshake has succeeded.
  const std::string& handshake_error() const { return handshake_error_; }
  std::string tls_version() const;
  std::string alpn() const;

  // False where the other side has gone.
  bool Send(std::string_view bytes);
  // A response with Content-Length; the rest is kept for the next one.
  RawResponse ReadResponse();
  // Only the head: of an interim response, or an answer to HEAD.
  RawResponse ReadHead();
  // All until the end.
  std::string ReadToEnd();
  // Waits for the other side to close or to send; false after `timeout`.
  bool WaitReadable(absl::Duration timeout) const;

 private:
  struct Tls;
  void Handshake(const RawTls& tls);
  // Appends to received_; false at the end.
  bool Receive();

  int socket_ = -1;
  std::unique_ptr<Tls> tls_;
  std::string handshake_error_;
  std::string received_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_RAW_CLIENT_H_
