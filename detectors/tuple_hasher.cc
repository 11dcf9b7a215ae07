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

TupleHasher::HashedTuple TupleHasher::Of(const AuditEvent& event) {
  const ObjectReference& object = event.object;
  if (!object.present) return {TupleOf(event), 0};
  KindKey key;
  const size_t verb = event.verb.size(), sub = object.subresource.size(),
               group = object.api_group.size(),
               resource = object.resource.size(), scope = object.ns.size();
  if (verb > sizeof(key.verb) || sub > sizeof(key.subresource) ||
      group > sizeof(key.group) || resource > sizeof(key.resource) ||
      scope > sizeof(key.scope)) {
    const Tuple tuple = TupleOf(event);
    return {tuple, Hash(tuple)};
  }
  key.verb = LoadWord(event.verb);
  key.subresource = LoadWord(object.subresource);
  key.group = LoadText(object.api_group);
  key.resource = LoadText(object.resource);
  key.scope = LoadText(object.ns);
  key.sizes =
      kPresent | static_cast<uint32_t>(verb << 24 | sub << 18 | group << 12 |
                                       resource << 6 | scope);
  Kind& kind = kinds_[Mix(key.sizes, key.verb ^ std::rotl(key.subresource, 8),
                          Fold(key.resource), Fold(key.scope)) %
                      kKinds];
  const uint64_t difference = (key.sizes ^ kind.key.sizes) |
                              (key.verb ^ kind.key.verb) |
                              (key.subresource ^ kind.key.subresource);
  const WordPair differences = Difference(key.group, kind.key.group) |
                               Difference(key.resource, kind.key.resource) |
                               Difference(key.scope, kind.key.scope);
  if (difference != 0 || !IsZero(differences)) {
    const Tuple tuple = TupleOf(event);
    kind = {key, tuple.verb_class, Hash(tuple)};
    return {tuple, kind.hash};
  }
  return {
      {kind.verb_class, PathClass::kNone, object.api_group, object.resource,
       object.subresource, object.ns.empty() ? string_view("*") : object.ns},
      kind.hash};
}

KnownPlaces::Place TupleHasher::PlaceOf(const AuditEvent& event) {
  PlaceKey key;
  const string_view agent =
      event.user_agent.substr(0, KnownPlaces::kMaxProgramBytes);
  static_assert(KnownPlaces::kMaxProgramBytes <= sizeof(key.agent));
  const size_t address = event.source_ip.size();
  if (address > sizeof(key.address)) return KnownPlaces::Of(event);
  key.address = LoadText(event.source_ip);
  key.agent = LoadText(agent);
  key.sizes = kPresent | static_cast<uint32_t>(address << 8 | agent.size());
  KnownPlace& known =
      places_[Mix(key.sizes, Fold(key.address), Fold(key.agent), 0) % kPlaces];
  const WordPair differences = Difference(key.address, known.key.address) |
                               Difference(key.agent, known.key.agent);
  if (key.sizes != known.key.sizes || !IsZero(differences)) {
    known = {key, KnownPlaces::Of(event)};
  }
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
