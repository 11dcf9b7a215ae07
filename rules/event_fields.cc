#include "rules/event_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace oddverb {
namespace {

using Values = std::vector<FieldValue>;

template <auto Member>
std::string_view Direct(const AuditEvent& event) {
  return event.*Member;
}
template <auto Member>
std::string_view OfUser(const AuditEvent& event) {
  return event.user.*Member;
}
template <auto Member>
std::string_view OfImpersonated(const AuditEvent& event) {
  return event.impersonated.*Member;
}
template <auto Member>
std::string_view OfObject(const AuditEvent& event) {
  return event.object.*Member;
}

std::string_view LevelText(const AuditEvent& event) {
  return event.level == Level::kUnknown ? "" : LevelName(event.level);
}
std::string_view StageText(const AuditEvent& event) {
  return event.stage == Stage::kUnknown ? "" : StageName(event.stage);
}
std::string_view DecisionText(const AuditEvent& event) {
  return event.decision == Decision::kAllow    ? "allow"
         : event.decision == Decision::kForbid ? "forbid"
                                               : "";
}

using List = std::span<const std::string_view>;

List Groups(const AuditEvent& event) { return event.user.groups; }
List ImpersonatedGroups(const AuditEvent& event) {
  return event.impersonated.groups;
}
List SourceIps(const AuditEvent& event) { return event.source_ips; }

template <auto ListOf>
void AppendList(const AuditEvent& event, Arena&, Values& out) {
  for (std::string_view text : ListOf(event)) {
    out.push_back({JsonType::kString, true, text});
  }
}

void Code(const AuditEvent& event, Arena& arena, Values& out) {
  if (event.response_code == 0) return;
  constexpr size_t kDigits = 12;
  char* begin = arena.Allocate(kDigits);
  char* end = std::to_chars(begin, begin + kDigits, event.response_code).ptr;
  out.push_back(
      {JsonType::kNumber, false, {begin, static_cast<size_t>(end - begin)}});
}

using A = AuditEvent;
using U = UserIdentity;
using O = ObjectReference;
using F = FieldId;

template <auto ListOf>
constexpr EventField ListField(std::string_view name, FieldId id) {
  return {name, id, nullptr, AppendList<ListOf>, true, ListOf};
}

constexpr EventField Unique(std::string_view name, FieldId id,
                            std::string_view (*text)(const AuditEvent&)) {
  return {.name = name, .id = id, .text = text, .repeats = false};
}

// Sorted by name. Not the reason of the authorization: there the API server
// does write an empty string.
constexpr EventField kEventFields[] = {
    {"annotations.authorization.k8s.io/decision", F::kAnnotations,
     DecisionText},
    Unique("auditID", F::kAuditId, Direct<&A::audit_id>),
    ListField<ImpersonatedGroups>("impersonatedUser.groups",
                                  F::kImpersonatedUser),
    Unique("impersonatedUser.uid", F::kImpersonatedUser,
           OfImpersonated<&U::uid>),
    {"impersonatedUser.username", F::kImpersonatedUser,
     OfImpersonated<&U::name>},
    {"level", F::kLevel, LevelText},
    {"objectRef.apiGroup", F::kObjectRef, OfObject<&O::api_group>},
    {"objectRef.apiVersion", F::kObjectRef, OfObject<&O::api_version>},
    Unique("objectRef.name", F::kObjectRef, OfObject<&O::name>),
    {"objectRef.namespace", F::kObjectRef, OfObject<&O::ns>},
    {"objectRef.resource", F::kObjectRef, OfObject<&O::resource>},
    {"objectRef.subresource", F::kObjectRef, OfObject<&O::subresource>},
    Unique("objectRef.uid", F::kObjectRef, OfObject<&O::uid>),
    Unique("requestURI", F::kRequestUri, Direct<&A::request_uri>),
    {"responseStatus.code", F::kResponseStatus, nullptr, Code},
    Unique("responseStatus.message", F::kResponseStatus,
           Direct<&A::response_message>),
    {"responseStatus.reason", F::kResponseStatus, Direct<&A::response_reason>},
    ListField<SourceIps>("sourceIPs", F::kSourceIps),
    {"stage", F::kStage, StageText},
    ListField<Groups>("user.groups", F::kUserGroups),
    Unique("user.uid", F::kUserUid, OfUser<&U::uid>),
    {"user.username", F::kUserName, OfUser<&U::name>},
    {"userAgent", F::kUserAgent, Direct<&A::user_agent>},
    {"verb", F::kVerb, Direct<&A::verb>},
};

constexpr EventBody kEventBodies[] = {
    {"annotations", F::kAnnotations, &A::annotations},
    {"requestObject", F::kRequestObject, &A::request_object},
    {"responseObject", F::kResponseObject, &A::response_object},
    {"user.extra", F::kUserExtra, &A::user_extra},
};

// What the audit format has beside the above, read from the event's own text.
constexpr std::string_view kOtherFields[] = {
    "apiVersion",
    "impersonatedUser",
    "impersonatedUser.extra",
    "kind",
    "metadata",
    "objectRef",
    "objectRef.resourceVersion",
    "requestReceivedTimestamp",
    "responseStatus",
    "responseStatus.details",
    "responseStatus.metadata",
    "responseStatus.status",
    "stageTimestamp",
    "authenticationMetadata",
    "user",
};

// Of these, everything below is known to be free as well.
constexpr std::string_view kFreeFields[] = {
    "authenticationMetadata", "impersonatedUser.extra", "metadata",
    "responseStatus.details", "responseStatus.metadata"};

bool LiesIn(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) &&
         (name.size() == prefix.size() || name[prefix.size()] == '.');
}

}  // namespace

std::span<const EventField> EventFields() { return kEventFields; }

const EventField* FindEventField(std::string_view name) {
  const EventField* field = std::lower_bound(
      std::begin(kEventFields), std::end(kEventFields), name,
      [](const EventField& f, std::string_view n) { return f.name < n; });
  bool found = field != std::end(kEventFields) && field->name == name;
  return found ? field : nullptr;
}

const EventBody* FindEventBody(std::string_view name, std::string_view& rest) {
  for (const EventBody& body : kEventBodies) {
    if (!LiesIn(name, body.prefix)) continue;
    rest = name.substr(std::min(name.size(), body.prefix.size() + 1));
    return &body;
  }
  return nullptr;
}

bool IsAuditField(std::string_view name) {
  std::string_view rest;
  if (FindEventField(name) != nullptr) return true;
  if (FindEventBody(name, rest) != nullptr) return true;
  auto is_name = [name](std::string_view other) { return name == other; };
  auto is_around = [name](std::string_view free) { return LiesIn(name, free); };
  return std::any_of(std::begin(kOtherFields), std::end(kOtherFields),
                     is_name) ||
         std::any_of(std::begin(kFreeFields), std::end(kFreeFields), is_around);
}

}  // namespace oddverb
