#include "model/field.h"

#include <array>

namespace oddverb {
namespace {

struct FieldRow {
  FieldId id;
  std::string_view key;
};

constexpr std::array<FieldRow, static_cast<size_t>(FieldId::kCount)> kFields = {
    {{FieldId::kLevel, "level"},
     {FieldId::kAuditId, "auditID"},
     {FieldId::kStage, "stage"},
     {FieldId::kRequestUri, "requestURI"},
     {FieldId::kVerb, "verb"},
     {FieldId::kUserName, "user.username"},
     {FieldId::kUserUid, "user.uid"},
     {FieldId::kUserGroups, "user.groups"},
     {FieldId::kUserExtra, "user.extra"},
     {FieldId::kImpersonatedUser, "impersonatedUser"},
     {FieldId::kSourceIps, "sourceIPs"},
     {FieldId::kUserAgent, "userAgent"},
     {FieldId::kObjectRef, "objectRef"},
     {FieldId::kResponseStatus, "responseStatus"},
     {FieldId::kRequestObject, "requestObject"},
     {FieldId::kResponseObject, "responseObject"},
     {FieldId::kReceivedTimestamp, "requestReceivedTimestamp"},
     {FieldId::kStageTimestamp, "stageTimestamp"},
     {FieldId::kAnnotations, "annotations"}}};

constexpr bool RowsInOrder() {
  for (size_t i = 0; i < kFields.size(); ++i) {
    if (static_cast<size_t>(kFields[i].id) != i) return false;
  }
  return true;
}
static_assert(RowsInOrder(), "one row for each FieldId, in its order");

}  // namespace

FieldSet Fields(std::initializer_list<FieldId> ids) {
  FieldSet set;
  for (FieldId id : ids) set.set(static_cast<size_t>(id));
  return set;
}

FieldSet AllFields() { return FieldSet().set(); }

std::string_view FieldKey(FieldId id) {
  return kFields[static_cast<size_t>(id)].key;
}

}  // namespace oddverb
