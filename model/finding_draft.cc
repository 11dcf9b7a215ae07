#include "model/finding_draft.h"

#include <cassert>

#include "model/finding_state.h"

namespace oddverb {
namespace {

// Most take less.
constexpr size_t kPackedBytes = 640;

}  // namespace

FindingDraft FindingDraft::Packed(const Finding& finding) {
  StateWriter out;
  out.Reserve(kPackedBytes);
  SaveFinding(finding, out);
  FindingDraft draft;
  draft.form_ = Bytes{out.Release()};
  return draft;
}

void FindingDraft::Pack() {
  if (!std::holds_alternative<Bytes>(form_)) *this = Packed(Read());
}

FindingDraft::FindingDraft(const FindingDraft& other) {
  if (const auto* read = std::get_if<std::unique_ptr<Finding>>(&other.form_)) {
    form_ = std::make_unique<Finding>(**read);
  } else if (const auto* packed = std::get_if<Bytes>(&other.form_)) {
    form_ = *packed;
  } else if (const auto* opening = std::get_if<FindingOpening>(&other.form_)) {
    StateWriter out;
    out.Reserve(kPackedBytes);
    SaveOpened(*opening, out);
    form_ = Bytes{out.Release()};
  }
}

FindingDraft& FindingDraft::operator=(const FindingDraft& other) {
  FindingDraft copy(other);
  *this = std::move(copy);
  return *this;
}

void FindingDraft::Save(StateWriter& out) const {
  if (const auto* packed = std::get_if<Bytes>(&form_)) {
    out.PutBytes(packed->bytes);
  } else if (const auto* opening = std::get_if<FindingOpening>(&form_)) {
    SaveOpened(*opening, out);
  } else {
    SaveFinding(Read(), out);
  }
}

Finding& FindingDraft::Read() const {
  assert(has_value());
  if (const auto* packed = std::get_if<Bytes>(&form_)) {
    StateReader in(packed->bytes);
    auto finding = std::make_unique<Finding>(LoadFinding(in));
    assert(in.status().ok() && in.AtEnd());
    form_ = std::move(finding);
  } else if (const auto* opening = std::get_if<FindingOpening>(&form_)) {
    form_ = std::make_unique<Finding>(OpenFinding(*opening));
  }
  return *std::get<std::unique_ptr<Finding>>(form_);
}

}  // namespace oddverb
