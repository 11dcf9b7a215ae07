// HashTuple() for a detector that asks it of every event. It keeps what the
// keyed hash makes of verb, group and resource: in most streams these are some
// dozens, whatever the number of namespaces, and at most the namespace is left
// to be hashed. The result is the same.
//
// A kind is known by all its bytes; where it is looked up depends on few of
// them. Who makes up names that fall together only makes the detector hash them
// whole, as it would without. Bounded (21 KiB). One thread.
#ifndef ODDVERB_DETECTORS_TUPLE_HASHER_H_
#define ODDVERB_DETECTORS_TUPLE_HASHER_H_

#include <array>
#include <cstdint>
#include <vector>

#include "base/keyed_hash.h"
#include "detectors/tuple.h"

namespace oddverb {

class TupleHasher {
 public:
  explicit TupleHasher(const KeyedHash& hash) : hash_(hash) {}

  // HashTuple().
  uint64_t Hash(const Tuple& tuple);

 private:
  static constexpr size_t kEntries = 128;
  static constexpr size_t kMaxTextBytes = 56;
  static constexpr size_t kMaxScopeBytes = 32;

  struct Entry {
    uint64_t shape = 0;  // both classes and the sizes of the texts; 0 = empty
    std::array<char, kMaxTextBytes> text{};  // group, resource, subresource
    HashPrefix prefix;
    // Of the last call, as the next is often for the same namespace.
    uint64_t scope_size = UINT64_MAX;  // none
    std::array<char, kMaxScopeBytes> scope{};
    uint64_t hash = 0;
  };

  KeyedHash hash_;
  HashInput scratch_;
  std::vector<Entry> entries_;  // none until the first call
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_TUPLE_HASHER_H_
