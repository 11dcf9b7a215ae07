// Decoded events of one RawBatch together with all that they borrow from.
// Pinned; shared read-only between threads once the decoder has returned it.
#ifndef ODDVERB_MODEL_EVENT_BATCH_H_
#define ODDVERB_MODEL_EVENT_BATCH_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "base/arena.h"
#include "model/audit_event.h"
#include "model/raw_batch.h"

namespace oddverb {

struct EventBatch {
  EventBatch() = default;
  EventBatch(const EventBatch&) = delete;
  EventBatch& operator=(const EventBatch&) = delete;

  std::vector<AuditEvent> events;  // in the order of the records
  std::vector<Rejected> rejected;  // from the source and from decoding
  RawBatch raw;                    // owns the bytes
  Arena arena;                     // owns unescaped strings and spans
  uint64_t salvaged_records = 0;   // torn records with an event saved from them
  uint64_t repaired_records = 0;   // records with bad bytes replaced
  uint64_t eventless_records = 0;  // envelopes that rightly hold no event
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_EVENT_BATCH_H_
