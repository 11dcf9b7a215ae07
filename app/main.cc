#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string_view>

#include "app/app.h"

namespace {

// The only things a signal handler may touch.
std::atomic<bool> stop_requested{false};
std::atomic<bool> reload_requested{false};
std::atomic<int> stop_signal{0};
static_assert(std::atomic<bool>::is_always_lock_free &&
              std::atomic<int>::is_always_lock_free);

void HandleSignal(int signal) {
  stop_signal.store(signal);
  stop_requested.store(true);
}

void HandleReload(int) { reload_requested.store(true); }

// A descriptor that the caller left closed would be given to the next file that
// is opened, and findings or messages would go into that file. Write-only for
// input and read-only for output: using them stays the error that it is.
void FillStandardDescriptors() {
  for (int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    // Takes the lowest free number, which is this one.
    if (open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) <
        0) {
      return;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  FillStandardDescriptors();
  struct sigaction action {};
  action.sa_handler = HandleSignal;
  // A second signal ends the process at once.
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // For all else a closed terminal is the end.
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "run" || command == "forward") {
    signal(SIGHUP, HandleReload);
  }
  // A closed pipe is an error of write(), told in words.
  signal(SIGPIPE, SIG_IGN);
  int code = oddverb::RunApp(argc, argv, {stop_requested, reload_requested});
  int signal_number = stop_signal.load();
  bool flushed = code != oddverb::kExitFailure && code != oddverb::kExitUsage;
  return signal_number != 0 && flushed ? 128 + signal_number : code;
}
