// A finding that lacks only what the correlator knows, as an observation
// carries it. Each new token and each new address has some, and nearly all are
// thrown away unread: so it may be packed, in one piece of memory, until
// somebody reads it.
//
// Used as an optional Finding is. One thread at a time, readers too: the first
// of them unpacks it.
#ifndef ODDVERB_MODEL_FINDING_DRAFT_H_
#define ODDVERB_MODEL_FINDING_DRAFT_H_

#include <memory>
#include <string>
#include <utility>

#include "base/state_io.h"
#include "model/finding.h"
#include "model/opened_finding.h"

namespace oddverb {

class FindingDraft {
 public:
  FindingDraft() = default;  // none
  // Implicit, as that of std::optional is.
  FindingDraft(Finding finding)
      : finding_(std::make_unique<Finding>(std::move(finding))) {}
  static FindingDraft Packed(const Finding& finding);
  static FindingDraft Packed(const OpenedFinding& finding);

  FindingDraft(const FindingDraft& other);
  FindingDraft& operator=(const FindingDraft& other);
  FindingDraft(FindingDraft&&) = default;
  FindingDraft& operator=(FindingDraft&&) = default;

  bool has_value() const { return finding_ != nullptr || !packed_.empty(); }
  void emplace() { *this = Finding(); }

  // REQUIRES: has_value().
  const Finding& operator*() const { return Read(); }
  const Finding* operator->() const { return &Read(); }
  Finding& operator*() { return Read(); }
  Finding* operator->() { return &Read(); }
  // As SaveFinding() does.
  void Save(StateWriter& out) const;

 private:
  template <class F>
  static FindingDraft Pack(const F& finding);
  Finding& Read() const;

  // One of them, or neither.
  mutable std::unique_ptr<Finding> finding_;
  mutable std::string packed_;  // by SaveFinding()
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_FINDING_DRAFT_H_
