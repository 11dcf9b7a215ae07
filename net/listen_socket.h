// Opens the socket that a listener accepts on.
#ifndef ODDVERB_NET_LISTEN_SOCKET_H_
#define ODDVERB_NET_LISTEN_SOCKET_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "base/ip_address.h"

struct sockaddr_storage;

namespace oddverb {

// Owns a file descriptor. One thread.
class OwnedDescriptor {
 public:
  explicit OwnedDescriptor(int descriptor) : descriptor_(descriptor) {}
  OwnedDescriptor(OwnedDescriptor&& other) noexcept
      : descriptor_(other.Release()) {}
  OwnedDescriptor& operator=(OwnedDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~OwnedDescriptor();

  int get() const { return descriptor_; }
  int Release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

struct ListenAddress {
  IpAddress host;
  uint16_t port = 0;        // 0: the kernel chooses
  bool every_host = false;  // ":8443": all addresses, IPv4 and IPv6

  // "127.0.0.1:8443", "[::1]:8443", "localhost:8443" or ":8443". No other
  // names: which address a name means may change behind our back.
  static absl::StatusOr<ListenAddress> Parse(std::string_view text);
};

struct ListenSocket {
  OwnedDescriptor socket;  // listening, not blocking, closed on exec
  bool is_v4 = false;
  uint16_t port = 0;
  std::string address = {};  // "127.0.0.1:41234"
};

// Unavailable, with the address, where the kernel refuses.
absl::StatusOr<ListenSocket> OpenListenSocket(const ListenAddress& address);

// Of a peer, as the kernel tells it.
IpAddress AddressOf(const sockaddr_storage& peer);

}  // namespace oddverb

#endif  // ODDVERB_NET_LISTEN_SOCKET_H_
