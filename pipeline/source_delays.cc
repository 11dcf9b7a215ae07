#include "pipeline/source_delays.h"

#include <algorithm>

namespace oddverb {

void SourceDelays::Start(size_t sources) {
  std::lock_guard<std::mutex> lock(mutex_);
  delays_.assign(sources, {});
}

void SourceDelays::Note(size_t source, absl::Time newest, absl::Time now) {
  std::lock_guard<std::mutex> lock(mutex_);
  Delay& delay = delays_[source];
  // A clock that was set back begins a span, too.
  if (now >= delay.current.start + kSpan || now < delay.current.start) {
    delay.last = delay.current;
    delay.current = {now, absl::InfiniteDuration()};
  }
  delay.current.smallest = std::min(delay.current.smallest, now - newest);
}

std::optional<absl::Duration> SourceDelays::Smallest(size_t source,
                                                     absl::Time now) const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (source >= delays_.size()) return std::nullopt;
  absl::Duration smallest = absl::InfiniteDuration();
  for (const Span& span : {delays_[source].current, delays_[source].last}) {
    if (now - span.start > 2 * kSpan) continue;
    smallest = std::min(smallest, span.smallest);
  }
  if (smallest == absl::InfiniteDuration()) return std::nullopt;
  return smallest;
}

}  // namespace oddverb
