// The identity of an event: what makes two records the same (architecture 2).
// auditID alone is the client's to choose. Thread-safe.
#ifndef ODDVERB_MODEL_EVENT_KEY_H_
#define ODDVERB_MODEL_EVENT_KEY_H_

#include <string_view>

#include "base/keyed_hash.h"
#include "model/audit_event.h"

namespace oddverb {

// (cluster, auditID, stage, requestReceivedTimestamp, user, verb, requestURI).
Hash128 EventKey(const KeyedHash& hash, std::string_view cluster,
                 const AuditEvent& event);
// The same without the stage: one key for all lines of one request.
Hash128 RequestKey(const KeyedHash& hash, std::string_view cluster,
                   const AuditEvent& event);

}  // namespace oddverb

#endif  // ODDVERB_MODEL_EVENT_KEY_H_
