// The envelopes that EnvelopeReader knows, each with the members that tell it.
#include <array>
#include <utility>

#include "ingest/cloud_logging.h"
#include "ingest/cri_lines.h"
#include "ingest/envelope_reader.h"
#include "ingest/payload_bytes.h"
#include "ingest/record_repair.h"

namespace oddverb {

// False: the object is no envelope. `text` is the object, "" if it is torn.
bool EnvelopeReader::Unwrap(const EnvelopeMembers& members,
                            std::string_view text, size_t layer) {
  using Key = EnvelopeKey;
  if (members.Has(Key::kProtoPayload) ||
      (members.Has(Key::kLogName) && members.Has(Key::kPlainPayload))) {
    Name("Cloud Logging", layer);
    if (!text.empty()) UnwrapCloudLogging(text, layer);
    return true;
  }
  if (members.Has(Key::kLogEvents) ||
      (members.Has(Key::kMessageType) && members.Has(Key::kLogGroup))) {
    Name("CloudWatch Logs", layer);
    UnwrapCloudWatch(members, layer);
    return true;
  }
  if (members.TypeOf(Key::kRecords) == '[') {
    UnwrapRecords(members, layer);
    return true;
  }
  if (members.Has(Key::kProperties) && members.Has(Key::kCategory) &&
      members.Has(Key::kResourceId)) {
    UnwrapAzure(members, layer);
    return true;
  }
  for (auto [key, name] :
       {std::pair(Key::kAwsLogs, std::string_view("CloudWatch Logs (Lambda)")),
        std::pair(Key::kMessage, std::string_view("Pub/Sub"))}) {
    if (members.TypeOf(key) != '{') continue;
    EnvelopeMembers inner;
    TokenCursor cursor = members.At(key);
    inner.Read(cursor);
    if (!inner.Has(Key::kData)) continue;
    Name(name, layer);
    UnwrapBase64(inner, layer);
    return true;
  }
  return UnwrapShipped(members, layer);
}

void EnvelopeReader::UnwrapCloudLogging(std::string_view text, size_t layer) {
  CloudAuditEntry entry = ReadCloudAuditEntry({text});
  switch (entry.kind) {
    case CloudAuditEntry::Kind::kEvent:
      return ReadText(CopyPadded(entry.event, batch_->arena), layer + 1);
    case CloudAuditEntry::Kind::kOther:
      return;
    case CloudAuditEntry::Kind::kBroken:
      return Break(layer + 1, RejectReason::kNotAuditEvent, entry.problem,
                   text);
  }
}

void EnvelopeReader::UnwrapCloudWatch(const EnvelopeMembers& members,
                                      size_t layer) {
  std::string_view group = members.RawString(EnvelopeKey::kLogGroup);
  std::string_view stream = members.RawString(EnvelopeKey::kLogStream);
  // EKS writes the control plane's other logs to the same group.
  bool other_log = group.starts_with("/aws/eks/") && !stream.empty() &&
                   !stream.starts_with("kube-apiserver-audit");
  if (members.RawString(EnvelopeKey::kMessageType) == "CONTROL_MESSAGE" ||
      other_log) {
    return;
  }
  if (members.TypeOf(EnvelopeKey::kLogEvents) != '[') {
    return Break(layer + 1, RejectReason::kNotAuditEvent,
                 "logEvents is no array", {});
  }
  TokenCursor cursor = members.At(EnvelopeKey::kLogEvents);
  cursor.ForEachElement([&] { return UnwrapLogEvent(cursor, layer); });
}

bool EnvelopeReader::UnwrapLogEvent(TokenCursor& cursor, size_t layer) {
  EnvelopeMembers members;
  bool whole = cursor.Peek() == '{' ? members.Read(cursor) : cursor.SkipValue();
  if (UnwrapMember(members, EnvelopeKey::kMessage, layer) == Content::kNone) {
    Break(layer + 1, RejectReason::kNotAuditEvent,
          "an entry of logEvents holds no audit event", {});
  }
  return whole;
}

void EnvelopeReader::UnwrapRecords(const EnvelopeMembers& members,
                                   size_t layer) {
  Name("records", layer);
  TokenCursor cursor = members.At(EnvelopeKey::kRecords);
  cursor.ForEachElement([&] {
    EnvelopeMembers record;
    bool whole =
        cursor.Peek() == '{' ? record.Read(cursor) : cursor.SkipValue();
    UnwrapRecord(record, layer);
    return whole;
  });
}

void EnvelopeReader::UnwrapRecord(const EnvelopeMembers& record, size_t layer) {
  if (record.TypeOf(EnvelopeKey::kKinesis) == '{') {
    Name("Kinesis", layer);
    EnvelopeMembers inner;
    TokenCursor cursor = record.At(EnvelopeKey::kKinesis);
    inner.Read(cursor);
    return UnwrapBase64(inner, layer);
  }
  if (record.Has(EnvelopeKey::kData)) {
    Name("Firehose", layer);
    return UnwrapBase64(record, layer);
  }
  if (record.Has(EnvelopeKey::kCategory) ||
      record.Has(EnvelopeKey::kResourceId)) {
    return UnwrapAzure(record, layer);
  }
  Break(layer + 1, RejectReason::kNotAuditEvent,
        "an entry of records is of no known kind", {});
}

void EnvelopeReader::UnwrapAzure(const EnvelopeMembers& record, size_t layer) {
  Name("Event Hubs", layer);
  // Other categories hold the texts of other programs, or metrics.
  if (!record.RawString(EnvelopeKey::kCategory).starts_with("kube-audit")) {
    return;
  }
  Content content = Content::kNone;
  if (record.TypeOf(EnvelopeKey::kProperties) == '{') {
    EnvelopeMembers properties;
    TokenCursor cursor = record.At(EnvelopeKey::kProperties);
    properties.Read(cursor);
    content = UnwrapMember(properties, EnvelopeKey::kLog, layer);
  }
  if (content == Content::kNone) {
    Break(layer + 1, RejectReason::kNotAuditEvent,
          "properties.log holds no audit event", {});
  }
}

void EnvelopeReader::UnwrapBase64(const EnvelopeMembers& members,
                                  size_t layer) {
  if (members.TypeOf(EnvelopeKey::kData) != '"') {
    return Break(layer + 1, RejectReason::kNotAuditEvent, "data is no string",
                 {});
  }
  std::string_view raw = members.RawString(EnvelopeKey::kData);
  std::optional<std::string_view> bytes =
      DecodeBase64(Text(raw), batch_->arena);
  if (!bytes.has_value()) {
    return Break(layer + 1, RejectReason::kNotJson, "data is no base64", raw);
  }
  ReadText(*bytes, layer + 1);
}

// One event a record, under the key that the shipper gives to a line of a log,
// or decoded.
bool EnvelopeReader::UnwrapShipped(const EnvelopeMembers& members,
                                   size_t layer) {
  const bool by_beat = members.Has(EnvelopeKey::kBeat);
  const std::array<std::pair<EnvelopeKey, std::string_view>, 4> keys = {
      {{EnvelopeKey::kLog, "Fluent Bit"},
       {EnvelopeKey::kMessage, by_beat ? "Filebeat" : "Vector"},
       {EnvelopeKey::kJson, "Filebeat"},
       {EnvelopeKey::kStructured, "OpenShift"}}};
  std::string_view text_of;
  for (const auto& [key, name] : keys) {
    names_[layer] = name;
    Content content = UnwrapMember(members, key, layer);
    if (content == Content::kText) text_of = name;
    if (content != Content::kUnwrapped) continue;
    Name(name, layer);
    return true;
  }
  if (members.TypeOf(EnvelopeKey::kKubernetes) == '{') {
    EnvelopeMembers kubernetes;
    TokenCursor cursor = members.At(EnvelopeKey::kKubernetes);
    kubernetes.Read(cursor);
    names_[layer] = "Filebeat";
    if (UnwrapMember(kubernetes, EnvelopeKey::kAudit, layer) ==
        Content::kUnwrapped) {
      Name("Filebeat", layer);
      return true;
    }
  }
  // Any program's log in JSON has a message: only a shipper's is an envelope.
  bool shipped = by_beat || members.Has(EnvelopeKey::kVector) ||
                 members.Has(EnvelopeKey::kShipper) ||
                 members.Has(EnvelopeKey::kKubernetes);
  if (text_of.empty() || !shipped) return false;
  Name(text_of, layer);
  return true;
}

EnvelopeReader::Content EnvelopeReader::UnwrapMember(
    const EnvelopeMembers& members, EnvelopeKey key, size_t layer) {
  char type = members.TypeOf(key);
  if (type == '"') {
    std::string_view text = Text(members.RawString(key));
    if (!IsPayload(text)) return Content::kText;
    ReadText(text, layer + 1);
    return Content::kUnwrapped;
  }
  if (type != '{' || layer == kMostLayers) return Content::kNone;
  TokenCursor cursor = members.At(key);
  bool whole = false;
  EventWalker::Others others;
  return ReadObject(cursor, layer + 1, whole, others) == Found::kYes
             ? Content::kUnwrapped
             : Content::kNone;
}

}  // namespace oddverb
