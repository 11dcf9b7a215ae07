// Maps 64-bit keys to dense ids, so that every detector keeps its state in
// arrays by id and an event costs one look-up per table.
//
// Bounded: when max_entities are in use, the entity that was least recently
// used (approximately: second chance, CLOCK) gives its id to the new one. Each
// standing has a share of the ids, so that a flood of one drives no other out
// of its own: people and guests a quarter each, the rest the others. Up to its
// share a standing takes room from those that have more than theirs, beyond it
// from these and itself; what one does not use the others may. Only guests,
// whose keys anybody can invent, never have more.
//
// Who is suspected stays for seven more turns of the clock. A flood whose keys
// come twice fills a class anew in two turns, so it has to do that four times
// between two steps of an attack to make it forgotten. There is an end to it,
// so that no number of suspects fills a table.
//
// Deterministic for a sequence of calls. One thread.
#ifndef ODDVERB_STATS_ENTITY_TABLE_H_
#define ODDVERB_STATS_ENTITY_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/prefetch.h"

namespace oddverb {

class StateReader;
class StateWriter;

using EntityId = uint32_t;
inline constexpr EntityId kNoEntity = ~EntityId{0};

enum class Standing : uint8_t { kRegular, kGuest, kPerson };

class EntityTable {
 public:
  struct Lookup {
    EntityId id = kNoEntity;
    bool is_new = false;
    // The id belonged to another key before: its state must be forgotten.
    bool is_reused = false;
    uint64_t forgotten_key = 0;  // that one's, if is_reused
  };

  // REQUIRES: 0 < max_entities < 2^31.
  explicit EntityTable(uint32_t max_entities);

  // Hints the cache that `key` will be looked up soon: first what tells where
  // it is; a while later, when that is there, what stands there.
  void PrefetchSlot(uint64_t key) const;
  void PrefetchEntity(EntityId id) const {  // as Guess() gives it
    PrefetchLine(&keys_[id]);
    PrefetchLineToWrite(&marks_[id]);
  }
  // The id of `key`, or seldom another one; kNoEntity if it is not known.
  EntityId Guess(uint64_t key) const;
  // It has the standing that it came with last; but only who is a guest from
  // the beginning is one.
  Lookup FindOrAdd(uint64_t key, Standing standing = Standing::kRegular);
  // From now on it has all its turns. REQUIRES: `id` was given out.
  void MarkSuspect(EntityId id);
  // kNoEntity if unknown; does not count as a use.
  EntityId Find(uint64_t key) const;
  // REQUIRES: `id` was given out.
  uint64_t KeyOf(EntityId id) const { return keys_[id]; }

  uint32_t size() const { return static_cast<uint32_t>(keys_.size()); }
  uint32_t max_entities() const { return max_entities_; }
  uint32_t size_of(Standing standing) const {
    return sizes_[static_cast<size_t>(standing)];
  }
  uint64_t evictions() const { return evictions_; }

  // Everything but the keys: which entities were used lately, their standings,
  // who is suspected, and whose turn it is. A table to which the keys were
  // added in the order of their ids goes on exactly as the saved one did; it
  // stays as it is if in.status() fails.
  void SaveClock(StateWriter& out) const;
  void LoadClock(StateReader& in);

 private:
  // Who was looked up lately mostly is looked up again, and the slots of a
  // large table are each in a page of their own, which the processor would have
  // to find.
  static constexpr size_t kRecent = 128, kSlotsOfLarge = 1024;
  struct Recent {
    uint32_t hash = 0;
    EntityId id = 0;  // it is the one if its key is
  };

  // An id and, in the bits that no id needs, some of its key's hash, which
  // nearly always say whether it is the one.
  using Slot = uint32_t;
  static constexpr Slot kEmpty = ~Slot{0};

  // The highest bits of a hash say where its slot is, the lowest are in it.
  Slot SlotOf(uint32_t hash, EntityId id) const {
    return hash << id_bits_ | id;
  }
  EntityId IdIn(Slot slot) const { return slot & ((Slot{1} << id_bits_) - 1); }
  bool MayBeOf(uint32_t hash, Slot slot) const {
    return (slot ^ hash << id_bits_) >> id_bits_ == 0;
  }
  // Where the search for it begins (Lemire, "Fast random integer generation in
  // an interval", 2019): the table is of any size.
  size_t HomeOf(uint32_t hash) const {
    return static_cast<size_t>(uint64_t{hash} * slots_.size() >> 32);
  }
  size_t After(size_t slot) const {
    return slot + 1 == slots_.size() ? 0 : slot + 1;
  }
  size_t SlotFor(uint64_t key, uint32_t hash) const;
  // Whether the last one that stands for such a hash may be that of `hash`.
  bool IsRecent(uint32_t hash) const {
    return !recent_.empty() && RecentOf(hash).hash == hash;
  }
  const Recent& RecentOf(uint32_t hash) const {
    return recent_[hash % kRecent];
  }
  void NoteRecent(uint32_t hash, EntityId id) {
    if (!recent_.empty()) recent_[hash % kRecent] = {hash, id};
  }
  void Erase(uint64_t key);
  void Grow();
  Lookup Add(uint64_t key, Standing standing);
  // Whose turn it is to make room for one of `standing`.
  EntityId Evict(Standing standing);
  bool MayGo(Standing victim, Standing standing) const;
  void SetStanding(EntityId id, Standing standing);
  uint32_t& SizeOf(Standing standing) {
    return sizes_[static_cast<size_t>(standing)];
  }
  uint32_t ShareOf(Standing standing) const {
    return shares_[static_cast<size_t>(standing)];
  }

  static constexpr size_t kStandings = 3;

  uint32_t max_entities_;
  uint32_t id_bits_;  // at most 31; all together are no id
  std::array<uint32_t, kStandings> shares_{};  // together max_entities_
  std::array<uint32_t, kStandings> sizes_{};
  std::vector<Slot> slots_;     // open addressing, linear probing
  std::vector<Recent> recent_;  // by hash; empty unless the table is large
  std::vector<uint64_t> keys_;  // by id
  // By id: kUsed (the second chance), above it the standing, then the turns
  // that a suspect has left.
  std::vector<uint8_t> marks_;
  EntityId hand_ = 0;
  uint64_t evictions_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_ENTITY_TABLE_H_
