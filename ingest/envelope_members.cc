#include "ingest/envelope_members.h"

#include <algorithm>
#include <utility>

namespace oddverb {
namespace {

using NamedKey = std::pair<std::string_view, EnvelopeKey>;

constexpr NamedKey kNamedKeys[] = {
    {"log", EnvelopeKey::kLog},
    {"message", EnvelopeKey::kMessage},
    {"json", EnvelopeKey::kJson},
    {"structured", EnvelopeKey::kStructured},
    {"kubernetes", EnvelopeKey::kKubernetes},
    {"audit", EnvelopeKey::kAudit},
    {"records", EnvelopeKey::kRecords},
    {"Records", EnvelopeKey::kRecords},
    {"data", EnvelopeKey::kData},
    {"kinesis", EnvelopeKey::kKinesis},
    {"awslogs", EnvelopeKey::kAwsLogs},
    {"logEvents", EnvelopeKey::kLogEvents},
    {"messageType", EnvelopeKey::kMessageType},
    {"logGroup", EnvelopeKey::kLogGroup},
    {"logStream", EnvelopeKey::kLogStream},
    {"properties", EnvelopeKey::kProperties},
    {"category", EnvelopeKey::kCategory},
    {"resourceId", EnvelopeKey::kResourceId},
    {"protoPayload", EnvelopeKey::kProtoPayload},
    {"jsonPayload", EnvelopeKey::kPlainPayload},
    {"textPayload", EnvelopeKey::kPlainPayload},
    {"logName", EnvelopeKey::kLogName},
    {"subscription", EnvelopeKey::kSubscription},
    {"agent", EnvelopeKey::kBeat},
    {"beat", EnvelopeKey::kBeat},
    {"ecs", EnvelopeKey::kBeat},
    {"@metadata", EnvelopeKey::kBeat},
    {"source_type", EnvelopeKey::kVector},
    {"@timestamp", EnvelopeKey::kShipper},
    {"timestamp", EnvelopeKey::kShipper},
    {"date", EnvelopeKey::kShipper},
    {"time", EnvelopeKey::kShipper},
    {"stream", EnvelopeKey::kShipper},
    {"file", EnvelopeKey::kShipper},
    {"host", EnvelopeKey::kShipper},
    {"hostname", EnvelopeKey::kShipper},
    {"log_type", EnvelopeKey::kShipper},
    {"auditID", EnvelopeKey::kAuditEvent},
    {"stage", EnvelopeKey::kAuditEvent},
    {"requestURI", EnvelopeKey::kAuditEvent},
    {"stageTimestamp", EnvelopeKey::kAuditEvent},
};

EnvelopeKey KeyOf(std::string_view raw_key) {
  const auto* found =
      std::find_if(std::begin(kNamedKeys), std::end(kNamedKeys),
                   [&](const NamedKey& key) { return key.first == raw_key; });
  return found == std::end(kNamedKeys) ? EnvelopeKey::kOther : found->second;
}

}  // namespace

bool EnvelopeMembers::Read(TokenCursor& cursor) {
  places_ = {};
  origin_ = cursor;
  return cursor.ForEachMember([&](std::string_view raw_key) {
    places_[static_cast<size_t>(KeyOf(raw_key))] = cursor.next();
    return cursor.SkipValue();
  });
}

char EnvelopeMembers::TypeOf(EnvelopeKey key) const {
  if (!Has(key)) return '\0';
  TokenCursor cursor = At(key);
  return cursor.AtEnd() ? '\0' : cursor.Peek();
}

TokenCursor EnvelopeMembers::At(EnvelopeKey key) const {
  TokenCursor cursor = origin_;
  cursor.Rewind(PlaceOf(key));
  return cursor;
}

std::string_view EnvelopeMembers::RawString(EnvelopeKey key) const {
  if (TypeOf(key) != '"') return {};
  return At(key).TakeRawString();
}

}  // namespace oddverb
