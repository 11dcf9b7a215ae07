// Reads files of JSON lines, and audit logs above all, as what rules judge:
// each audit event decoded, any other JSON object as it is. Blocks; one thread.
#ifndef ODDVERB_APP_RECORD_READER_H_
#define ODDVERB_APP_RECORD_READER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "model/audit_event.h"
#include "model/raw_json.h"

namespace oddverb {

// Borrowed, for the time of one call.
struct InputRecord {
  // In its input, from 0. Records that cannot be judged have a number, too, so
  // that of JSON lines it is the number of the line.
  uint64_t number = 0;
  const AuditEvent* event = nullptr;  // null: `json` is another object
  RawJson json;
  // Of another object: what it has under stageTimestamp,
  // requestReceivedTimestamp, @timestamp, timestamp, time or eventTime.
  // InfinitePast(): no time.
  absl::Time time;
};

struct RecordCounts {
  uint64_t events = 0;
  uint64_t others = 0;    // JSON objects that are no audit events
  uint64_t rejected = 0;  // no JSON object; the first few are told
};

// `path` is a file or "-", compressed or not. Ends early, without an error,
// when `stop` is set. NotFound or PermissionDenied: it cannot be opened.
absl::Status ReadRecords(const std::string& path,
                         const std::function<void(const InputRecord&)>& take,
                         const std::atomic<bool>& stop, RecordCounts& counts);

}  // namespace oddverb

#endif  // ODDVERB_APP_RECORD_READER_H_
