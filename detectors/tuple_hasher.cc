#include "detectors/tuple_hasher.h"

#include <cstring>
#include <memory>
#include <string_view>

#include "base/ip_address.h"
#include "base/text_fingerprint.h"
#include "base/text_words.h"

namespace oddverb {
namespace {

using std::string_view;

// The value of `key`, or null. Without a branch on which of the two it is.
template <typename Known>
[[gnu::always_inline]] inline const auto* Find(const TextFingerprint& key,
                                               const Known& known) {
  const auto& entry = known[static_cast<size_t>(known[1].key == key)];
  return entry.key == key ? &entry.value : nullptr;
}

// Where the value of `key` is to be; the older one is forgotten.
template <typename Known>
auto& Replace(const TextFingerprint& key, Known& known) {
  known[1] = known[0];
  known[0].key = key;
  return known[0].value;
}

// What KnownPlaces::Of() reads of it.
string_view ProgramTextOf(const AuditEvent& event) {
  return event.user_agent.substr(0, KnownPlaces::kMaxProgramBytes);
}

// How texts become words: at once, and wherever they lie.
struct TextsAtOnce {
  static TextWords Text(string_view text) { return ReadText(text); }
  static uint64_t Word(string_view text) { return ReadWord(text); }
};
struct TextsAnywhere {
  static TextWords Text(string_view text) { return LoadText(text); }
  static uint64_t Word(string_view text) { return LoadWord(text); }
};

}  // namespace

[[gnu::always_inline]] inline bool TupleHasher::FitsKind(
    const AuditEvent& event) {
  const ObjectReference& object = event.object;
  // Below a power of two are those whose bits together are: one branch for
  // three.
  return event.verb.size() <= sizeof(uint64_t) &&
         object.subresource.size() <= sizeof(uint64_t) &&
         (object.api_group.size() | object.resource.size() | object.ns.size()) <
             sizeof(TextWords);
}

template <typename Texts>
[[gnu::always_inline]] inline TextFingerprint TupleHasher::KindKey(
    const AuditEvent& event) const {
  const ObjectReference& object = event.object;
  FingerprintSum sum(key_);
  sum.Add(Texts::Word(event.verb), Texts::Word(object.subresource));
  sum.Add(Texts::Text(object.api_group));
  sum.Add(Texts::Text(object.resource));
  sum.Add(Texts::Text(object.ns));
  return sum.Get();
}

const TupleHasher::KnownKind& TupleHasher::KindOf(const AuditEvent& event) {
  const ObjectReference& object = event.object;
  PageCheck pages;
  pages.AddWord(event.verb);
  pages.AddWord(object.subresource);
  pages.AddText(object.api_group);
  pages.AddText(object.resource);
  pages.AddText(object.ns);
  if (!FitsKind(event) || !pages.ok()) return FindOrLearn(event);
  const TextFingerprint key = KindKey<TextsAtOnce>(event);
  const KnownKind* kind = Find(key, kinds_[key.Slot(kKindSlots)]);
  return kind != nullptr ? *kind : FindOrLearn(event);
}

const TupleHasher::KnownKind& TupleHasher::FindOrLearn(
    const AuditEvent& event) {
  if (!FitsKind(event)) {
    unkept_ = Learn(event);
    return unkept_;
  }
  const TextFingerprint key = KindKey<TextsAnywhere>(event);
  KindSlot& slot = kinds_[key.Slot(kKindSlots)];
  const KnownKind* kind = Find(key, slot);
  if (kind != nullptr) return *kind;
  return Replace(key, slot) = Learn(event);
}

TupleHasher::KnownKind TupleHasher::Learn(const AuditEvent& event) {
  const Tuple tuple = TupleOf(event);
  return {.hash = Hash(tuple),
          .verb_class = tuple.verb_class,
          .is_self_review = IsSelfReview(tuple),
          .is_secret = IsSecret(tuple)};
}

TupleHasher::HashedTuple TupleHasher::Of(const AuditEvent& event,
                                         const KnownKind* kind) {
  if (kind == nullptr) return {TupleOf(event), 0};
  const ObjectReference& object = event.object;
  return {
      {kind->verb_class, PathClass::kNone, object.api_group, object.resource,
       object.subresource, object.ns.empty() ? string_view("*") : object.ns},
      kind->hash};
}

template <typename Texts>
[[gnu::always_inline]] inline TextFingerprint TupleHasher::PlaceKey(
    const AuditEvent& event) const {
  const string_view agent = ProgramTextOf(event);
  static_assert(KnownPlaces::kMaxProgramBytes <= sizeof(TextWords));
  FingerprintSum sum(key_);
  sum.Add(Texts::Text(event.source_ip));
  sum.Add(Texts::Text(agent));
  return sum.Get();
}

KnownPlaces::Place TupleHasher::PlaceOf(const AuditEvent& event) {
  PageCheck pages;
  pages.AddText(event.source_ip);
  pages.AddText(event.user_agent);
  if (event.source_ip.size() > sizeof(TextWords) || !pages.ok()) {
    return FindOrLearnPlace(event);
  }
  const TextFingerprint key = PlaceKey<TextsAtOnce>(event);
  const KnownPlaces::Place* place = Find(key, places_[key.Slot(kPlaceSlots)]);
  return place != nullptr ? *place : FindOrLearnPlace(event);
}

KnownPlaces::Place TupleHasher::FindOrLearnPlace(const AuditEvent& event) {
  if (event.source_ip.size() > sizeof(TextWords)) {
    return KnownPlaces::Of(event);
  }
  const TextFingerprint key = PlaceKey<TextsAnywhere>(event);
  PlaceSlot& slot = places_[key.Slot(kPlaceSlots)];
  const KnownPlaces::Place* place = Find(key, slot);
  if (place != nullptr) return *place;
  return Replace(key, slot) = KnownPlaces::Of(event);
}

AgentFamily TupleHasher::FamilyOf(const AuditEvent& event) {
  const string_view agent = event.user_agent;
  const size_t size = agent.size();
  if (size == 0 || size > sizeof(Program::agent)) return AgentFamilyOf(agent);
  // By all its bytes: many programs differ in a few of a hundred.
  Program& known = programs_[hash_.Hash(agent) % kPrograms];
  if (known.size != size ||
      std::memcmp(known.agent.data(), agent.data(), size) != 0) {
    known.size = static_cast<uint32_t>(size);
    known.family = AgentFamilyOf(agent);
    std::memcpy(known.agent.data(), agent.data(), size);
  }
  return known.family;
}

bool TupleHasher::IsFromOutside(const AuditEvent& event) {
  const string_view ip = event.source_ip;
  if (ip.empty() || ip.size() > sizeof(TextWords)) return IsPublicAddress(ip);
  const TextWords text = LoadText(ip);
  FingerprintSum sum(key_);
  sum.Add(text);
  const TextFingerprint key = sum.Get();
  Address& known = addresses_[key.Slot(kAddresses)];
  if (known.key != key) known = {key, IsPublicAddress(ip)};
  return known.is_outside;
}

std::shared_ptr<TupleHasher> NewTupleHasher(const KeyedHash& hash) {
  return std::make_shared<TupleHasher>(hash);
}

}  // namespace oddverb
