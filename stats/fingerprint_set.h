// A set of 64-bit hashes kept as 32-bit fingerprints, in at most two
// generations: when the young one is full it becomes the old one, and what the
// old one held is forgotten. So the newest `capacity` to 2 x `capacity`
// members are remembered.
//
// Exact but for fingerprint collisions: a false "contained" with probability
// size / 2^32. Takes no memory until the first Add. One thread.
#ifndef ODDVERB_STATS_FINGERPRINT_SET_H_
#define ODDVERB_STATS_FINGERPRINT_SET_H_

#include <cstdint>
#include <vector>

namespace oddverb {

class StateReader;
class StateWriter;

class FingerprintSet {
 public:
  // False if it was contained already (then it becomes young again).
  // REQUIRES: capacity >= 1, the same at every call.
  bool Add(uint64_t hash, uint32_t capacity);
  bool Contains(uint64_t hash) const;
  // Asks the processor for the memory that Add() or Contains() will read.
  void Prefetch(uint64_t hash) const;
  // Distinct members still remembered.
  uint32_t size() const;
  // True once a generation was forgotten: size() is only a lower bound since.
  bool saturated() const { return saturated_; }
  void Clear();

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  std::vector<uint32_t> young_;  // open addressing, 0 = empty
  std::vector<uint32_t> old_;
  uint32_t young_size_ = 0;
  uint32_t old_size_ = 0;
  bool saturated_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_FINGERPRINT_SET_H_
