// What detectors ask of every event: its kind of request with HashTuple(), and
// from which network and with which program it comes. All are kept for the
// kinds and places that were met: in most streams some hundreds are nearly all.
// The result is the same.
//
// A kind or place is known by a fingerprint of all its bytes. Names that are
// longer than what fits one are only worked out each time, as without this.
// Bounded (144 KiB), so the shards of a worker share one. One thread.
#ifndef ODDVERB_DETECTORS_TUPLE_HASHER_H_
#define ODDVERB_DETECTORS_TUPLE_HASHER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "base/text_fingerprint.h"
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

  // What is kept of a kind of request for a resource.
  struct KnownKind {
    uint64_t hash = 0;  // HashTuple()
    VerbClass verb_class = VerbClass::kOther;
    bool is_self_review = false, is_secret = false;
  };

  explicit TupleHasher(const KeyedHash& hash)
      : hash_(hash),
        key_(hash),
        kinds_(kKindSlots),
        places_(kPlaceSlots),
        programs_(kPrograms),
        addresses_(kAddresses) {}

  // TupleOf(), and HashTuple() of it; 0 for a path, which most do not ask for.
  HashedTuple Of(const AuditEvent& event) {
    return Of(event, event.object.present ? &KindOf(event) : nullptr);
  }
  // The same where KindOf() was asked; null for a path.
  static HashedTuple Of(const AuditEvent& event, const KnownKind* kind);
  // What is known of it without the texts, and cheaper; until the next call of
  // this or of Of(event).
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
  static constexpr size_t kKindSlots = 1024, kPlaceSlots = 256;
  static constexpr size_t kPrograms = 256, kAddresses = 256;

  // Two that meet in one place, the newest first; in one line of the
  // processor's cache.
  template <typename Value>
  struct Entry {
    TextFingerprint key;
    Value value;
  };
  template <typename Value>
  struct alignas(64) Known : std::array<Entry<Value>, 2> {};
  using KindSlot = Known<KnownKind>;
  using PlaceSlot = Known<KnownPlaces::Place>;
  static_assert(sizeof(KindSlot) == 64 && sizeof(PlaceSlot) == 64);

  struct Program {
    uint32_t size = 0;  // 0 = empty
    AgentFamily family = AgentFamily::kNone;
    std::array<char, 184> agent{};
  };
  struct Address {
    TextFingerprint key;
    bool is_outside = false;
  };

  // Whether its texts are short enough for a fingerprint.
  static bool FitsKind(const AuditEvent& event);
  // REQUIRES: FitsKind(), and PageCheck if `Texts` needs it.
  template <typename Texts>
  TextFingerprint KindKey(const AuditEvent& event) const;
  template <typename Texts>
  TextFingerprint PlaceKey(const AuditEvent& event) const;
  // What most events do not need is out of line, and called at the end: it
  // shall not cost them registers.
  [[gnu::noinline]] const KnownKind& FindOrLearn(const AuditEvent& event);
  KnownKind Learn(const AuditEvent& event);
  [[gnu::noinline]] KnownPlaces::Place FindOrLearnPlace(
      const AuditEvent& event);

  KeyedHash hash_;
  FingerprintKey key_;
  HashInput scratch_;
  std::vector<KindSlot> kinds_;
  KnownKind unkept_;  // one that does not fit, the last
  std::vector<PlaceSlot> places_;
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
