// Decodes text, one record a line, and names what came of it.
#ifndef ODDVERB_TESTS_SUPPORT_DECODED_TEXT_H_
#define ODDVERB_TESTS_SUPPORT_DECODED_TEXT_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/decoder.h"
#include "tests/support/raw_batches.h"

namespace oddverb {

inline std::unique_ptr<EventBatch> DecodeLines(std::string_view text) {
  return Decoder({}).Decode(FrameLines(text));
}

inline std::vector<std::string> Ids(const EventBatch& batch) {
  std::vector<std::string> ids;
  for (const AuditEvent& event : batch.events) ids.emplace_back(event.audit_id);
  return ids;
}

// An audit event as a log line begins it.
inline constexpr std::string_view kEventHead =
    R"({"kind":"Event","apiVersion":"audit.k8s.io/v1",)";

// An event of these members, without kind and apiVersion.
inline std::string Event(std::string_view members) {
  return std::string(kEventHead) + std::string(members) + "}";
}
inline std::string EventWithId(std::string_view id) {
  return Event(R"("level":"Metadata","auditID":")" + std::string(id) +
               R"(","stage":"ResponseComplete")");
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_DECODED_TEXT_H_
