#include "tests/support/free_port.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

bool IsFree(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int result =
      ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  ::close(fd);
  return result == 0;
}

// False: another one has it. The socket stays open on purpose: the kernel drops
// the name, which is in no file system, with the process.
bool Reserve(int port) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string name = absl::StrCat("oddverb-test-port-", port);
  std::copy(name.begin(), name.end(), address.sun_path + 1);
  const size_t size = offsetof(sockaddr_un, sun_path) + 1 + name.size();
  int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address),
             static_cast<socklen_t>(size)) == 0) {
    return true;
  }
  ::close(fd);
  return false;
}

}  // namespace

int FreePort() {
  // Outgoing connections get ports of 32768 and more.
  constexpr int kFirst = 20'000;
  constexpr int kCount = 12'000;
  std::random_device random;
  for (int i = 0; i < 1000; ++i) {
    int port = kFirst + static_cast<int>(random() % kCount);
    if (Reserve(port) && IsFree(port)) return port;
  }
  ADD_FAILURE() << "no free port";
  return 0;
}

}  // namespace oddverb
