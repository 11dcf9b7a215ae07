#include "stats/recent_times.h"

#include <algorithm>
#include <cstddef>

#include "base/state_io.h"

namespace oddverb {

void RecentTimes::Add(absl::Time time) {
  int64_t micros = absl::ToUnixMicros(time);
  auto begin = micros_.begin();
  if (size_ < kCapacity) {
    auto end = begin + size_;
    auto place = std::upper_bound(begin, end, micros);
    std::copy_backward(place, end, end + 1);
    *place = micros;
    ++size_;
    return;
  }
  if (micros <= micros_[0]) return;  // it is the earliest itself
  auto place = std::upper_bound(begin, micros_.end(), micros);
  std::copy(begin + 1, place, begin);
  *(place - 1) = micros;
}

int RecentTimes::CountWithin(absl::Time now, absl::Duration span) const {
  auto begin = micros_.begin();
  auto end = begin + size_;
  auto first = std::lower_bound(begin, end, absl::ToUnixMicros(now - span));
  auto last = std::upper_bound(begin, end, absl::ToUnixMicros(now));
  return static_cast<int>(std::max<std::ptrdiff_t>(0, last - first));
}

void RecentTimes::Save(StateWriter& out) const {
  out.PutU64(static_cast<uint64_t>(size_));
  int64_t previous = 0;
  for (int i = 0; i < size_; ++i) {
    int64_t micros = micros_[static_cast<size_t>(i)];
    // Unsigned: the difference of two int64 need not fit into one.
    uint64_t step =
        static_cast<uint64_t>(micros) - static_cast<uint64_t>(previous);
    if (i == 0) {
      out.PutI64(micros);
    } else {
      out.PutU64(step);
    }
    previous = micros;
  }
}

void RecentTimes::Load(StateReader& in) {
  Clear();
  uint64_t size = in.GetCount(1);
  if (size > kCapacity) {
    in.Fail();
    return;
  }
  for (uint64_t i = 0; i < size; ++i) {
    if (i == 0) {
      micros_[i] = in.GetI64();
      continue;
    }
    uint64_t micros = static_cast<uint64_t>(micros_[i - 1]) + in.GetU64();
    micros_[i] = static_cast<int64_t>(micros);
    if (micros_[i] < micros_[i - 1]) in.Fail();  // a step beyond the range
  }
  if (in.status().ok()) size_ = static_cast<int>(size);
}

}  // namespace oddverb
