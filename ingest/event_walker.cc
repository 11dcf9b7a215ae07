#include "ingest/event_walker.h"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace oddverb {

// The keys of an event and of a list.
enum class EventWalker::Key : uint8_t {
  kOther,
  kKind,
  kApiVersion,
  kLevel,
  kAuditId,
  kStage,
  kRequestUri,
  kVerb,
  kUser,
  kImpersonatedUser,
  kSourceIps,
  kUserAgent,
  kObjectRef,
  kResponseStatus,
  kRequestObject,
  kResponseObject,
  kReceived,
  kStageTime,
  kAnnotations,
  kItems,
  kCount
};

namespace {

constexpr size_t kKeys = 20;
constexpr std::array<std::string_view, kKeys> kKeyTexts = {
    "",
    "kind",
    "apiVersion",
    "level",
    "auditID",
    "stage",
    "requestURI",
    "verb",
    "user",
    "impersonatedUser",
    "sourceIPs",
    "userAgent",
    "objectRef",
    "responseStatus",
    "requestObject",
    "responseObject",
    "requestReceivedTimestamp",
    "stageTimestamp",
    "annotations",
    "items"};

// A perfect hash of (size, first byte, last byte), found by search when this
// is compiled.
constexpr size_t kSlots = 64;

constexpr size_t SlotOf(size_t size, char first, char last, uint32_t factor) {
  uint32_t mixed =
      static_cast<uint32_t>(size) +
      static_cast<uint32_t>(static_cast<unsigned char>(first)) * 3 +
      static_cast<uint32_t>(static_cast<unsigned char>(last)) * factor;
  return mixed % kSlots;
}

constexpr bool Separates(uint32_t factor) {
  std::array<bool, kSlots> used{};
  for (size_t key = 1; key < kKeyTexts.size(); ++key) {
    std::string_view text = kKeyTexts[key];
    size_t slot = SlotOf(text.size(), text.front(), text.back(), factor);
    if (used[slot]) return false;
    used[slot] = true;
  }
  return true;
}

constexpr uint32_t FindFactor() {
  uint32_t factor = 1;
  while (!Separates(factor)) ++factor;
  return factor;
}
constexpr uint32_t kFactor = FindFactor();

constexpr std::array<uint8_t, kSlots> MakeSlots() {
  std::array<uint8_t, kSlots> slots{};
  for (size_t key = 1; key < kKeyTexts.size(); ++key) {
    std::string_view text = kKeyTexts[key];
    slots[SlotOf(text.size(), text.front(), text.back(), kFactor)] =
        static_cast<uint8_t>(key);
  }
  return slots;
}
constexpr std::array<uint8_t, kSlots> kKeyOfSlot = MakeSlots();

// A key as words, to compare without a call of memcmp().
struct KeyWords {
  uint64_t first = 0;   // first 8 bytes, zero behind the end
  uint64_t mask = 0;    // of these bytes
  uint64_t middle = 0;  // bytes 8 to 15, of keys longer than 16
  uint64_t last = 0;    // last 8 bytes, of keys longer than 8
  size_t size = 0;
};

constexpr uint64_t WordAt(std::string_view text, size_t at) {
  std::array<char, 8> bytes{};
  for (size_t i = 0; i < 8 && at + i < text.size(); ++i) bytes[i] = text[at + i];
  return std::bit_cast<uint64_t>(bytes);
}

constexpr uint64_t MaskOf(size_t size) {
  std::array<char, 8> bytes{};
  for (size_t i = 0; i < 8 && i < size; ++i) bytes[i] = static_cast<char>(-1);
  return std::bit_cast<uint64_t>(bytes);
}

constexpr std::array<KeyWords, kKeys> MakeKeyWords() {
  std::array<KeyWords, kKeys> words{};
  for (size_t key = 0; key < kKeys; ++key) {
    std::string_view text = kKeyTexts[key];
    words[key].first = WordAt(text, 0);
    words[key].mask = MaskOf(text.size());
    words[key].middle = WordAt(text, 8);
    words[key].last = text.size() > 8 ? WordAt(text, text.size() - 8) : 0;
    words[key].size = text.size();
  }
  return words;
}
constexpr std::array<KeyWords, kKeys> kKeyWords = MakeKeyWords();
static_assert(kKeyTexts[16].size() == 24, "the longest that 3 words cover");

inline uint64_t Load(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// REQUIRES: 8 readable bytes from the start of `raw`.
inline bool Matches(const KeyWords& key, std::string_view raw) {
  if (raw.size() != key.size) return false;
  if ((Load(raw.data()) & key.mask) != key.first) return false;
  if (key.size <= 8) return true;
  if (Load(raw.data() + raw.size() - 8) != key.last) return false;
  return key.size <= 16 || Load(raw.data() + 8) == key.middle;
}

constexpr uint32_t Bit(size_t key) { return uint32_t{1} << key; }

// The Key of this name; 0 (kOther) = none. Padding as for Matches().
inline size_t FindKey(std::string_view name) {
  if (name.empty()) return 0;
  size_t key =
      kKeyOfSlot[SlotOf(name.size(), name.front(), name.back(), kFactor)];
  return Matches(kKeyWords[key], name) ? key : 0;
}

// Room for the events of an ordinary batch before the vector must grow.
constexpr size_t kMinEventsReserved = 16;

}  // namespace

// One object on its way to be an event, or to turn out a list.
struct EventWalker::Object {
  Shape shape;
  Lists lists;
  size_t index;                     // of the event in the batch
  AuditEvent* event;                // nullptr once it is known to be a list
  const uint32_t* items = nullptr;  // place of "items" seen before "kind"
  uint32_t start = 0;
  Key previous = Key::kOther;
};

bool EventWalker::Shape::Saw(Key key) const {
  return (seen >> static_cast<uint32_t>(key) & 1) != 0;
}

bool EventWalker::Shape::IsEvent() const {
  if (api == Api::kOther) return false;
  // Items of a webhook's EventList have neither kind nor apiVersion: they are
  // known by their keys. So is an event whose apiVersion is missing.
  bool looks_like_one = (Saw(Key::kAuditId) && Saw(Key::kStage)) ||
                        (Saw(Key::kVerb) && Saw(Key::kUser));
  if (kind == Kind::kEvent) return api == Api::kAudit || looks_like_one;
  return kind == Kind::kAbsent && looks_like_one;
}

bool EventWalker::Shape::IsEventList() const {
  return kind == Kind::kEventList && api != Api::kOther;
}

EventWalker::EventWalker(FieldSet fields,
                         std::vector<IpNetwork> trusted_proxies)
    : wanted_(WantedKeys(fields)),
      reader_(fields, std::move(trusted_proxies)) {
  blank_.received = blank_.stage_time = absl::InfinitePast();
}

void EventWalker::SetBatch(EventBatch& batch) {
  batch_ = &batch;
  batch.events.reserve(batch.events.size() + batch.raw.records.size() +
                       kMinEventsReserved);
  reader_.SetArena(batch.arena);
}

uint32_t EventWalker::WantedKeys(const FieldSet& fields) {
  constexpr std::array<std::pair<FieldId, Key>, 15> kKeyOfField = {
      {{FieldId::kLevel, Key::kLevel},
       {FieldId::kRequestUri, Key::kRequestUri},
       {FieldId::kVerb, Key::kVerb},
       {FieldId::kUserName, Key::kUser},
       {FieldId::kUserUid, Key::kUser},
       {FieldId::kUserGroups, Key::kUser},
       {FieldId::kUserExtra, Key::kUser},
       {FieldId::kImpersonatedUser, Key::kImpersonatedUser},
       {FieldId::kSourceIps, Key::kSourceIps},
       {FieldId::kUserAgent, Key::kUserAgent},
       {FieldId::kObjectRef, Key::kObjectRef},
       {FieldId::kResponseStatus, Key::kResponseStatus},
       {FieldId::kRequestObject, Key::kRequestObject},
       {FieldId::kResponseObject, Key::kResponseObject},
       {FieldId::kAnnotations, Key::kAnnotations}}};
  uint32_t wanted = 0;
  for (Key key : {Key::kKind, Key::kApiVersion, Key::kItems, Key::kAuditId,
                  Key::kStage, Key::kReceived, Key::kStageTime}) {
    wanted |= Bit(static_cast<size_t>(key));
  }
  for (const auto& [field, key] : kKeyOfField) {
    if (fields.test(static_cast<size_t>(field))) {
      wanted |= Bit(static_cast<size_t>(key));
    }
  }
  return wanted;
}

inline EventWalker::Key EventWalker::Identify(std::string_view raw_key,
                                               Key previous) {
  // The API server writes its keys in one order: what followed the previous
  // key last time mostly follows it now, and then the processor need not wait
  // for the hash.
  uint8_t& follower = followers_[static_cast<size_t>(previous)];
  if (Matches(kKeyWords[follower], raw_key)) return static_cast<Key>(follower);
  size_t key = FindKey(raw_key);
  // A key may be written with escapes; what it is called then decides.
  if (key == 0 && HasEscapePadded(raw_key)) {
    key = FindKey(reader_.Text(raw_key));
  }
  follower = static_cast<uint8_t>(key);
  return static_cast<Key>(key);
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
                .previous = Key::kOther};
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
  Key key = Identify(raw_key, object.previous);
  object.previous = key;
  uint32_t bit = Bit(static_cast<size_t>(key));
  if ((object.shape.seen & bit) != 0 && object.event != nullptr &&
      key != Key::kOther) {
    ClearField(key, *object.event);
    object.event->duplicate_keys = true;
  }
  object.shape.seen |= bit;
  if ((wanted_ & bit) == 0) return cursor.SkipValue();
  if (key == Key::kKind) return ReadKind(cursor, object.shape);
  if (key == Key::kApiVersion) return ReadApiVersion(cursor, object.shape);
  if (key == Key::kItems) return ReadItems(cursor, object, others);
  if (object.event == nullptr) return cursor.SkipValue();
  return ReadField(cursor, key, *object.event);
}

