// Wakes a reader when something happens to a log in a folder (inotify). Only a
// wake-up: what happened is looked up by the reader, which must ask by itself
// now and then, because network and overlay file systems do not tell.
#ifndef ODDVERB_INGEST_DIRECTORY_WATCH_H_
#define ODDVERB_INGEST_DIRECTORY_WATCH_H_

#include <string>

#include "absl/time/time.h"

namespace oddverb {

// One thread. Watches from the first Wait() that waits, which returns kNames at
// once. Where the kernel gives no watch (limits, no such folder yet) it only
// waits, and tries again at each Wait().
class DirectoryWatch {
 public:
  enum class Change : uint8_t {
    kNone,     // the deadline passed
    kContent,  // a file grew
    kNames,    // files came, went or were renamed, or nobody knows
  };

  // Files whose names do not begin with `name_stem` do not wake.
  DirectoryWatch(std::string folder, std::string name_stem);
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

  // What happened since the last call; waits for it until `deadline` (by
  // SteadyNow()). A deadline of the past asks once.
  Change Wait(absl::Time deadline);

  bool watching() const { return watch_ >= 0; }

 private:
  void Arm();
  Change Drain();

  const std::string folder_;
  const std::string name_stem_;
  int descriptor_ = -1;
  int watch_ = -1;
};

// For poll(2): rounded up, or the last millisecond would be a busy loop.
int MillisecondsUntil(absl::Time deadline);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_DIRECTORY_WATCH_H_
