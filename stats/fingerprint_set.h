// A set of 64-bit hashes kept as 32-bit fingerprints, in at most two
// generations: when the young one is full it becomes the old one, and what the
// old one held is forgotten. So the newest `capacity` to 2 x `capacity`
// members are remembered.
//
// Exact but for fingerprint collisions: a false "contained" with probability
// size / 2^32. Takes no memory until the first Add. One thread.
#ifndef ODDVERB_STATS_FINGERPRINT_SET_H_
#define ODDVERB_STATS_FINGERPRINT_SET_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace oddverb {

class StateReader;
class StateWriter;

class FingerprintSet {
 public:
  static constexpr size_t kFewestSlots = 4;  // of a generation that has any

  // False if it was contained already (then it becomes young again).
  // REQUIRES: capacity >= 1, the same at every call.
  bool Add(uint64_t hash, uint32_t capacity);
  bool Contains(uint64_t hash) const;
  // Whether Add() would change nothing.
  bool IsYoung(uint64_t hash) const {
    if (young_.empty()) return false;
    const uint32_t fingerprint = FingerprintOf(hash);
    const size_t home = fingerprint & (young_.size() - 1);
    // Nearly all stand close behind their home. How close is what a processor
    // guesses wrong, so four slots are compared at once.
    Slots slots;
    std::memcpy(&slots, &young_[std::min(home, young_.size() - kFewestSlots)],
                sizeof(slots));
    const auto same = reinterpret_cast<SlotPairs>(slots == fingerprint);
    return (same[0] | same[1]) != 0 || HoldsYoung(fingerprint);
  }
  // Asks the processor for the memory that all of the above will read, of at
  // most 21 members: what can be told without a hash.
  void Prefetch() const {
    if (young_.empty()) return;
    __builtin_prefetch(young_.data());
    __builtin_prefetch(young_.data() + 16);
  }
  // Distinct members still remembered.
  uint32_t size() const;
  // True once a generation was forgotten: size() is only a lower bound since.
  bool saturated() const { return saturated_; }
  void Clear();

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  using Slots [[gnu::vector_size(16)]] = uint32_t;
  using SlotPairs [[gnu::vector_size(16)]] = uint64_t;

  // Never 0, which marks an empty slot.
  static uint32_t FingerprintOf(uint64_t hash) {
    const auto folded = static_cast<uint32_t>(hash ^ hash >> 32);
    return folded == 0 ? 1 : folded;
  }
  bool HoldsYoung(uint32_t fingerprint) const;

  std::vector<uint32_t> young_;  // open addressing, 0 = empty
  std::vector<uint32_t> old_;
  uint32_t young_size_ = 0;
  uint32_t old_size_ = 0;
  bool saturated_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_FINGERPRINT_SET_H_
