#include "detectors/recent_clues.h"

#include <algorithm>
#include <utility>

#include "detectors/finding_text.h"

namespace oddverb {

void RecentClues::Note(size_t kind, std::string value, absl::Time now) {
  Seen& seen = seen_[kind];
  if (!IsRecent(seen, now)) seen.value = std::move(value);
  seen.time = std::max(seen.time, now);
}

bool RecentClues::Any(absl::Time now) const {
  return std::any_of(seen_.begin(), seen_.end(),
                     [&](const Seen& seen) { return IsRecent(seen, now); });
}

void RecentClues::AddReasons(absl::Time now, Finding& finding) const {
  for (size_t i = 0; i < seen_.size(); ++i) {
    if (!IsRecent(seen_[i], now)) continue;
    AddReason(kinds_[i].text, seen_[i].value, kinds_[i].weight, finding);
  }
}

void RecentClues::Save(StateWriter& out) const {
  for (const Seen& seen : seen_) {
    out.PutTime(seen.time);
    out.PutString(seen.value);
  }
}

void RecentClues::Load(StateReader& in, size_t known) {
  for (size_t i = 0; i < seen_.size() && i < known; ++i) {
    seen_[i].time = in.GetTime();
    seen_[i].value = std::string(in.GetString());
  }
}

}  // namespace oddverb
