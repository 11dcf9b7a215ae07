#include "stats/entity_table.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <string_view>

#include "base/state_io.h"

namespace oddverb {
namespace {

constexpr size_t kFirstSlots = 16;
constexpr uint32_t kUsed = 1;
constexpr uint32_t kStandingShift = 1;
constexpr uint32_t kStandingMask = 3u << kStandingShift;
constexpr uint32_t kTurn = 8;  // one of those that a suspect has left
constexpr uint32_t kTurnsMask = 7 * kTurn;
constexpr size_t kBitSets = 6;  // of SaveClock()

uint32_t MarksOf(Standing standing) {
  return static_cast<uint32_t>(standing) << kStandingShift;
}
Standing StandingIn(uint32_t marks) {
  return static_cast<Standing>((marks & kStandingMask) >> kStandingShift);
}

// Fibonacci hashing: spreads keys that are not hashes, and costs a multiply.
// Tables have at most 2^32 slots.
uint32_t HashOf(uint64_t key) {
  uint64_t mixed = key * 0x9e3779b97f4a7c15;
  return static_cast<uint32_t>(mixed >> 32 ^ mixed);
}

}  // namespace

EntityTable::EntityTable(uint32_t max_entities)
    : max_entities_(max_entities), slots_(kFirstSlots) {
  assert(max_entities > 0 && max_entities < uint32_t{1} << 31);
  const uint32_t guests = std::max<uint32_t>(1, max_entities / 4);
  const uint32_t people = max_entities / 4;
  shares_[static_cast<size_t>(Standing::kGuest)] = guests;
  shares_[static_cast<size_t>(Standing::kPerson)] = people;
  shares_[static_cast<size_t>(Standing::kRegular)] =
      max_entities - guests - people;
}

void EntityTable::Prefetch(uint64_t key) const {
  __builtin_prefetch(&slots_[HashOf(key) & (slots_.size() - 1)]);
}

size_t EntityTable::SlotFor(uint64_t key) const {
  size_t mask = slots_.size() - 1;
  const uint32_t hash = HashOf(key);
  size_t slot = hash & mask;
  // An id, not a key, says that a slot is taken: every key is possible.
  while (slots_[slot].id != kNoEntity &&
         (slots_[slot].hash != hash || KeyOf(slots_[slot].id) != key)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

EntityTable::Lookup EntityTable::FindOrAdd(uint64_t key, Standing standing) {
  EntityId id = slots_[SlotFor(key)].id;
  if (id == kNoEntity) return Add(key, standing);
  uint32_t& marks = entries_[id].marks;
  if (StandingIn(marks) != standing && standing != Standing::kGuest) {
    SetStanding(id, standing);
  }
  marks |= kUsed;
  return {.id = id};
}

void EntityTable::SetStanding(EntityId id, Standing standing) {
  uint32_t& marks = entries_[id].marks;
  --SizeOf(StandingIn(marks));
  ++SizeOf(standing);
  marks = (marks & ~kStandingMask) | MarksOf(standing);
}

void EntityTable::MarkSuspect(EntityId id) { entries_[id].marks |= kTurnsMask; }

EntityTable::Lookup EntityTable::Add(uint64_t key, Standing standing) {
  const bool too_many_guests =
      standing == Standing::kGuest && size_of(standing) >= ShareOf(standing);
  Lookup result{.id = size(), .is_new = true};
  if (size() < max_entities_ && !too_many_guests) {
    entries_.emplace_back();
    if (entries_.size() * 3 > slots_.size() * 2) Grow();
  } else {
    result.id = Evict(standing);
    result.is_reused = true;
  }
  // A new entity starts without a second chance: the hand has just passed or
  // will take a while to come, and a flood of keys that are seen once then
  // drives out itself before it drives out those that keep coming.
  entries_[result.id] = {.low = static_cast<uint32_t>(key),
                         .high = static_cast<uint32_t>(key >> 32),
                         .marks = MarksOf(standing)};
  ++SizeOf(standing);
  slots_[SlotFor(key)] = {HashOf(key), result.id};
  return result;
}

EntityId EntityTable::Find(uint64_t key) const {
  return slots_[SlotFor(key)].id;
}

void EntityTable::Grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.id == kNoEntity) continue;
    size_t to = slot.hash & mask;
    while (slots_[to].id != kNoEntity) to = (to + 1) & mask;
    slots_[to] = slot;
  }
}

