#include "pipeline/storage_health.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"

namespace oddverb {
namespace {

// A full disk is asked often enough that nobody waits for the answer, and
// seldom enough that the attempts (an fsync each) do no harm.
constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(1);
constexpr absl::Duration kLookForStop = absl::Milliseconds(50);

// False: stopped.
bool Pause(absl::Duration pause, const std::atomic<bool>& stop) {
  for (; pause > absl::ZeroDuration() && !stop; pause -= kLookForStop) {
    absl::SleepFor(std::min(pause, kLookForStop));
  }
  return !stop;
}

}  // namespace

bool MeansTryAgain(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
}

void StorageHealth::Note(Part part, const absl::Status& outcome) {
  if (!outcome.ok()) failures_.fetch_add(1, std::memory_order_relaxed);
  std::lock_guard<std::mutex> lock(mutex_);
  parts_[static_cast<size_t>(part)] = {outcome.code(),
                                       std::string(outcome.message())};
}

absl::Status StorageHealth::Commit(const std::function<absl::Status()>& write,
                                   const std::atomic<bool>& stop) {
  absl::Duration pause = kFirstPause;
  while (true) {
    absl::Status status = write();
    Note(Part::kCheckpoint, status);
    if (status.ok() || !MeansTryAgain(status)) return status;
    if (!Pause(pause, stop)) {
      return absl::Status(
          status.code(),
          absl::StrCat(status.message(),
                       "; stopped meanwhile: what was read since the last "
                       "checkpoint is read again at the next start"));
    }
    pause = std::min(2 * pause, kLongestPause);
  }
}

bool StorageHealth::ShouldAsk(Part part) {
  std::lock_guard<std::mutex> lock(mutex_);
  absl::Time now = SteadyNow();
  if (parts_[static_cast<size_t>(part)].code == absl::StatusCode::kOk ||
      now - last_asked_ < kLongestPause) {
    return false;
  }
  last_asked_ = now;
  return true;
}

absl::Status StorageHealth::status() const {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const Outcome& part : parts_) {
    if (part.code != absl::StatusCode::kOk) {
      return absl::Status(part.code, part.message);
    }
  }
  return absl::OkStatus();
}

}  // namespace oddverb
