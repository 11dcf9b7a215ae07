// `oddverb run` with an error built in: each checkpoint is two transactions,
// with a pause between them. A test of kills that finds nothing wrong with this
// program proves nothing about the real one.
//
// usage: split_commit_service run --config FILE
#include <atomic>
#include <csignal>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>

#include "absl/time/clock.h"
#include "app/service.h"

namespace {

// Long enough that some kills fall into it.
constexpr absl::Duration kPause = absl::Milliseconds(300);

std::atomic<bool> stop_requested{false};

void HandleStop(int) { stop_requested.store(true); }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  std::signal(SIGTERM, HandleStop);
  std::atomic<bool> reload_requested{false};
  oddverb::ServiceStorageOptions storage;
  storage.local.commit_mode =
      oddverb::SqliteCheckpoint::CommitMode::kSplitForTest;
  storage.local.between_for_test = [] { absl::SleepFor(kPause); };
  storage.in_kafka.commit_mode =
      oddverb::LogCheckpoint::CommitMode::kSplitForTest;
  // Of each thread: the shares of a group are torn side by side, and what
  // matters is whether one has a whole checkpoint before.
  std::mutex mutex;
  std::map<std::thread::id, int> torn;
  storage.in_kafka.between_for_test = [&](const auto& batch) {
    if (batch.findings.empty()) return;
    {
      // The moment to kill it.
      std::lock_guard<std::mutex> lock(mutex);
      const int count = ++torn[std::this_thread::get_id()];
      std::fprintf(stderr, "msg=between torn=%d\n", count);
    }
    absl::SleepFor(kPause);
  };
  int code = oddverb::RunService(argv[3], oddverb::ProcessEnvironment,
                                 {stop_requested, reload_requested}, storage);
  return stop_requested && code == 0 ? 128 + SIGTERM : code;
}