// Somebody always may. In a full table one that is below its share leaves
// another above it, as the shares are all ids together; one that has its share
// may take of it, unless that is none, as in a table of two.
bool EntityTable::MayGo(Standing victim, Standing standing) const {
  const bool has_share = size_of(standing) >= ShareOf(standing);
  if (victim == standing) return has_share;
  if (standing == Standing::kGuest && has_share) return false;
  return size_of(victim) > ShareOf(victim) ||
         (has_share && size_of(standing) == 0);
}

// Passes over who may not go without taking the second chance. Who may are some
// quarter of all, so that the way is short.
EntityId EntityTable::Evict(Standing standing) {
  auto advance = [this] { hand_ = hand_ + 1 == size() ? 0 : hand_ + 1; };
  while (true) {
    uint32_t& marks = entries_[hand_].marks;
    if (MayGo(StandingIn(marks), standing)) {
      if ((marks & kUsed) != 0) {
        marks &= ~kUsed;
      } else if ((marks & kTurnsMask) != 0) {
        marks -= kTurn;
      } else {
        break;
      }
    }
    advance();
  }
  EntityId victim = hand_;
  advance();
  --SizeOf(StandingIn(entries_[victim].marks));
  Erase(KeyOf(victim));
  ++evictions_;
  return victim;
}

// Backward shift: moves up what a search would no longer reach over the hole,
// so that no tombstones pile up.
void EntityTable::Erase(uint64_t key) {
  size_t mask = slots_.size() - 1;
  size_t hole = SlotFor(key);
  for (size_t next = (hole + 1) & mask; slots_[next].id != kNoEntity;
       next = (next + 1) & mask) {
    size_t from_home = (next - slots_[next].hash) & mask;
    size_t from_hole = (next - hole) & mask;
    if (from_home < from_hole) continue;
    slots_[hole] = slots_[next];
    hole = next;
  }
  slots_[hole] = {};
}

// Six bit sets: what was used, the guests, the people, the three bits of the
// turns. Before there were these, the first one, two or three were written.
void EntityTable::SaveClock(StateWriter& out) const {
  out.PutU64(hand_);
  out.PutU64(evictions_);
  out.PutU64(size());
  const size_t bytes = (entries_.size() + 7) / 8;
  std::string bits(kBitSets * bytes, '\0');
  for (size_t i = 0; i < entries_.size(); ++i) {
    const uint32_t marks = entries_[i].marks;
    auto set = [&](size_t bit_set, bool bit) {
      char& byte = bits[bit_set * bytes + i / 8];
      byte = static_cast<char>(byte | bit << (i % 8));
    };
    set(0, (marks & kUsed) != 0);
    set(1, StandingIn(marks) == Standing::kGuest);
    set(2, StandingIn(marks) == Standing::kPerson);
    set(3, (marks & kTurn) != 0);
    set(4, (marks & 2 * kTurn) != 0);
    set(5, (marks & 4 * kTurn) != 0);
  }
  out.PutString(bits);
}

void EntityTable::LoadClock(StateReader& in) {
  uint64_t hand = in.GetU64();
  uint64_t evictions = in.GetU64();
  uint64_t saved_size = in.GetU64();
  std::string_view bits = in.GetString();
  const size_t bytes = (entries_.size() + 7) / 8;
  const size_t sets = bytes == 0 ? 1 : bits.size() / bytes;
  bool fits = saved_size == size() && bits.size() == sets * bytes &&
              sets >= 1 && sets <= kBitSets && (hand < size() || hand == 0);
  if (!fits) in.Fail();
  if (!in.status().ok()) return;
  hand_ = static_cast<EntityId>(hand);
  evictions_ = evictions;
  sizes_ = {};
  for (size_t i = 0; i < entries_.size(); ++i) {
    auto is_set = [&](size_t bit_set) {
      return bit_set < sets &&
             (bits[bit_set * bytes + i / 8] >> (i % 8) & 1) != 0;
    };
    const Standing standing = is_set(1)   ? Standing::kGuest
                              : is_set(2) ? Standing::kPerson
                                          : Standing::kRegular;
    entries_[i].marks = (is_set(0) ? kUsed : 0) | MarksOf(standing) |
                        (is_set(3) ? kTurn : 0) | (is_set(4) ? 2 * kTurn : 0) |
                        (is_set(5) ? 4 * kTurn : 0);
    ++SizeOf(standing);
  }
}

}  // namespace oddverb
