// The program: command line, commands, and the one place that names concrete
// parts (build.cc).
#ifndef ODDVERB_APP_APP_H_
#define ODDVERB_APP_APP_H_

#include <atomic>

namespace oddverb {

// Exit codes, a contract with scripts.
enum ExitCode : int {
  kExitFine = 0,
  kExitFailure = 1,           // a part failed while running
  kExitUsage = 2,             // command line or configuration
  kExitFindings = 3,          // findings at or above --fail-on
  kExitPartlyUnreadable = 4,  // records were rejected, under --strict
};

// What signal handlers ask for.
struct AppSignals {
  // End early: what was read is judged and written first.
  const std::atomic<bool>& stop;
  // The service reads its configuration again, and sets it back to false.
  std::atomic<bool>& reload;
};

int RunApp(int argc, const char* const* argv, const AppSignals& signals);

}  // namespace oddverb

#endif  // ODDVERB_APP_APP_H_
