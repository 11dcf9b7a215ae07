// Clues about one actor that mean little alone: which kinds were seen within a
// window, and what of. Their weights add up to a finding's score. Bounded by
// the number of kinds. One thread.
#ifndef ODDVERB_DETECTORS_RECENT_CLUES_H_
#define ODDVERB_DETECTORS_RECENT_CLUES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/finding.h"

namespace oddverb {

struct ClueKind {
  std::string_view text;  // for people
  double weight = 0;
};

class RecentClues {
 public:
  // A clue counts for `window` behind the last time it was seen. `kinds` are
  // static.
  RecentClues(std::span<const ClueKind> kinds, absl::Duration window)
      : kinds_(kinds), window_(window), seen_(kinds.size()) {}

  // `kind` is an index of kinds; `value` says what it was, bounded. The first
  // one of a window is kept.
  void Note(size_t kind, std::string value, absl::Time now);
  bool Any(absl::Time now) const;
  // A reason for each, and its weight to the score.
  void AddReasons(absl::Time now, Finding& finding) const;

  void Save(StateWriter& out) const;
  // Failures show in in.status(). `known`: kinds that the saved state had, the
  // first ones.
  void Load(StateReader& in, size_t known = SIZE_MAX);

 private:
  struct Seen {
    absl::Time time = absl::InfinitePast();
    std::string value;
  };
  bool IsRecent(const Seen& seen, absl::Time now) const {
    return seen.time + window_ > now;
  }

  std::span<const ClueKind> kinds_;
  absl::Duration window_;
  std::vector<Seen> seen_;  // by kind
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_RECENT_CLUES_H_
