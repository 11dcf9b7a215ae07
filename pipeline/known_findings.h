// What is remembered of the findings that may still change: what became of
// each, and in which state it was last shown. One thread.
#ifndef ODDVERB_PIPELINE_KNOWN_FINDINGS_H_
#define ODDVERB_PIPELINE_KNOWN_FINDINGS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "model/finding.h"
#include "pipeline/checkpoint.h"

namespace oddverb {

enum class Fate : uint8_t {
  kWithheld,    // below the least severity so far
  kShown,       // the exporters have it
  kFolded,      // counted in a summary instead (RateLimit)
  kSuppressed,  // by the configuration
};

struct KnownFinding {
  Hash128 id;
  absl::Time time;                      // of the opening state
  Severity severity = Severity::kInfo;  // the highest so far
  Fate fate = Fate::kWithheld;
  // Of all states that were shown: the highest, and the techniques together.
  Severity shown_severity = Severity::kInfo;
  double shown_score = 0;
  std::vector<std::string> shown_attack;
  uint64_t shown_content = 0;  // ContentOf() the last one
  bool is_final_shown = false;

  // `finding`, a state of it, is shown now.
  void NoteShown(const Finding& finding);
};

// A hash of all that a person sees of a finding but its state and time.
uint64_t ContentOf(const Finding& finding);

class KnownFindings {
 public:
  // Beyond this many the oldest is forgotten, and a later state of it would be
  // shown as if it were new.
  static constexpr uint32_t kMaxKnown = 65'536;
  // Techniques remembered of one; a finding has up to 20 at a time.
  static constexpr size_t kMaxTechniques = 64;
  // The kind of its rows.
  static constexpr uint8_t kRowKind = 0;

  // Index of the finding, and whether it was added now.
  std::pair<uint32_t, bool> Find(const Finding& finding);
  const KnownFinding& at(uint32_t index) const { return known_[index].known; }
  // For a change: a row of the next TakeChanges().
  KnownFinding& Change(uint32_t index);

  // Rows that changed since the last call.
  void TakeChanges(const std::string& owner, std::vector<StateRow>& out);
  // Into a new object, rows in the order of their ids. DataLoss: damaged.
  absl::Status LoadRow(const StateRow& row);
  absl::Status LoadShared(const StateRow& row);

 private:
  struct Slot {
    KnownFinding known;
    bool is_changed = false;
  };

  std::vector<Slot> known_;  // a ring once it is full
  uint32_t next_ = 0;
  std::map<Hash128, uint32_t> index_;
  std::vector<uint32_t> changed_;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_KNOWN_FINDINGS_H_
