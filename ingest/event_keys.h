// The keys at depth 1 of an audit event and of an EventList, and how a key's
// text is told to be one of them in a few instructions. Constants and pure
// functions; inline because the decoder asks 17 times for each event.
#ifndef ODDVERB_INGEST_EVENT_KEYS_H_
#define ODDVERB_INGEST_EVENT_KEYS_H_

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace oddverb {

enum class EventKey : uint8_t {
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

inline constexpr size_t kEventKeys = static_cast<size_t>(EventKey::kCount);

// By EventKey.
inline constexpr std::array<std::string_view, kEventKeys> kEventKeyTexts = {
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

namespace event_keys_internal {

// A perfect hash of (size, first byte, last byte), found by search when this
// is compiled.
inline constexpr size_t kSlots = 64;

constexpr size_t SlotOf(size_t size, char first, char last, uint32_t factor) {
  auto byte = [](char c) { return uint32_t{static_cast<unsigned char>(c)}; };
  return (static_cast<uint32_t>(size) + byte(first) * 3 + byte(last) * factor) %
         kSlots;
}

constexpr size_t SlotOf(std::string_view text, uint32_t factor) {
  return SlotOf(text.size(), text.front(), text.back(), factor);
}

constexpr bool Separates(uint32_t factor) {
  std::array<bool, kSlots> used{};
  for (size_t key = 1; key < kEventKeys; ++key) {
    bool& slot = used[SlotOf(kEventKeyTexts[key], factor)];
    if (slot) return false;
    slot = true;
  }
  return true;
}

constexpr uint32_t FindFactor() {
  uint32_t factor = 1;
  while (!Separates(factor)) ++factor;
  return factor;
}
inline constexpr uint32_t kFactor = FindFactor();

constexpr std::array<uint8_t, kSlots> MakeSlots() {
  std::array<uint8_t, kSlots> slots{};
  for (size_t key = 1; key < kEventKeys; ++key) {
    slots[SlotOf(kEventKeyTexts[key], kFactor)] = static_cast<uint8_t>(key);
  }
  return slots;
}
inline constexpr std::array<uint8_t, kSlots> kKeyOfSlot = MakeSlots();

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
  for (size_t i = 0; i < 8 && at + i < text.size(); ++i) {
    bytes[i] = text[at + i];
  }
  return std::bit_cast<uint64_t>(bytes);
}

constexpr uint64_t MaskOf(size_t size) {
  std::array<unsigned char, 8> bytes{};
  for (size_t i = 0; i < 8 && i < size; ++i) bytes[i] = 0xff;
  return std::bit_cast<uint64_t>(bytes);
}

constexpr std::array<KeyWords, kEventKeys> MakeKeyWords() {
  std::array<KeyWords, kEventKeys> words{};
  for (size_t key = 0; key < kEventKeys; ++key) {
    std::string_view text = kEventKeyTexts[key];
    words[key].first = WordAt(text, 0);
    words[key].mask = MaskOf(text.size());
    words[key].middle = WordAt(text, 8);
    words[key].last = text.size() > 8 ? WordAt(text, text.size() - 8) : 0;
    words[key].size = text.size();
  }
  return words;
}
inline constexpr std::array<KeyWords, kEventKeys> kKeyWords = MakeKeyWords();

constexpr bool WordsCoverAll() {
  for (std::string_view text : kEventKeyTexts) {
    if (text.size() > 24) return false;
  }
  return true;
}
static_assert(WordsCoverAll(), "three words are compared");

inline uint64_t Load(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

}  // namespace event_keys_internal

// Whether `text` is the name of `key`.
// REQUIRES: 8 readable bytes from the start of `text`.
inline bool IsEventKey(EventKey key, std::string_view text) {
  const event_keys_internal::KeyWords& words =
      event_keys_internal::kKeyWords[static_cast<size_t>(key)];
  using event_keys_internal::Load;
  if (text.size() != words.size) return false;
  if ((Load(text.data()) & words.mask) != words.first) return false;
  if (words.size <= 8) return true;
  if (Load(text.data() + text.size() - 8) != words.last) return false;
  return words.size <= 16 || Load(text.data() + 8) == words.middle;
}

// The key of this name, kOther = none. REQUIRES: as for IsEventKey().
inline EventKey FindEventKey(std::string_view text) {
  using event_keys_internal::kFactor;
  using event_keys_internal::kKeyOfSlot;
  if (text.empty()) return EventKey::kOther;
  size_t slot = event_keys_internal::SlotOf(text, kFactor);
  EventKey key = static_cast<EventKey>(kKeyOfSlot[slot]);
  return IsEventKey(key, text) ? key : EventKey::kOther;
}

}  // namespace oddverb

#endif  // ODDVERB_INGEST_EVENT_KEYS_H_