inline bool EventWalker::ReadField(TokenCursor& cursor, Key key, AuditEvent& event) {
  switch (key) {
    case Key::kLevel:
      return ReadLevel(cursor, event);
    case Key::kAuditId:
      return reader_.ReadString(cursor, event.audit_id);
    case Key::kStage:
      return ReadStage(cursor, event);
    case Key::kRequestUri:
      return reader_.ReadString(cursor, event.request_uri);
    case Key::kVerb:
      return reader_.ReadString(cursor, event.verb);
    case Key::kUser:
      return reader_.ReadUser(cursor, event);
    case Key::kImpersonatedUser:
      return reader_.ReadImpersonatedUser(cursor, event);
    case Key::kSourceIps:
      return reader_.ReadSourceIps(cursor, event);
    case Key::kUserAgent:
      return reader_.ReadString(cursor, event.user_agent);
    case Key::kObjectRef:
      return reader_.ReadObjectReference(cursor, event);
    case Key::kResponseStatus:
      return reader_.ReadResponseStatus(cursor, event);
    case Key::kRequestObject:
      return reader_.ReadBody(cursor, event.request_object);
    case Key::kResponseObject:
      return reader_.ReadBody(cursor, event.response_object);
    case Key::kReceived:
      return reader_.ReadTime(cursor, event.received);
    case Key::kStageTime:
      return reader_.ReadTime(cursor, event.stage_time);
    case Key::kAnnotations:
      return reader_.ReadAnnotations(cursor, event);
    case Key::kOther:
    case Key::kKind:
    case Key::kApiVersion:
    case Key::kItems:
    case Key::kCount:
      break;
  }
  return cursor.SkipValue();
}

// What a repeated key overwrites as a whole; the other fields are overwritten
// by their readers.
void EventWalker::ClearField(Key key, AuditEvent& event) {
  switch (key) {
    case Key::kUser:
      event.user = {};
      event.user_extra = {};
      event.credential_id = event.pod_name = event.pod_uid = {};
      event.node_name = event.node_uid = {};
      break;
    case Key::kImpersonatedUser:
      event.impersonated = {};
      break;
    case Key::kObjectRef:
      event.object = {};
      break;
    case Key::kResponseStatus:
      event.response_code = 0;
      event.response_reason = event.response_message = {};
      break;
    case Key::kAnnotations:
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
