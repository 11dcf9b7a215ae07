// How long the bodies in the spool have been waiting, for a metric. In memory:
// what an earlier process spooled counts from the start of this one. One thread
// at a time.
#ifndef ODDVERB_PIPELINE_SPOOL_AGES_H_
#define ODDVERB_PIPELINE_SPOOL_AGES_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace oddverb {

class SpoolAges {
 public:
  // Bodies of `source` up to number `last` are there as of `now`.
  void Added(std::string_view source, uint64_t last, absl::Time now) {
    std::deque<Waiting>& waiting = waiting_[std::string(source)];
    // Seconds are exact enough, and bound what is remembered.
    if (!waiting.empty() && now - waiting.back().since < absl::Seconds(1)) {
      waiting.back().last = last;
    } else {
      waiting.push_back({last, now});
    }
  }

  // Those of `source` up to number `up_to` are gone.
  void Gone(std::string_view source, uint64_t up_to) {
    auto found = waiting_.find(source);
    if (found == waiting_.end()) return;
    std::deque<Waiting>& waiting = found->second;
    while (!waiting.empty() && waiting.front().last <= up_to) {
      waiting.pop_front();
    }
  }

  // Since when the oldest one has been there; the infinite future if there is
  // none.
  absl::Time OldestSince() const {
    absl::Time oldest = absl::InfiniteFuture();
    for (const auto& [source, waiting] : waiting_) {
      if (!waiting.empty()) oldest = std::min(oldest, waiting.front().since);
    }
    return oldest;
  }

 private:
  struct Waiting {
    uint64_t last = 0;
    absl::Time since;
  };
  std::map<std::string, std::deque<Waiting>, std::less<>> waiting_;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SPOOL_AGES_H_
