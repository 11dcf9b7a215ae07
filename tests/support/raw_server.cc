#include "tests/support/raw_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "gtest/gtest.h"

namespace oddverb {

RawServer::RawServer(std::string bytes, Then then)
    : bytes_(std::move(bytes)), then_(then) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener_, generic, size), 0);
  EXPECT_EQ(::listen(listener_, 16), 0);
  EXPECT_EQ(::getsockname(listener_, generic, &size), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

RawServer::~RawServer() {
  ends_ = true;
  thread_.join();
  ::close(listener_);
  for (int kept : kept_) ::close(kept);
}

std::string RawServer::url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

void RawServer::Serve() {
  while (!ends_) {
    pollfd waiting = {listener_, POLLIN, 0};
    if (::poll(&waiting, 1, /*timeout=*/10) <= 0) continue;
    int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    ++connections_;
    char buffer[1 << 16];
    (void)!::recv(client, buffer, sizeof(buffer), 0);
    (void)!::send(client, bytes_.data(), bytes_.size(), MSG_NOSIGNAL);
    if (then_ == Then::kClose) {
      ::close(client);
    } else {
      kept_.push_back(client);
    }
  }
}

}  // namespace oddverb
