#include "detectors/tuple_hasher.h"

#include <bit>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "base/ip_address.h"
#include "base/text_words.h"
#include "detectors/detector.h"

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

}  // namespace

inline TupleHasher::Kind TupleHasher::KindOf(const AuditEvent& event) {
  const ObjectReference& object = event.object;
  Kind kind;
  kind.verb = LoadWord(event.verb);
  kind.subresource = LoadWord(object.subresource);
  kind.group = LoadText(object.api_group);
  kind.resource = LoadText(object.resource);
  kind.scope = LoadText(object.ns);
  kind.sizes =
      kPresent | static_cast<uint32_t>(
                     event.verb.size() << 24 | object.subresource.size() << 18 |
                     object.api_group.size() << 12 |
                     object.resource.size() << 6 | object.ns.size());
  return kind;
}

inline bool TupleHasher::IsSame(const Kind& a, const Kind& b) {
  const uint64_t difference =
      (a.sizes ^ b.sizes) | (a.verb ^ b.verb) | (a.subresource ^ b.subresource);
  const WordPair differences = Difference(a.group, b.group) |
                               Difference(a.resource, b.resource) |
                               Difference(a.scope, b.scope);
  return difference == 0 && IsZero(differences);
}

void TupleHasher::Learn(const AuditEvent& event, Kind& kind) {
  const Tuple tuple = TupleOf(event);
  kind = KindOf(event);
  kind.verb_class = tuple.verb_class;
  kind.hash = Hash(tuple);
}

TupleHasher::HashedTuple TupleHasher::Of(const AuditEvent& event) {
  const ObjectReference& object = event.object;
  if (!object.present) return {TupleOf(event), 0};
  if (event.verb.size() > sizeof(Kind::verb) ||
      object.subresource.size() > sizeof(Kind::subresource) ||
      object.api_group.size() > sizeof(Kind::group) ||
      object.resource.size() > sizeof(Kind::resource) ||
      object.ns.size() > sizeof(Kind::scope)) {
    const Tuple tuple = TupleOf(event);
    return {tuple, Hash(tuple)};
  }
  const Kind key = KindOf(event);
  Kind& kind = kinds_[Mix(key.sizes, key.verb ^ std::rotl(key.subresource, 8),
                          Fold(key.resource), Fold(key.scope)) %
                      kKinds];
  if (!IsSame(key, kind)) Learn(event, kind);
  return {
      {kind.verb_class, PathClass::kNone, object.api_group, object.resource,
       object.subresource, object.ns.empty() ? string_view("*") : object.ns},
      kind.hash};
}

inline TupleHasher::KnownPlace TupleHasher::KnownPlaceOf(
    const AuditEvent& event) {
  const string_view agent =
      event.user_agent.substr(0, KnownPlaces::kMaxProgramBytes);
  static_assert(KnownPlaces::kMaxProgramBytes <= sizeof(TextWords));
  KnownPlace known;
  known.address = LoadText(event.source_ip);
  known.agent = LoadText(agent);
  known.sizes = kPresent | static_cast<uint32_t>(event.source_ip.size() << 8 |
                                                 agent.size());
  return known;
}

void TupleHasher::Learn(const AuditEvent& event, KnownPlace& known) {
  known = KnownPlaceOf(event);
  known.place = KnownPlaces::Of(event);
}

KnownPlaces::Place TupleHasher::PlaceOf(const AuditEvent& event) {
  if (event.source_ip.size() > sizeof(KnownPlace::address)) {
    return KnownPlaces::Of(event);
  }
  const KnownPlace key = KnownPlaceOf(event);
  KnownPlace& known =
      places_[Mix(key.sizes, Fold(key.address), Fold(key.agent), 0) % kPlaces];
  const WordPair differences = Difference(key.address, known.address) |
                               Difference(key.agent, known.agent);
  if (key.sizes != known.sizes || !IsZero(differences)) Learn(event, known);
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

TupleHasher& HasherOf(const KeyedHash& hash, Emit& out) {
  if (out.tuple_hasher == nullptr) {
    out.tuple_hasher = std::make_shared<TupleHasher>(hash);
  }
  return *out.tuple_hasher;
}

}  // namespace oddverb
