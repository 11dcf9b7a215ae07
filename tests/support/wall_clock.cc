#include "tests/support/wall_clock.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace oddverb {
namespace {

std::atomic<int64_t> jumped_seconds{0};

}  // namespace

WallClockJump::WallClockJump(absl::Duration by) {
  jumped_seconds = absl::ToInt64Seconds(by);
}

WallClockJump::~WallClockJump() { jumped_seconds = 0; }

}  // namespace oddverb

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  auto result = static_cast<int>(::syscall(SYS_clock_gettime, clock, now));
  if (clock == CLOCK_REALTIME && result == 0) {
    now->tv_sec += oddverb::jumped_seconds.load(std::memory_order_relaxed);
  }
  return result;
}
