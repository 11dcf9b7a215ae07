// What detectors ask of every event: its kind of request with HashTuple(), and
// from which network and with which program it comes. All are kept for the
// kinds and places that were met: in most streams some hundreds are nearly all.
// The result is the same.
//
// A kind is known by all its bytes; where it is looked up depends on few of
// them. Who makes up names that fall together, or are longer than what is kept,
// only makes the detector work them out, as it would without. Bounded (228
// KiB), so the shards of a worker share one. One thread.
#ifndef ODDVERB_DETECTORS_TUPLE_HASHER_H_
#define ODDVERB_DETECTORS_TUPLE_HASHER_H_

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "base/text_words.h"
#include "detectors/known_places.h"
#include "detectors/tuple.h"
#include "detectors/user_agent.h"
#include "model/audit_event.h"

namespace oddverb {

class Emit;

class TupleHasher {
 public:
  struct HashedTuple {
    Tuple tuple;
    uint64_t hash = 0;
  };

  explicit TupleHasher(const KeyedHash& hash)
      : hash_(hash),
        kinds_(kKinds),
        places_(kPlaces),
        programs_(kPrograms),
        addresses_(kAddresses) {}

  // TupleOf(), and HashTuple() of it; 0 for a path, which most do not ask for.
  HashedTuple Of(const AuditEvent& event);
  // Of any tuple.
  uint64_t Hash(const Tuple& tuple) {
    return HashTuple(hash_, tuple, scratch_);
  }
  // KnownPlaces::Of().
  KnownPlaces::Place PlaceOf(const AuditEvent& event);
  // AgentFamilyOf() of its User-Agent.
  AgentFamily FamilyOf(const AuditEvent& event);
  // Whether its source is outside of private networks; false for none.
  bool IsFromOutside(const AuditEvent& event);

 private:
  static constexpr size_t kKinds = 1024, kPlaces = 512;
  static constexpr size_t kPrograms = 256, kAddresses = 256;

  // Two lines of the processor's cache; an event looks at one Kind.
  struct alignas(64) Kind {
    uint64_t verb = 0, subresource = 0;
    TextWords group, resource, scope;
    uint32_t sizes = 0;  // of all; 0 = empty
    // Not of its key, as all above is.
    VerbClass verb_class = VerbClass::kOther;
    uint64_t hash = 0;
  };
  static_assert(sizeof(Kind) == 128);
  struct KnownPlace {
    TextWords address, agent;
    uint32_t sizes = 0;  // of both; 0 = empty
    KnownPlaces::Place place;
  };
  struct Program {
    uint32_t size = 0;  // 0 = empty
    AgentFamily family = AgentFamily::kNone;
    std::array<char, 184> agent{};
  };
  struct Address {
    TextWords text;
    uint32_t size = 0;  // 0 = empty
    bool is_outside = false;
  };

  // The key alone. REQUIRES: all its texts are short enough.
  static Kind KindOf(const AuditEvent& event);
  static bool IsSame(const Kind& a, const Kind& b);
  static KnownPlace KnownPlaceOf(const AuditEvent& event);
  // Out of line: what most events do not need shall not cost them registers.
  [[gnu::noinline]] void Learn(const AuditEvent& event, Kind& kind);
  [[gnu::noinline]] static void Learn(const AuditEvent& event,
                                      KnownPlace& known);

  KeyedHash hash_;
  HashInput scratch_;
  std::vector<Kind> kinds_;
  std::vector<KnownPlace> places_;
  std::vector<Program> programs_;
  std::vector<Address> addresses_;
};

// The one of the worker that `out` belongs to, made when it is first asked for.
TupleHasher& HasherOf(const KeyedHash& hash, Emit& out);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_TUPLE_HASHER_H_
