// The words of audit.gap. Pure; thread-safe.
#ifndef ODDVERB_DETECTORS_AUDIT_GAP_FINDING_H_
#define ODDVERB_DETECTORS_AUDIT_GAP_FINDING_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "base/state_io.h"
#include "model/finding.h"

namespace oddverb {

// Part of the state's format.
enum class GapKind : uint8_t {
  kDeleted,     // a file, before it was read
  kEmptied,     // a file, in place
  kCopied,      // a file that was copied first
  kUnreadable,  // damaged compression, a failing disk
  kBroken,      // records that were written as events and are none
  kOtherText,   // lines that are no events
  kSilence,
  kExpired,   // messages of a topic, before they were read
  kReplaced,  // a topic
  kCount
};

// What is known of one case.
struct GapFacts {
  GapKind kind = GapKind::kSilence;
  Severity severity = Severity::kInfo;
  Hash128 id;
  std::string source;
  std::string place;         // of the first
  std::string place_before;  // kSilence across files: where the other ends
  std::string detail;        // of the first, in words
  absl::Time before = absl::InfinitePast();  // the last event before the first
  absl::Time after = absl::InfinitePast();   // the first behind the last; none
  uint64_t count = 1;  // of gaps, or of records for kBroken and kOtherText
  uint64_t bytes = 0;  // as far as known
  // kSilence: the longest, and what is usual.
  absl::Duration longest;
  absl::Duration bound;

  void Save(StateWriter& out) const;
  void Load(StateReader& in);
};

// A finding without cluster, state and time.
Finding DescribeGap(const GapFacts& facts);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_AUDIT_GAP_FINDING_H_
