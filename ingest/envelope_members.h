// The members of an object that may be an envelope: something that a shipper
// or a cloud put around audit events. One pass over its keys; the values are
// only remembered by place.
//
// One thread; borrows the bytes and the index of the cursor.
#ifndef ODDVERB_INGEST_ENVELOPE_MEMBERS_H_
#define ODDVERB_INGEST_ENVELOPE_MEMBERS_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "ingest/token_cursor.h"

namespace oddverb {

enum class EnvelopeKey : uint8_t {
  kOther,
  kLog,          // Fluent Bit, Docker; an object of Filebeat's; Event Hubs
  kMessage,      // Vector, Filebeat; CloudWatch's entries; Pub/Sub
  kJson,         // Filebeat, decoded
  kStructured,   // OpenShift, decoded
  kKubernetes,   // of shippers' metadata; Elastic puts the event in its "audit"
  kAudit,        // in there
  kRecords,      // Firehose, Event Hubs, Lambda
  kData,         // base64 of Firehose, Kinesis, CloudWatch, Pub/Sub
  kKinesis,      // in records of Lambda
  kAwsLogs,      // CloudWatch's call of Lambda
  kLogEvents,    // CloudWatch
  kMessageType,  // CloudWatch
  kLogGroup,     // CloudWatch
  kLogStream,    // CloudWatch
  kProperties,   // Event Hubs
  kCategory,     // Event Hubs
  kResourceId,   // Event Hubs
  kProtoPayload,  // Cloud Logging
  kPlainPayload,  // Cloud Logging, no audit log
  kLogName,       // Cloud Logging
  kSubscription,  // Pub/Sub
  kBeat,          // keys that tell who shipped it: Filebeat
  kVector,        // Vector
  kShipper,       // any
  kAuditEvent,    // keys of an audit event: it is no envelope
  kCount
};

class EnvelopeMembers {
 public:
  // Passes the object at the cursor. False where it is no JSON; the members
  // before that place are there. REQUIRES: cursor.Peek() == '{'.
  bool Read(TokenCursor& cursor);

  bool Has(EnvelopeKey key) const { return PlaceOf(key) != nullptr; }
  // The first byte of the value, 0 = there is none.
  char TypeOf(EnvelopeKey key) const;
  // A cursor at the value; of several with this key the last. REQUIRES: Has().
  TokenCursor At(EnvelopeKey key) const;
  // The string as it is written; "" for anything else.
  std::string_view RawString(EnvelopeKey key) const;

 private:
  const uint32_t* PlaceOf(EnvelopeKey key) const {
    return places_[static_cast<size_t>(key)];
  }

  std::array<const uint32_t*, static_cast<size_t>(EnvelopeKey::kCount)>
      places_{};
  TokenCursor origin_{nullptr, nullptr, 0};
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_ENVELOPE_MEMBERS_H_
