// What is left of suspects that an EntityTable forgot, so that one who comes
// back does not begin anew: 24 bytes each, in a table of a fixed size that is
// there once the first one is put into it.
//
// In sets of eight by a part of the key. In a full one whoever was suspected
// least makes room, the oldest of several, so that no flood of others takes it
// from a patient thief. Another part of the key tells the members of a set
// apart: one of 2^28 strangers is taken for one of them.
//
// Deterministic for a sequence of calls. One thread.
#ifndef ODDVERB_STATS_TOMBSTONE_TABLE_H_
#define ODDVERB_STATS_TOMBSTONE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace oddverb {

class StateReader;
class StateWriter;

// Of one entity.
struct Remains {
  uint64_t digest = 0;        // of what raised it (DigestOf)
  uint32_t first_second = 0;  // since 1970, when it was seen first
  uint32_t last_second = 0;   // when the suspicion was `score`
  uint16_t score = 0;         // in units of 1/256
  uint16_t count = 0;         // of what raised it

  friend bool operator==(const Remains&, const Remains&) = default;
};

// Two bits of 64 for a hash: of the twelve that a digest holds at most, one of
// ten others seems to be one.
inline uint64_t DigestOf(uint64_t hash) {
  return uint64_t{1} << (hash & 63) | uint64_t{1} << (hash >> 6 & 63);
}

class TombstoneTable {
 public:
  static constexpr size_t kSetSize = 8;

  // Room for as many, rounded up to whole sets.
  explicit TombstoneTable(uint32_t capacity)
      : sets_((capacity + kSetSize - 1) / kSetSize) {}

  // REQUIRES: none of `key` is there.
  void Put(uint64_t key, const Remains& remains);
  // Takes it away.
  std::optional<Remains> Take(uint64_t key);

  uint32_t size() const { return size_; }

  void Save(StateWriter& out) const;
  // Into an empty one of the same capacity; failures show in in.status().
  void Load(StateReader& in);

 private:
  struct Stone {
    Remains remains;
    uint32_t mark = 0;  // of the key; 0 = none
  };

  // The first of the set's stones, of which the newest come first, and the free
  // places last.
  Stone* SetOf(uint64_t key) { return &stones_[key % sets_ * kSetSize]; }

  size_t sets_;
  std::vector<Stone> stones_;  // empty until the first one is put
  uint32_t size_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_TOMBSTONE_TABLE_H_
