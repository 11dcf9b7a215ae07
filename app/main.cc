#include <csignal>

#include "app/app.h"

namespace {

// The only thing a signal handler may touch.
std::atomic<bool> stop_requested{false};
std::atomic<int> stop_signal{0};
static_assert(std::atomic<bool>::is_always_lock_free &&
              std::atomic<int>::is_always_lock_free);

void HandleSignal(int signal) {
  stop_signal.store(signal);
  stop_requested.store(true);
}

}  // namespace

int main(int argc, char** argv) {
  struct sigaction action {};
  action.sa_handler = HandleSignal;
  // A second signal ends the process at once.
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A closed pipe is an error of write(), told in words.
  signal(SIGPIPE, SIG_IGN);
  int code = oddverb::RunApp(argc, argv, stop_requested);
  int signal_number = stop_signal.load();
  bool flushed = code == oddverb::kExitFine || code == oddverb::kExitFindings;
  return signal_number != 0 && flushed ? 128 + signal_number : code;
}
