// What detectors ask of every event: its kind of request with HashTuple(), and
// from which network and with which program it comes. All are kept for the
// kinds and places that were met: in most streams some hundreds are nearly all.
// The result is the same.
//
// A kind is known by all its bytes; where it is looked up depends on few of
// them. Who makes up names that fall together, or are longer than what is kept,
// only makes the detector work them out, as it would without. Bounded (356
// KiB), so the shards of a worker share one. One thread.
#ifndef ODDVERB_DETECTORS_TUPLE_HASHER_H_
#define ODDVERB_DETECTORS_TUPLE_HASHER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "base/text_words.h"
#include "detectors/detector.h"
#include "detectors/known_places.h"
#include "detectors/tuple.h"
#include "detectors/user_agent.h"
#include "model/audit_event.h"

namespace oddverb {

class TupleHasher {
 public:
  struct HashedTuple {
    Tuple tuple;
    uint64_t hash = 0;
  };

  // What is kept of a kind of request for a resource. Two lines of the
  // processor's cache; most events look at one.
  struct alignas(128) KnownKind {
    // The key, for TupleHasher alone.
    uint64_t verb = 0, subresource = 0;
    TextWords group, resource, scope;
    uint32_t sizes = 0;  // of all; 0 = empty
    // What it stands for.
    VerbClass verb_class = VerbClass::kOther;
    bool is_self_review = false, is_secret = false;
    uint64_t hash = 0;  // HashTuple()
  };
  static_assert(sizeof(KnownKind) == 128);

  explicit TupleHasher(const KeyedHash& hash)
      : hash_(hash),
        kinds_(kKinds),
        places_(kPlaces),
        programs_(kPrograms),
        addresses_(kAddresses) {}

  // TupleOf(), and HashTuple() of it; 0 for a path, which most do not ask for.
  HashedTuple Of(const AuditEvent& event);
  // The same without the texts, and cheaper; until the next call of either.
  // REQUIRES: it is for a resource.
  const KnownKind& KindOf(const AuditEvent& event);
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
  static constexpr size_t kKinds = 2048, kPlaces = 512;
  static constexpr size_t kPrograms = 256, kAddresses = 256;

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

  // Whether its texts are short enough for a KnownKind.
  static bool FitsKind(const AuditEvent& event);
  // The key alone. REQUIRES: FitsKind(), and PageCheck if `Texts` needs it.
  template <typename Texts>
  static KnownKind KeyOf(const AuditEvent& event);
  static bool IsSame(const KnownKind& a, const KnownKind& b);
  // Where it is looked up first. Who is not there is in the slot beside it.
  static size_t SlotOf(const KnownKind& key);
  // What most events do not need is out of line, and called at the end: it
  // shall not cost them registers.
  [[gnu::noinline]] const KnownKind& FindOrLearn(const AuditEvent& event);
  // All but the key.
  void Learn(const AuditEvent& event, KnownKind& kind);

  template <typename Texts>
  static KnownPlace KnownPlaceOf(const AuditEvent& event);
  static bool IsSame(const KnownPlace& a, const KnownPlace& b);
  static size_t SlotOf(const KnownPlace& key);
  [[gnu::noinline]] KnownPlaces::Place FindOrLearnPlace(
      const AuditEvent& event);

  KeyedHash hash_;
  HashInput scratch_;
  std::vector<KnownKind> kinds_;
  KnownKind unkept_;  // one that does not fit, the last
  std::vector<KnownPlace> places_;
  std::vector<Program> programs_;
  std::vector<Address> addresses_;
};

// Out of line for HasherOf().
std::shared_ptr<TupleHasher> NewTupleHasher(const KeyedHash& hash);

// The one of the worker that `out` belongs to, made when it is first asked for.
inline TupleHasher& HasherOf(const KeyedHash& hash, Emit& out) {
  if (out.tuple_hasher == nullptr) out.tuple_hasher = NewTupleHasher(hash);
  return *out.tuple_hasher;
}

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_TUPLE_HASHER_H_
