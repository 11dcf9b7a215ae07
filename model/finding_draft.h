// A finding that lacks only what the correlator knows, as an observation
// carries it. Each new token and each new address has some, and nearly all are
// thrown away unread: so it may be what would open it, which borrows from the
// event, or be packed, in one piece of memory, until somebody reads it.
//
// What borrows is moved with its observation and ends with it, before its batch
// does: whoever keeps an observation copies it, and a copy borrows nothing.
//
// Used as an optional Finding is. One thread at a time, readers too: the first
// of them makes the finding.
#ifndef ODDVERB_MODEL_FINDING_DRAFT_H_
#define ODDVERB_MODEL_FINDING_DRAFT_H_

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "base/state_io.h"
#include "model/finding.h"
#include "model/finding_opening.h"

namespace oddverb {

class FindingDraft {
 public:
  FindingDraft() = default;  // none
  // Implicit, as that of std::optional is.
  FindingDraft(Finding finding)
      : form_(std::make_unique<Finding>(std::move(finding))) {}
  explicit FindingDraft(const FindingOpening& opening) : form_(opening) {}
  static FindingDraft Packed(const Finding& finding);
  // In one piece of memory until it is read again. REQUIRES: has_value().
  void Pack();

  FindingDraft(const FindingDraft& other);
  FindingDraft& operator=(const FindingDraft& other);
  FindingDraft(FindingDraft&&) = default;
  FindingDraft& operator=(FindingDraft&&) = default;

  bool has_value() const {
    return !std::holds_alternative<std::monostate>(form_);
  }
  bool is_packed() const { return std::holds_alternative<Bytes>(form_); }
  void emplace() { *this = Finding(); }

  // REQUIRES: has_value().
  const Finding& operator*() const { return Read(); }
  const Finding* operator->() const { return &Read(); }
  Finding& operator*() { return Read(); }
  Finding* operator->() { return &Read(); }
  // As SaveFinding() does.
  void Save(StateWriter& out) const;

 private:
  // By SaveFinding().
  struct Bytes {
    std::string bytes;
  };

  Finding& Read() const;

  mutable std::variant<std::monostate, std::unique_ptr<Finding>, Bytes,
                       FindingOpening>
      form_;
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_FINDING_DRAFT_H_
