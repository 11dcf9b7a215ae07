#include "model/raw_batch.h"

namespace oddverb {

const char* RejectReasonName(RejectReason reason) {
  switch (reason) {
    case RejectReason::kNotJson:
      return "not_json";
    case RejectReason::kTorn:
      return "torn";
    case RejectReason::kNotAuditEvent:
      return "not_audit_event";
    case RejectReason::kOversized:
      return "oversized";
    case RejectReason::kUnreadable:
      return "unreadable";
    case RejectReason::kLost:
      return "lost";
    case RejectReason::kEmptied:
      return "emptied";
    case RejectReason::kCopyTruncated:
      return "copy_truncated";
    case RejectReason::kExpired:
      return "expired";
    case RejectReason::kReplaced:
      return "replaced";
    case RejectReason::kCount:
      break;
  }
  return "unknown";
}

void RawBatch::Clear() {
  bytes->SetSize(0);
  records.clear();
  positions.clear();
  rejected.clear();
  source_bytes = 0;
  bookmark.clear();
  expects_more = false;
}

bool IsOfRecord(RejectReason reason) {
  return reason == RejectReason::kNotJson || reason == RejectReason::kTorn ||
         reason == RejectReason::kNotAuditEvent ||
         reason == RejectReason::kOversized;
}

}  // namespace oddverb
