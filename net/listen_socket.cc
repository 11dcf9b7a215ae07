#include "net/listen_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace oddverb {
namespace {

absl::Status BadAddress(std::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(
      "not an address to listen on (write 127.0.0.1:8443, [::1]:8443 or "
      ":8443): \"",
      A(text), "\""));
}

absl::Status SocketError(std::string_view what, std::string_view address) {
  int error = errno;
  std::string_view cure;
  if (error == EADDRINUSE) cure = " (another process has this port)";
  if (error == EACCES) cure = " (ports below 1024 need CAP_NET_BIND_SERVICE)";
  if (error == EADDRNOTAVAIL) cure = " (not an address of this machine)";
  return absl::UnavailableError(absl::StrCat("cannot ", A(what), ": ",
                                             std::strerror(error), A(cure),
                                             ": ", A(address)));
}

std::string HostAndPort(const IpAddress& host, uint16_t port) {
  return host.is_v4() ? absl::StrCat(host.ToString(), ":", port)
                      : absl::StrCat("[", host.ToString(), "]:", port);
}

socklen_t FillSockaddr(const IpAddress& host, uint16_t port,
                       sockaddr_storage& out) {
  out = {};
  if (host.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    v4->sin_addr.s_addr = htonl(host.v4());
    return sizeof(sockaddr_in);
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  std::memcpy(&v6->sin6_addr, host.bytes.data(), host.bytes.size());
  return sizeof(sockaddr_in6);
}

uint16_t PortOf(const sockaddr_storage& name) {
  return ntohs(name.ss_family == AF_INET
                   ? reinterpret_cast<const sockaddr_in*>(&name)->sin_port
                   : reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port);
}

}  // namespace

OwnedDescriptor::~OwnedDescriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::StatusOr<ListenAddress> ListenAddress::Parse(std::string_view text) {
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return BadAddress(text);
  std::string_view host = text.substr(0, colon);
  std::string_view port = text.substr(colon + 1);
  uint32_t number = 0;
  if (port.empty() ||
      port.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(A(port), &number) || number > UINT16_MAX) {
    return BadAddress(text);
  }
  ListenAddress address;
  address.port = static_cast<uint16_t>(number);
  if (host.empty()) {
    address.every_host = true;
    return address;
  }
  bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  std::optional<IpAddress> parsed = IpAddress::Parse(host);
  if (!parsed.has_value() || bracketed == parsed->is_v4() ||
      host.find('%') != std::string_view::npos) {
    return BadAddress(text);
  }
  address.host = *parsed;
  return address;
}

absl::StatusOr<ListenSocket> OpenListenSocket(const ListenAddress& address) {
  IpAddress host = address.host;  // :: when every_host
  OwnedDescriptor opened(socket(host.is_v4() ? AF_INET : AF_INET6,
                                SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (opened.get() < 0 && address.every_host && errno == EAFNOSUPPORT) {
    host = *IpAddress::Parse("0.0.0.0");  // a kernel without IPv6
    opened = OwnedDescriptor(
        socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  }
  std::string wanted = HostAndPort(host, address.port);
  if (opened.get() < 0) return SocketError("open a socket", wanted);

  int on = 1;
  int only_v6 = address.every_host ? 0 : 1;
  setsockopt(opened.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (!host.is_v4()) {
    setsockopt(opened.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only_v6,
               sizeof(only_v6));
  }
  sockaddr_storage name;
  socklen_t name_bytes = FillSockaddr(host, address.port, name);
  if (bind(opened.get(), reinterpret_cast<sockaddr*>(&name), name_bytes) != 0) {
    return SocketError("bind", wanted);
  }
  if (listen(opened.get(), SOMAXCONN) != 0) {
    return SocketError("listen", wanted);
  }
  name_bytes = sizeof(name);
  if (getsockname(opened.get(), reinterpret_cast<sockaddr*>(&name),
                  &name_bytes) != 0) {
    return SocketError("read the bound address", wanted);
  }
  uint16_t port = PortOf(name);
  return ListenSocket{.socket = std::move(opened),
                      .is_v4 = host.is_v4(),
                      .port = port,
                      .address = HostAndPort(host, port)};
}

IpAddress AddressOf(const sockaddr_storage& peer) {
  IpAddress address;
  if (peer.ss_family == AF_INET) {
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(&address.bytes[12],
                &reinterpret_cast<const sockaddr_in*>(&peer)->sin_addr, 4);
  } else if (peer.ss_family == AF_INET6) {
    std::memcpy(address.bytes.data(),
                &reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_addr, 16);
  }
  return address;
}

}  // namespace oddverb
