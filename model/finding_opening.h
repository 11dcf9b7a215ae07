// What a finding is opened by: one event, and under which rule. It is all that
// the finding is made of, so whoever may not need the finding keeps this.
//
// Borrows all of it. Thread-safe.
#ifndef ODDVERB_MODEL_FINDING_OPENING_H_
#define ODDVERB_MODEL_FINDING_OPENING_H_

#include <string_view>

#include "base/keyed_hash.h"
#include "base/state_io.h"
#include "model/audit_event.h"
#include "model/finding.h"
#include "model/identity.h"

namespace oddverb {

struct FindingOpening {
  KeyedHash id_hash{};
  std::string_view cluster;
  std::string_view detector, rule;
  const AuditEvent* event = nullptr;
  IdentityClass identity = IdentityClass::kHuman;
};

// Who, where and what it is about, with the event as its first evidence. The id
// is that of cluster, rule, entity and event.
Finding OpenFinding(const FindingOpening& opening);

// As SaveFinding() writes that finding, without making it.
void SaveOpened(const FindingOpening& opening, StateWriter& out);

}  // namespace oddverb

#endif  // ODDVERB_MODEL_FINDING_OPENING_H_
