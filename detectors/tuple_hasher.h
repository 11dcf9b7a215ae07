// HashTuple() for detectors that ask it of every event. It keeps the hashes of
// the kinds of request that it met: in most streams some hundreds are nearly
// all. The result is the same.
//
// A kind is known by all its bytes; where it is looked up depends on few of
// them. Who makes up names that fall together only makes the detector hash them
// whole, as it would without. Bounded (56 KiB), so the shards of a worker share
// one. One thread.
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
  explicit TupleHasher(const KeyedHash& hash)
      : hash_(hash), entries_(kEntries) {}

  // HashTuple().
  uint64_t Hash(const Tuple& tuple);

 private:
  static constexpr size_t kEntries = 512;
  static constexpr size_t kMaxTextBytes = 96;

  struct Entry {
    uint64_t shape = 0;  // both classes and the sizes of the texts; 0 = empty
    uint64_t hash = 0;
    // Group, resource, subresource, scope.
    std::array<char, kMaxTextBytes> text{};
  };

  KeyedHash hash_;
  HashInput scratch_;
  std::vector<Entry> entries_;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_TUPLE_HASHER_H_
