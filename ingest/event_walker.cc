#include "ingest/event_walker.h"

#include <array>
#include <utility>

namespace oddverb {

namespace {

constexpr uint32_t Bit(EventKey key) {
  return uint32_t{1} << static_cast<uint32_t>(key);
}

}  // namespace

// One object on its way to be an event, or to turn out a list.
struct EventWalker::Object {
  Shape shape;
  Lists lists;
  size_t index;                     // of the event in the batch
  AuditEvent* event;                // nullptr once it is known to be a list
  const uint32_t* items = nullptr;  // place of "items" seen before "kind"
  uint32_t start = 0;
  EventKey previous = EventKey::kOther;
};

bool EventWalker::Shape::Saw(EventKey key) const {
  return (seen >> static_cast<uint32_t>(key) & 1) != 0;
}

bool EventWalker::Shape::IsEvent() const {
  if (api == Api::kOther) return false;
  // Items of a webhook's EventList have neither kind nor apiVersion: they are
  // known by their keys. So is an event whose apiVersion is missing.
  bool looks_like_one = (Saw(EventKey::kAuditId) && Saw(EventKey::kStage)) ||
                        (Saw(EventKey::kVerb) && Saw(EventKey::kUser));
  if (kind == Kind::kEvent) return api == Api::kAudit || looks_like_one;
  return kind == Kind::kAbsent && looks_like_one;
}

bool EventWalker::Shape::IsEventList() const {
  return kind == Kind::kEventList && api != Api::kOther;
}

EventWalker::EventWalker(FieldSet fields,
                         std::vector<IpNetwork> trusted_proxies)
    : wanted_(WantedKeys(fields)), reader_(fields, std::move(trusted_proxies)) {
  blank_.received = blank_.stage_time = absl::InfinitePast();
}

void EventWalker::SetBatch(EventBatch& batch) {
  batch_ = &batch;
  reader_.SetArena(batch.arena);
}

uint32_t EventWalker::WantedKeys(const FieldSet& fields) {
  constexpr std::array<std::pair<FieldId, EventKey>, 15> kKeyOfField = {
      {{FieldId::kLevel, EventKey::kLevel},
       {FieldId::kRequestUri, EventKey::kRequestUri},
       {FieldId::kVerb, EventKey::kVerb},
       {FieldId::kUserName, EventKey::kUser},
       {FieldId::kUserUid, EventKey::kUser},
       {FieldId::kUserGroups, EventKey::kUser},
       {FieldId::kUserExtra, EventKey::kUser},
       {FieldId::kImpersonatedUser, EventKey::kImpersonatedUser},
       {FieldId::kSourceIps, EventKey::kSourceIps},
       {FieldId::kUserAgent, EventKey::kUserAgent},
       {FieldId::kObjectRef, EventKey::kObjectRef},
       {FieldId::kResponseStatus, EventKey::kResponseStatus},
       {FieldId::kRequestObject, EventKey::kRequestObject},
       {FieldId::kResponseObject, EventKey::kResponseObject},
       {FieldId::kAnnotations, EventKey::kAnnotations}}};
  uint32_t wanted = 0;
  for (EventKey key : {EventKey::kKind, EventKey::kApiVersion, EventKey::kItems,
                       EventKey::kAuditId, EventKey::kStage,
                       EventKey::kReceived, EventKey::kStageTime}) {
    wanted |= Bit(key);
  }
  for (const auto& [field, key] : kKeyOfField) {
    if (fields.test(static_cast<size_t>(field))) {
      wanted |= Bit(key);
    }
  }
  return wanted;
}

inline EventKey EventWalker::Identify(std::string_view raw_key,
                                      EventKey previous) {
  // The API server writes its keys in one order: what followed the previous
  // key last time mostly follows it now, and then the processor need not wait
  // for the hash.
  EventKey& follower = followers_[static_cast<size_t>(previous)];
  if (IsEventKey(follower, raw_key)) return follower;
  EventKey key = FindEventKey(raw_key);
  // A key may be written with escapes; what it is called then decides.
  if (key == EventKey::kOther && HasEscapePadded(raw_key)) {
    key = FindEventKey(reader_.Text(raw_key));
  }
  follower = key;
  return key;
}

bool EventWalker::WalkDocument(TokenCursor& cursor, Others& others) {
  char c = cursor.AtEnd() ? '\0' : cursor.Peek();
  if (c == '{') return WalkObject(cursor, Lists::kAllowed, others);
  if (c == '[') return WalkItems(cursor, Lists::kAllowed, others);
  return cursor.Fail("expected a JSON object");
}

bool EventWalker::WalkItems(TokenCursor& cursor, Lists lists, Others& others) {
  return cursor.ForEachElement([&] {
    if (cursor.Peek() == '{') return WalkObject(cursor, lists, others);
    if (others.count++ == 0) others.first_position = cursor.position();
    return cursor.SkipValue();
  });
}

// Calls itself through WalkItems, but at most once: the items of a list, and
// only they, are walked with lists refused.
bool EventWalker::WalkObject(TokenCursor& cursor, Lists lists, Others& others) {
  Object object{.shape = {},
                .lists = lists,
                .index = batch_->events.size(),
                .event = &batch_->events.emplace_back(blank_),
                .items = nullptr,
                .start = cursor.position(),
                .previous = EventKey::kOther};
  bool whole = cursor.ForEachMember([&](std::string_view raw_key) {
    return ReadMember(cursor, object, others, raw_key);
  });
  if (!whole) {
    if (object.event != nullptr) batch_->events.pop_back();
    return false;
  }
  return EndObject(cursor, object, others);
}

bool EventWalker::EndObject(TokenCursor& cursor, Object& object,
                            Others& others) {
  if (object.event == nullptr) return true;  // a list, its items are walked
  if (object.shape.IsEvent()) {
    AuditEvent& event = *object.event;
    event.raw.text = cursor.TextSince(object.start);
    if (event.stage_time == absl::InfinitePast()) {
      event.stage_time = event.received;
    }
    return true;
  }
  batch_->events.pop_back();
  if (object.shape.IsEventList() && object.lists == Lists::kAllowed &&
      object.items != nullptr) {
    const uint32_t* behind = cursor.next();
    cursor.Rewind(object.items);
    if (!WalkItems(cursor, Lists::kRefused, others)) return false;
    cursor.Rewind(behind);
    return true;
  }
  if (others.count++ == 0) others.first_position = object.start;
  return true;
}

inline bool EventWalker::ReadMember(TokenCursor& cursor, Object& object,
                                    Others& others, std::string_view raw_key) {
  EventKey key = Identify(raw_key, object.previous);
  object.previous = key;
  uint32_t bit = Bit(key);
  if ((object.shape.seen & bit) != 0 && object.event != nullptr &&
      key != EventKey::kOther) {
    ClearField(key, *object.event);
    object.event->duplicate_keys = true;
  }
  object.shape.seen |= bit;
  if ((wanted_ & bit) == 0) return cursor.SkipValue();
  if (key == EventKey::kKind) return ReadKind(cursor, object.shape);
  if (key == EventKey::kApiVersion) return ReadApiVersion(cursor, object.shape);
  if (key == EventKey::kItems) return ReadItems(cursor, object, others);
  if (object.event == nullptr) return cursor.SkipValue();
  return ReadField(cursor, key, *object.event);
}

inline bool EventWalker::ReadField(TokenCursor& cursor, EventKey key,
                                   AuditEvent& event) {
  switch (key) {
    case EventKey::kLevel:
      return ReadLevel(cursor, event);
    case EventKey::kAuditId:
      return reader_.ReadString(cursor, event.audit_id);
    case EventKey::kStage:
      return ReadStage(cursor, event);
    case EventKey::kRequestUri:
      return reader_.ReadString(cursor, event.request_uri);
    case EventKey::kVerb:
      return reader_.ReadString(cursor, event.verb);
    case EventKey::kUser:
      return reader_.ReadUser(cursor, event);
    case EventKey::kImpersonatedUser:
      return reader_.ReadImpersonatedUser(cursor, event);
    case EventKey::kSourceIps:
      return reader_.ReadSourceIps(cursor, event);
    case EventKey::kUserAgent:
      return reader_.ReadString(cursor, event.user_agent);
    case EventKey::kObjectRef:
      return reader_.ReadObjectReference(cursor, event);
    case EventKey::kResponseStatus:
      return reader_.ReadResponseStatus(cursor, event);
    case EventKey::kRequestObject:
      return reader_.ReadBody(cursor, event.request_object);
    case EventKey::kResponseObject:
      return reader_.ReadBody(cursor, event.response_object);
    case EventKey::kReceived:
      return reader_.ReadTime(cursor, event.received);
    case EventKey::kStageTime:
      return reader_.ReadTime(cursor, event.stage_time);
    case EventKey::kAnnotations:
      return reader_.ReadAnnotations(cursor, event);
    case EventKey::kOther:
    case EventKey::kKind:
    case EventKey::kApiVersion:
    case EventKey::kItems:
    case EventKey::kCount:
      break;
  }
  return cursor.SkipValue();
}

// What a repeated key overwrites as a whole; the other fields are overwritten
// by their readers.
void EventWalker::ClearField(EventKey key, AuditEvent& event) {
  switch (key) {
    case EventKey::kUser:
      event.user = {};
      event.user_extra = {};
      event.credential_id = event.pod_name = event.pod_uid = {};
      event.node_name = event.node_uid = {};
      break;
    case EventKey::kImpersonatedUser:
      event.impersonated = {};
      break;
    case EventKey::kObjectRef:
      event.object = {};
      break;
    case EventKey::kResponseStatus:
      event.response_code = 0;
      event.response_reason = event.response_message = {};
      break;
    case EventKey::kAnnotations:
      event.annotations = {};
      event.decision = Decision::kAbsent;
      event.truncated = false;
      event.authorization_reason = event.issued_credential_id = {};
      break;
    default:
      break;
  }
}

bool EventWalker::ReadKind(TokenCursor& cursor, Shape& shape) {
  std::string_view text;
  if (!reader_.ReadString(cursor, text)) return false;
  shape.kind = text == "Event"       ? Kind::kEvent
               : text == "EventList" ? Kind::kEventList
               : text.empty()        ? Kind::kAbsent
                                     : Kind::kOther;
  return true;
}

bool EventWalker::ReadApiVersion(TokenCursor& cursor, Shape& shape) {
  std::string_view text;
  if (!reader_.ReadString(cursor, text)) return false;
  shape.api = text.starts_with("audit.k8s.io/") ? Api::kAudit
              : text.empty()                    ? Api::kAbsent
                                                : Api::kOther;
  return true;
}

bool EventWalker::ReadLevel(TokenCursor& cursor, AuditEvent& event) {
  std::string_view text;
  if (!reader_.ReadString(cursor, text)) return false;
  event.level = text == "Metadata"          ? Level::kMetadata
                : text == "RequestResponse" ? Level::kRequestResponse
                : text == "Request"         ? Level::kRequest
                : text == "None"            ? Level::kNone
                                            : Level::kUnknown;
  return true;
}

bool EventWalker::ReadStage(TokenCursor& cursor, AuditEvent& event) {
  std::string_view text;
  if (!reader_.ReadString(cursor, text)) return false;
  event.stage = text == "ResponseComplete"  ? Stage::kResponseComplete
                : text == "ResponseStarted" ? Stage::kResponseStarted
                : text == "RequestReceived" ? Stage::kRequestReceived
                : text == "Panic"           ? Stage::kPanic
                                            : Stage::kUnknown;
  return true;
}

bool EventWalker::ReadItems(TokenCursor& cursor, Object& object,
                            Others& others) {
  if (cursor.Peek() != '[' || object.lists == Lists::kRefused) {
    return cursor.SkipValue();
  }
  if (!object.shape.IsEventList()) {
    object.items = cursor.next();
    return cursor.SkipValue();
  }
  if (object.event != nullptr) {
    object.event = nullptr;
    batch_->events.pop_back();
  }
  return WalkItems(cursor, Lists::kRefused, others);
}

}  // namespace oddverb
