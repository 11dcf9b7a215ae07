// A set of 64-bit hashes kept as 32-bit fingerprints, in at most two
// generations: when the young one is full it becomes the old one, and what the
// old one held is forgotten. So the newest `capacity` to 2 x `capacity`
// members are remembered.
//
// Exact but for fingerprint collisions: a false "contained" with probability
// size / 2^32. A word, as most of the many there are hold nothing or one
// member: it lies in the word, more of them in one block of memory. One thread.
#ifndef ODDVERB_STATS_FINGERPRINT_SET_H_
#define ODDVERB_STATS_FINGERPRINT_SET_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/prefetch.h"

namespace oddverb {

class StateReader;
class StateWriter;

class FingerprintSet {
 public:
  static constexpr uint32_t kFewestSlots = 4;  // of a generation that has any
  static constexpr uint32_t kMaxCapacity = (1 << 24) - 1;

  FingerprintSet() = default;
  FingerprintSet(FingerprintSet&& other) noexcept
      : word_(std::exchange(other.word_, 0)) {}
  FingerprintSet& operator=(FingerprintSet&& other) noexcept {
    FingerprintSet taken(std::move(other));
    std::swap(word_, taken.word_);
    return *this;
  }
  ~FingerprintSet() { delete[] block(); }

  // False if it was contained already (then it becomes young again).
  // REQUIRES: 1 <= capacity <= kMaxCapacity, the same at every call.
  bool Add(uint64_t hash, uint32_t capacity);
  bool Contains(uint64_t hash) const;
  // Whether Add() would change nothing.
  bool IsYoung(uint64_t hash) const {
    const uint32_t fingerprint = FingerprintOf(hash);
    if (holds_one()) return the_one() == fingerprint;
    const uint32_t count = SlotsOf(kYoung);
    if (count == 0) return false;
    const uint32_t home = fingerprint & (count - 1);
    // Nearly all stand close behind their home. How close is what a processor
    // guesses wrong, so four slots are compared at once.
    FourSlots slots;
    std::memcpy(&slots,
                &block()[kHeadWords + std::min(home, count - kFewestSlots)],
                sizeof(slots));
    const auto same = reinterpret_cast<SlotPairs>(slots == fingerprint);
    return (same[0] | same[1]) != 0 || Holds(kYoung, fingerprint);
  }
  // Asks the processor for the memory that all of the above will read, of at
  // most 20 members: what can be told without a hash.
  void Prefetch() const {
    const uint32_t* const words = block();
    if (words == nullptr) return;
    PrefetchLine(words);
    PrefetchLine(words + 16);
  }
  // Distinct members still remembered.
  uint32_t size() const { return SizeOf(kYoung) + SizeOf(kOld); }
  // True once a generation was forgotten: size() is only a lower bound since.
  bool saturated() const {
    return block() != nullptr && (block()[kYoung] & kSaturated) != 0;
  }
  void Clear();
  // As if it had never been added.
  void Remove(uint64_t hash);

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  using FourSlots [[gnu::vector_size(16)]] = uint32_t;
  using SlotPairs [[gnu::vector_size(16)]] = uint64_t;

  // The word: 0 = nothing, an odd one has one young member in its upper half,
  // any other is where the block is.
  static constexpr uint64_t kOne = 1;
  static constexpr int kOneShift = 32;
  static constexpr uint64_t WordOf(uint32_t the_one) {
    return uint64_t{the_one} << kOneShift | kOne;
  }
  bool holds_one() const { return (word_ & kOne) != 0; }
  // REQUIRES: holds_one().
  uint32_t the_one() const { return static_cast<uint32_t>(word_ >> kOneShift); }
  // Null if there is none.
  uint32_t* block() const {
    if (holds_one()) return nullptr;
    return reinterpret_cast<uint32_t*>(static_cast<uintptr_t>(word_));
  }

  // The first words of the block: for each generation its members and the
  // binary logarithm of its slots, 0 = none. Then the slots of the young one,
  // then those of the old one: open addressing, 0 = empty.
  enum Generation : uint32_t { kYoung, kOld, kHeadWords };
  static constexpr int kSlotsShift = 24;
  static constexpr uint32_t kSlotsMask = 0x7f;
  static constexpr uint32_t kSaturated = uint32_t{1} << 31;  // of the first

  // Never 0, which marks an empty slot.
  static uint32_t FingerprintOf(uint64_t hash) {
    const auto folded = static_cast<uint32_t>(hash ^ hash >> 32);
    return folded == 0 ? 1 : folded;
  }
  uint32_t SizeOf(Generation which) const {
    if (holds_one()) return which == kYoung ? 1 : 0;
    return word_ == 0 ? 0 : block()[which] & kMaxCapacity;
  }
  // Of the block.
  uint32_t SlotsOf(Generation which) const {
    if (block() == nullptr) return 0;
    const uint32_t log = block()[which] >> kSlotsShift & kSlotsMask;
    return uint32_t{1} << log & ~uint32_t{1};
  }
  std::span<uint32_t> TableOf(Generation which) const {
    if (block() == nullptr) return {};
    uint32_t* young = block() + kHeadWords;
    if (which == kYoung) return {young, SlotsOf(kYoung)};
    return {young + SlotsOf(kYoung), SlotsOf(kOld)};
  }
  bool Holds(Generation which, uint32_t fingerprint) const;
  // Without members.
  static FingerprintSet WithSlots(uint32_t young, uint32_t old);
  // REQUIRES: it is not held, and the generation has less than kMaxCapacity.
  void Insert(Generation which, uint32_t fingerprint);
  void Grow(Generation which);
  // Moves the one member to a block.
  void MoveToBlock();
  // Of a generation, in any order.
  std::vector<uint32_t> MembersOf(Generation which) const;
  void SetSaturated();
  void BeginGeneration();
  void SaveTable(Generation which, StateWriter& out) const;
  // As they rest: a member that stands there already is not written again.
  void SaveResting(StateWriter& out) const;
  void LoadResting(StateReader& in);
  void SaveRestingTable(Generation which, StateWriter& out) const;
  void LoadRestingTable(Generation which, uint64_t size, StateReader& in);
  void LoadTable(Generation which, uint64_t size, bool has_words,
                 StateReader& in);

  uint64_t word_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_FINGERPRINT_SET_H_
