#include "detectors/tuple_hasher.h"

#include <bit>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/ip_address.h"
#include "base/text_words.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr uint32_t kPresent = uint32_t{1} << 31;

// What tells most texts of one size apart.
uint64_t Fold(const TextWords& text) {
  const WordPair folded = text.first ^ text.second;
  return folded[0] ^ std::rotl(folded[1], 32);
}

bool IsZero(WordPair pair) { return (pair[0] | pair[1]) == 0; }

// Each is multiplied by an odd number of its own, so that no product waits for
// another.
size_t Mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  uint64_t sum = a * 0x9e3779b97f4a7c15U + b * 0xff51afd7ed558ccdU +
                 c * 0xc4ceb9fe1a85ec53U + d * 0xbf58476d1ce4e5b9U;
  sum ^= sum >> 32;
  return sum * 0x9fb21c651e98df25U >> 40;
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
  return event.verb.size() <= sizeof(KnownKind::verb) &&
         object.subresource.size() <= sizeof(KnownKind::subresource) &&
         object.api_group.size() <= sizeof(KnownKind::group) &&
         object.resource.size() <= sizeof(KnownKind::resource) &&
         object.ns.size() <= sizeof(KnownKind::scope);
}

template <typename Texts>
[[gnu::always_inline]] inline TupleHasher::KnownKind TupleHasher::KeyOf(
    const AuditEvent& event) {
  const ObjectReference& object = event.object;
  KnownKind kind;
  kind.verb = Texts::Word(event.verb);
  kind.subresource = Texts::Word(object.subresource);
  kind.group = Texts::Text(object.api_group);
  kind.resource = Texts::Text(object.resource);
  kind.scope = Texts::Text(object.ns);
  kind.sizes =
      kPresent | static_cast<uint32_t>(
                     event.verb.size() << 24 | object.subresource.size() << 18 |
                     object.api_group.size() << 12 |
                     object.resource.size() << 6 | object.ns.size());
  return kind;
}

[[gnu::always_inline]] inline bool TupleHasher::IsSame(const KnownKind& a,
                                                       const KnownKind& b) {
  const uint64_t difference =
      (a.sizes ^ b.sizes) | (a.verb ^ b.verb) | (a.subresource ^ b.subresource);
  const WordPair differences = Difference(a.group, b.group) |
                               Difference(a.resource, b.resource) |
                               Difference(a.scope, b.scope);
  return difference == 0 && IsZero(differences);
}

[[gnu::always_inline]] inline size_t TupleHasher::SlotOf(const KnownKind& key) {
  return Mix(key.sizes, key.verb ^ std::rotl(key.subresource, 8),
             Fold(key.resource), Fold(key.scope)) %
         kKinds;
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
  const KnownKind key = KeyOf<TextsAtOnce>(event);
  const KnownKind& kind = kinds_[SlotOf(key)];
  if (!IsSame(key, kind)) return FindOrLearn(event);
  return kind;
}

const TupleHasher::KnownKind& TupleHasher::FindOrLearn(
    const AuditEvent& event) {
  if (!FitsKind(event)) {
    Learn(event, unkept_);
    return unkept_;
  }
  const KnownKind key = KeyOf<TextsAnywhere>(event);
  const size_t slot = SlotOf(key);
  KnownKind& kind = kinds_[slot];
  if (IsSame(key, kind)) return kind;
  // Of two that meet here, the one that came last is found at once.
  KnownKind& other = kinds_[slot ^ 1];
  std::swap(kind, other);
  if (IsSame(key, kind)) return kind;
  kind = key;
  Learn(event, kind);
  return kind;
}

void TupleHasher::Learn(const AuditEvent& event, KnownKind& kind) {
  const Tuple tuple = TupleOf(event);
  kind.verb_class = tuple.verb_class;
  kind.is_self_review = IsSelfReview(tuple);
  kind.is_secret = IsSecret(tuple);
  kind.hash = Hash(tuple);
}

TupleHasher::HashedTuple TupleHasher::Of(const AuditEvent& event) {
  const ObjectReference& object = event.object;
  if (!object.present) return {TupleOf(event), 0};
  const KnownKind& known = KindOf(event);
  return {
      {known.verb_class, PathClass::kNone, object.api_group, object.resource,
       object.subresource, object.ns.empty() ? string_view("*") : object.ns},
      known.hash};
}

template <typename Texts>
[[gnu::always_inline]] inline TupleHasher::KnownPlace TupleHasher::KnownPlaceOf(
    const AuditEvent& event) {
  const string_view agent = ProgramTextOf(event);
  static_assert(KnownPlaces::kMaxProgramBytes <= sizeof(TextWords));
  KnownPlace known;
  known.address = Texts::Text(event.source_ip);
  known.agent = Texts::Text(agent);
  known.sizes = kPresent | static_cast<uint32_t>(event.source_ip.size() << 8 |
                                                 agent.size());
  return known;
}

[[gnu::always_inline]] inline bool TupleHasher::IsSame(const KnownPlace& a,
                                                       const KnownPlace& b) {
  return a.sizes == b.sizes && IsZero(Difference(a.address, b.address) |
                                      Difference(a.agent, b.agent));
}

[[gnu::always_inline]] inline size_t TupleHasher::SlotOf(
    const KnownPlace& key) {
  return Mix(key.sizes, Fold(key.address), Fold(key.agent), 0) % kPlaces;
}

KnownPlaces::Place TupleHasher::PlaceOf(const AuditEvent& event) {
  PageCheck pages;
  pages.AddText(event.source_ip);
  pages.AddText(event.user_agent);
  if (event.source_ip.size() > sizeof(KnownPlace::address) || !pages.ok()) {
    return FindOrLearnPlace(event);
  }
  const KnownPlace key = KnownPlaceOf<TextsAtOnce>(event);
  const KnownPlace& known = places_[SlotOf(key)];
  if (!IsSame(key, known)) return FindOrLearnPlace(event);
  return known.place;
}

KnownPlaces::Place TupleHasher::FindOrLearnPlace(const AuditEvent& event) {
  if (event.source_ip.size() > sizeof(KnownPlace::address)) {
    return KnownPlaces::Of(event);
  }
  const KnownPlace key = KnownPlaceOf<TextsAnywhere>(event);
  const size_t slot = SlotOf(key);
  KnownPlace& known = places_[slot];
  if (IsSame(key, known)) return known.place;
  std::swap(known, places_[slot ^ 1]);
  if (IsSame(key, known)) return known.place;
  known = key;
  known.place = KnownPlaces::Of(event);
  return known.place;
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
  if (ip.empty() || ip.size() > sizeof(Address::text))
    return IsPublicAddress(ip);
  const TextWords text = LoadText(ip);
  Address& known = addresses_[Mix(ip.size(), Fold(text), 0, 0) % kAddresses];
  if (known.size != ip.size() || !IsZero(Difference(text, known.text))) {
    known = {text, static_cast<uint32_t>(ip.size()), IsPublicAddress(ip)};
  }
  return known.is_outside;
}

std::shared_ptr<TupleHasher> NewTupleHasher(const KeyedHash& hash) {
  return std::make_shared<TupleHasher>(hash);
}

}  // namespace oddverb
