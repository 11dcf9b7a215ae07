#include "ingest/directory_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace oddverb {
namespace {

constexpr uint32_t kContentEvents = IN_MODIFY;
constexpr uint32_t kNameEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                 IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |
                                 IN_MOVE_SELF;
// The watch is gone, or events were lost.
constexpr uint32_t kLostEvents =
    IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT;

}  // namespace

DirectoryWatch::DirectoryWatch(std::string folder, std::string name_stem)
    : folder_(std::move(folder)), name_stem_(std::move(name_stem)) {}

DirectoryWatch::~DirectoryWatch() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void DirectoryWatch::Arm() {
  if (watch_ >= 0) return;
  if (descriptor_ < 0) {
    descriptor_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor_ < 0) return;
  }
  watch_ = ::inotify_add_watch(descriptor_, folder_.c_str(),
                               kContentEvents | kNameEvents | IN_ONLYDIR);
}

DirectoryWatch::Change DirectoryWatch::Wait(absl::Time deadline) {
  // Who never waits needs no watch, and closing one takes milliseconds.
  if (descriptor_ < 0 && MillisecondsUntil(deadline) == 0) return Change::kNone;
  bool was_watching = watching();
  Arm();
  // What happened before the watch was there is unknown.
  if (watching() && !was_watching) return Change::kNames;
  for (;;) {
    Change change = Drain();
    if (change != Change::kNone) return change;
    int wait = MillisecondsUntil(deadline);
    if (wait == 0) return Change::kNone;
    struct pollfd waiting = {descriptor_, POLLIN, 0};
    ::poll(&waiting, watching() ? 1 : 0, wait);
  }
}

DirectoryWatch::Change DirectoryWatch::Drain() {
  Change change = Change::kNone;
  if (descriptor_ < 0) return change;
  alignas(inotify_event) char bytes[16 * 1024];
  ssize_t got;
  while ((got = ::read(descriptor_, bytes, sizeof(bytes))) > 0) {
    for (ssize_t at = 0; at < got;) {
      inotify_event event;
      std::memcpy(&event, bytes + at, sizeof(event));
      std::string_view name;
      if (event.len > 0) name = bytes + at + sizeof(event);
      at += static_cast<ssize_t>(sizeof(event) + event.len);
      if ((event.mask & kLostEvents) != 0 && event.wd == watch_) {
        ::inotify_rm_watch(descriptor_, watch_);
        watch_ = -1;
        change = Change::kNames;
      }
      if ((event.mask & IN_Q_OVERFLOW) != 0) change = Change::kNames;
      if (!name.starts_with(name_stem_)) continue;
      if ((event.mask & kNameEvents) != 0) change = Change::kNames;
      if (change == Change::kNone) change = Change::kContent;
    }
  }
  return change;
}

int MillisecondsUntil(absl::Time deadline) {
  absl::Duration left = deadline - SteadyNow();
  if (left <= absl::ZeroDuration()) return 0;
  // An endless wait is cut as well: the caller's loop comes back.
  constexpr int64_t kLongest = 3'600'000;
  return static_cast<int>(
      std::min(absl::ToInt64Milliseconds(left) + 1, kLongest));
}

}  // namespace oddverb
