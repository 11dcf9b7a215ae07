// Google Cloud's LogEntry of a cluster's audit log as an audit event. The API
// server's own event is gone there; what is the same under another name is
// taken over, and what has no counterpart stays absent: groups, stage, level,
// request URI, the time when the request came, mostly the HTTP status. Pure.
#ifndef ODDVERB_INGEST_CLOUD_LOGGING_H_
#define ODDVERB_INGEST_CLOUD_LOGGING_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "model/raw_json.h"

namespace oddverb {

struct CloudAuditEntry {
  enum class Kind : uint8_t {
    kEvent,
    kOther,   // an entry of another log, or of another service's audit log
    kBroken,  // `problem` says why
  };
  Kind kind = Kind::kOther;
  std::string event;  // JSON of an audit.k8s.io/v1 Event
  std::string_view problem;
};
// REQUIRES: `entry` is a whole object.
CloudAuditEntry ReadCloudAuditEntry(RawJson entry);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_CLOUD_LOGGING_H_
