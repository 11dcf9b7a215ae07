#include "app/systemd_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "absl/strings/numbers.h"

namespace oddverb {

SystemdNotify::SystemdNotify(const Environment& environment) {
  socket_ = environment("NOTIFY_SOCKET").value_or("");
  int64_t micros = 0;
  std::string watchdog = environment("WATCHDOG_USEC").value_or("");
  if (absl::SimpleAtoi(watchdog, &micros) && micros > 0) {
    // Half of it, as sd_watchdog_enabled(3) advises.
    watchdog_interval_ = absl::Microseconds(micros) / 2;
  }
}

void SystemdNotify::Status(std::string_view text) const {
  Send("STATUS=" + std::string(text.substr(0, text.find('\n'))));
}

void SystemdNotify::Send(std::string_view message) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  // '@' stands for the NUL of an abstract socket.
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  // Nothing can be done about a failure: systemd notices the silence.
  (void)sendto(fd, message.data(), message.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), length);
  close(fd);
}

}  // namespace oddverb
