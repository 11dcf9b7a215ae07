#include "pipeline/known_findings.h"

#include <algorithm>

#include "base/keyed_hash.h"
#include "base/state_io.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

template <class E>
E LoadEnum(StateReader& in, E last) {
  uint64_t value = in.GetU64();
  if (value <= static_cast<uint64_t>(last)) return static_cast<E>(value);
  in.Fail();
  return E{};
}

void Save(const KnownFinding& known, StateWriter& out) {
  out.PutFixed64(known.id.high);
  out.PutFixed64(known.id.low);
  out.PutTime(known.time);
  out.PutU64(static_cast<uint64_t>(known.severity));
  // Format 1 of a row ended here.
  out.PutU64(static_cast<uint64_t>(known.fate));
  out.PutU64(static_cast<uint64_t>(known.shown_severity));
  out.PutDouble(known.shown_score);
  out.PutFixed64(known.shown_content);
  out.PutU64(known.is_final_shown ? 1 : 0);
  out.PutU64(known.shown_attack.size());
  for (const std::string& id : known.shown_attack) out.PutString(id);
}

KnownFinding Load(StateReader& in) {
  KnownFinding known;
  known.id.high = in.GetFixed64();
  known.id.low = in.GetFixed64();
  known.time = in.GetTime();
  known.severity = LoadEnum(in, Severity::kCritical);
  if (in.AtEnd()) {
    // Format 1 knew of shown findings only, and not in which state: the next
    // one of it is shown, as its score is above 0.
    known.fate = Fate::kShown;
    known.shown_severity = known.severity;
    return known;
  }
  known.fate = LoadEnum(in, Fate::kSuppressed);
  known.shown_severity = LoadEnum(in, Severity::kCritical);
  known.shown_score = in.GetDouble();
  known.shown_content = in.GetFixed64();
  known.is_final_shown = in.GetU64() != 0;
  for (uint64_t n = in.GetCount(1); n > 0 && in.status().ok(); --n) {
    known.shown_attack.emplace_back(in.GetString());
  }
  return known;
}

}  // namespace

uint64_t ContentOf(const Finding& finding) {
  Finding content = finding;
  content.state = FindingState::kOpen;
  content.time = absl::UnixEpoch();
  StateWriter bytes;
  SaveFinding(content, bytes);
  return KeyedHash().Hash(bytes.bytes());
}

void KnownFinding::NoteShown(const Finding& finding) {
  bool is_first = fate != Fate::kShown;
  fate = Fate::kShown;
  // What falls and rises again is no news.
  shown_severity =
      is_first ? finding.severity : std::max(shown_severity, finding.severity);
  shown_score = is_first ? finding.score : std::max(shown_score, finding.score);
  for (const std::string& technique : finding.attack) {
    if (shown_attack.size() < KnownFindings::kMaxTechniques &&
        std::find(shown_attack.begin(), shown_attack.end(), technique) ==
            shown_attack.end()) {
      shown_attack.push_back(technique);
    }
  }
  shown_content = ContentOf(finding);
  is_final_shown |= finding.state == FindingState::kFinal;
}

std::pair<uint32_t, bool> KnownFindings::Find(const Finding& finding) {
  auto found = index_.find(finding.id);
  if (found != index_.end()) return {found->second, false};
  uint32_t index = next_;
  next_ = (next_ + 1) % kMaxKnown;
  if (index == known_.size()) {
    known_.emplace_back();
  } else {
    index_.erase(known_[index].known.id);
  }
  KnownFinding& known = Change(index);
  known = KnownFinding();
  known.id = finding.id;
  known.time = finding.time;
  known.severity = finding.severity;
  index_[finding.id] = index;
  return {index, true};
}

KnownFinding& KnownFindings::Change(uint32_t index) {
  Slot& slot = known_[index];
  if (!slot.is_changed) changed_.push_back(index);
  slot.is_changed = true;
  return slot.known;
}

void KnownFindings::TakeChanges(const std::string& owner,
                                std::vector<StateRow>& out) {
  for (uint32_t index : changed_) {
    known_[index].is_changed = false;
    StateWriter row;
    Save(known_[index].known, row);
    out.push_back({owner, kRowKind, index, row.Release()});
  }
  changed_.clear();
  StateWriter shared;
  shared.PutU64(next_);
  out.push_back({owner, StateRow::kShared, 0, shared.Release()});
}

absl::Status KnownFindings::LoadRow(const StateRow& row) {
  if (row.id != known_.size() || row.id >= kMaxKnown) {
    return absl::DataLossError("checkpoint: a known finding is missing");
  }
  StateReader in(row.bytes);
  Slot& slot = known_.emplace_back();
  slot.known = Load(in);
  index_[slot.known.id] = row.id;
  return in.status();
}

absl::Status KnownFindings::LoadShared(const StateRow& row) {
  StateReader in(row.bytes);
  next_ = static_cast<uint32_t>(in.GetU64() % kMaxKnown);
  if (next_ > known_.size()) {
    return absl::DataLossError("checkpoint: known findings are missing");
  }
  return in.status();
}

}  // namespace oddverb
