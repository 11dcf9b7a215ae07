// The bytes of one connection, plain or TLS, and its timer: what of Asio a
// session needs, without Asio's headers.
#ifndef ODDVERB_NET_HTTP_TRANSPORT_H_
#define ODDVERB_NET_HTTP_TRANSPORT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "net/listen_socket.h"
#include "net/tls_context.h"

namespace boost::asio {
class io_context;
}

namespace oddverb {

struct AcceptedSocket {
  OwnedDescriptor socket;
  bool is_v4 = false;
  TlsConnection tls;  // null for plain HTTP
};

// Callbacks run one at a time, on a strand of the io_context; they should own
// whoever owns the transport. All but Post() is for that strand. One operation
// at a time, besides the timer. No callback runs after Close().
class HttpTransport {
 public:
  // May throw boost::system::system_error.
  HttpTransport(boost::asio::io_context& io, AcceptedSocket accepted);
  ~HttpTransport();
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  // Thread-safe.
  void Post(std::function<void()> task);

  enum class Outcome : uint8_t { kDone, kFailed };
  // kDone at once for plain HTTP.
  void Handshake(std::function<void(Outcome)> next);
  // At least a byte; 0 = the peer has gone.
  void Read(std::span<char> space, std::function<void(size_t bytes)> next);
  // Both parts, which must live until `next` is called.
  void Write(std::string_view head, std::string_view body,
             std::function<void(Outcome)> next);
  // Closing a socket with unread input sends a reset, which can destroy the
  // response on its way. So: ends our side, and drops what still comes (into
  // `scratch`) until the peer ends its own.
  void Linger(std::span<char> scratch, std::function<void()> next);
  // Replaces the timer before.
  void SetTimer(absl::Duration delay, std::function<void()> expired);
  void Close();

  // Common name of the client's certificate, see PeerCommonName().
  std::string client_name() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oddverb

#endif  // ODDVERB_NET_HTTP_TRANSPORT_H_
