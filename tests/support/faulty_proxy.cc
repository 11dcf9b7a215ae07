#include "tests/support/faulty_proxy.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

constexpr std::string_view kComeLater = "HTTP/1.1 503";
constexpr int kLookMilliseconds = 20;  // whether the proxy ends

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

// -1 where nobody listens.
int Connect(int port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(port);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) ==
      0) {
    return fd;
  }
  ::close(fd);
  return -1;
}

// The other side sees a reset, not an orderly end.
void Reset(int fd) {
  linger hard = {.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  ::close(fd);
}

bool SendAll(int fd, const char* bytes, size_t count) {
  while (count > 0) {
    ssize_t sent = ::send(fd, bytes, count, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    count -= static_cast<size_t>(sent);
  }
  return true;
}

// Or at its end.
bool IsReadable(const pollfd& entry) { return entry.revents != 0; }

}  // namespace

FaultyProxy::FaultyProxy(const Options& options)
    : options_(options), random_(options.seed) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener_, generic, size), 0);
  EXPECT_EQ(::listen(listener_, SOMAXCONN), 0);
  ::getsockname(listener_, generic, &size);
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { AcceptAll(); });
}

FaultyProxy::~FaultyProxy() {
  ends_ = true;
  accepting_.join();
  for (std::thread& thread : passing_) thread.join();
  ::close(listener_);
}

FaultyProxy::Plan FaultyProxy::NextPlan() {
  if (healed_ || options_.most_bytes_before == 0) return {};
  std::uniform_int_distribution<uint64_t> after(options_.least_bytes_before,
                                                options_.most_bytes_before);
  Plan plan;
  // One that a restart of the server forestalled is tried again.
  uint64_t fewest = std::min(
      {counts_.cut.load(), counts_.answers_lost.load(), counts_.hung.load()});
  plan.fault = counts_.cut == fewest            ? Fault::kCut
               : counts_.answers_lost == fewest ? Fault::kLoseAnswer
                                                : Fault::kHang;
  plan.after_bytes = after(random_);
  return plan;
}

void FaultyProxy::AcceptAll() {
  while (!ends_) {
    pollfd listening = {listener_, POLLIN, 0};
    ::poll(&listening, 1, kLookMilliseconds);
    if (!IsReadable(listening)) continue;
    int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    ++counts_.connections;
    passing_.emplace_back(
        [this, client, plan = NextPlan()] { Serve(client, plan); });
  }
}

void FaultyProxy::Serve(int client, Plan plan) {
  int server = Connect(options_.to_port);
  if (server < 0) {
    ++counts_.refused;
    ::close(client);
    return;
  }
  Fault fault = Pass(client, server, plan);
  if (fault == Fault::kHang) Hang();
  bool orderly = fault == Fault::kNone;
  orderly ? (void)::close(server) : Reset(server);
  orderly ? (void)::close(client) : Reset(client);
}

FaultyProxy::Fault FaultyProxy::Pass(int client, int server, Plan plan) {
  uint64_t from_client = 0;
  char block[1 << 16];
  auto pass = [&block](int from, int to) {
    ssize_t got = ::recv(from, block, sizeof(block), 0);
    bool sent = got > 0 && SendAll(to, block, static_cast<size_t>(got));
    return sent ? static_cast<uint64_t>(got) : 0;
  };
  while (!ends_) {
    bool is_due = plan.fault != Fault::kNone && from_client > plan.after_bytes;
    if (is_due && plan.fault != Fault::kLoseAnswer) {
      ++(plan.fault == Fault::kCut ? counts_.cut : counts_.hung);
      return plan.fault;
    }
    pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    ::poll(both, 2, kLookMilliseconds);
    if (IsReadable(both[1])) {
      if (is_due) {
        ++counts_.answers_lost;
        return plan.fault;
      }
      uint64_t passed = pass(server, client);
      if (passed == 0) return Fault::kNone;
      if (std::string_view(block, passed).starts_with(kComeLater)) {
        ++counts_.told_to_come_later;
      }
    }
    if (!IsReadable(both[0])) continue;
    uint64_t passed = pass(client, server);
    if (passed == 0) return Fault::kNone;
    from_client += passed;
  }
  return Fault::kNone;
}

void FaultyProxy::Hang() {
  absl::Time end = absl::Now() + options_.hang;
  while (!ends_ && absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(kLookMilliseconds));
  }
}

}  // namespace oddverb
