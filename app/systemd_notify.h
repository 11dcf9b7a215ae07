// Tells systemd how the service is (sd_notify(3)): one datagram to
// $NOTIFY_SOCKET, without libsystemd. Does nothing elsewhere. Thread-safe.
#ifndef ODDVERB_APP_SYSTEMD_NOTIFY_H_
#define ODDVERB_APP_SYSTEMD_NOTIFY_H_

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "app/config_text.h"

namespace oddverb {

class SystemdNotify {
 public:
  // Reads NOTIFY_SOCKET and WATCHDOG_USEC.
  explicit SystemdNotify(const Environment& environment);

  void Ready() const { Send("READY=1"); }
  void Stopping() const { Send("STOPPING=1"); }
  void Alive() const { Send("WATCHDOG=1"); }
  void Status(std::string_view text) const;

  // How often systemd wants to hear Alive(); zero = never.
  absl::Duration watchdog_interval() const { return watchdog_interval_; }

 private:
  void Send(std::string_view message) const;

  std::string socket_;
  absl::Duration watchdog_interval_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_SYSTEMD_NOTIFY_H_
