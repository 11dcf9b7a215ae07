// The fields of an AuditEvent that a detector or rule can ask the decoder for
// (projection). One row in field.cc for each.
#ifndef ODDVERB_MODEL_FIELD_H_
#define ODDVERB_MODEL_FIELD_H_

#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace oddverb {

enum class FieldId : uint8_t {
  kLevel,
  kAuditId,
  kStage,
  kRequestUri,
  kVerb,
  kUserName,
  kUserUid,
  kUserGroups,
  kUserExtra,  // credential id, pod and node of a bound token
  kImpersonatedUser,
  kSourceIps,
  kUserAgent,
  kObjectRef,
  kResponseStatus,
  kRequestObject,
  kResponseObject,
  kReceivedTimestamp,
  kStageTimestamp,
  kAnnotations,
  kCount
};

using FieldSet = std::bitset<static_cast<size_t>(FieldId::kCount)>;

FieldSet Fields(std::initializer_list<FieldId> ids);
FieldSet AllFields();
// The JSON key at depth 1, e.g. "requestURI".
std::string_view FieldKey(FieldId id);

}  // namespace oddverb

#endif  // ODDVERB_MODEL_FIELD_H_
