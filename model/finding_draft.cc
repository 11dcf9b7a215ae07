#include "model/finding_draft.h"

#include <cassert>

#include "model/finding_state.h"

namespace oddverb {

template <class F>
FindingDraft FindingDraft::Pack(const F& finding) {
  // Most take less.
  constexpr size_t kBytes = 640;
  StateWriter out;
  out.Reserve(kBytes);
  SaveFinding(finding, out);
  FindingDraft draft;
  draft.packed_ = out.Release();
  return draft;
}

FindingDraft FindingDraft::Packed(const Finding& finding) {
  return Pack(finding);
}

FindingDraft FindingDraft::Packed(const OpenedFinding& finding) {
  return Pack(finding);
}

FindingDraft::FindingDraft(const FindingDraft& other)
    : finding_(other.finding_ == nullptr
                   ? nullptr
                   : std::make_unique<Finding>(*other.finding_)),
      packed_(other.packed_) {}

FindingDraft& FindingDraft::operator=(const FindingDraft& other) {
  FindingDraft copy(other);
  *this = std::move(copy);
  return *this;
}

void FindingDraft::Save(StateWriter& out) const {
  if (packed_.empty()) {
    SaveFinding(Read(), out);
  } else {
    out.PutBytes(packed_);
  }
}

Finding& FindingDraft::Read() const {
  assert(has_value());
  if (finding_ == nullptr) {
    StateReader in(packed_);
    finding_ = std::make_unique<Finding>(LoadFinding(in));
    assert(in.status().ok() && in.AtEnd());
    packed_.clear();
  }
  return *finding_;
}

}  // namespace oddverb
