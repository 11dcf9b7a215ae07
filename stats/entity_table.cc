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
constexpr uint32_t kGuestMark = 2;

// Fibonacci hashing: spreads keys that are not hashes, and costs a multiply.
// Tables have at most 2^32 slots.
uint32_t HashOf(uint64_t key) {
  uint64_t mixed = key * 0x9e3779b97f4a7c15;
  return static_cast<uint32_t>(mixed >> 32 ^ mixed);
}

}  // namespace

EntityTable::EntityTable(uint32_t max_entities)
    : max_entities_(max_entities),
      max_guests_(std::max<uint32_t>(1, max_entities / 4)),
      slots_(kFirstSlots) {
  assert(max_entities > 0 && max_entities < uint32_t{1} << 31);
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
  if (standing == Standing::kRegular && (marks & kGuestMark) != 0) {
    marks = 0;
    --guests_;
  }
  marks |= kUsed;
  return {.id = id};
}

EntityTable::Lookup EntityTable::Add(uint64_t key, Standing standing) {
  bool is_guest = standing == Standing::kGuest;
  bool too_many_guests = is_guest && guests_ >= max_guests_;
  Lookup result{.id = size(), .is_new = true};
  if (size() < max_entities_ && !too_many_guests) {
    entries_.emplace_back();
    if (entries_.size() * 3 > slots_.size() * 2) Grow();
  } else {
    result.id = Evict(too_many_guests);
    result.is_reused = true;
  }
  // A new entity starts without a second chance: the hand has just passed or
  // will take a while to come, and a flood of keys that are seen once then
  // drives out itself before it drives out those that keep coming.
  entries_[result.id] = {.low = static_cast<uint32_t>(key),
                         .high = static_cast<uint32_t>(key >> 32),
                         .marks = is_guest ? kGuestMark : 0};
  if (is_guest) ++guests_;
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

// Passes over the others without taking their second chance from them, if only
// guests may go. They are a quarter of all then, so that the way is short.
// REQUIRES: there is one.
EntityId EntityTable::Evict(bool only_guests) {
  auto advance = [this] { hand_ = hand_ + 1 == size() ? 0 : hand_ + 1; };
  while (true) {
    uint32_t& marks = entries_[hand_].marks;
    bool may_go = !only_guests || (marks & kGuestMark) != 0;
    if (may_go && (marks & kUsed) == 0) break;
    if (may_go) marks &= ~kUsed;
    advance();
  }
  EntityId victim = hand_;
  advance();
  if ((entries_[victim].marks & kGuestMark) != 0) --guests_;
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

// Two bit sets: what was used, then the guests. Before there were guests, the
// first alone was written.
void EntityTable::SaveClock(StateWriter& out) const {
  out.PutU64(hand_);
  out.PutU64(evictions_);
  out.PutU64(size());
  const size_t bytes = (entries_.size() + 7) / 8;
  std::string bits(2 * bytes, '\0');
  for (size_t i = 0; i < entries_.size(); ++i) {
    const uint32_t marks = entries_[i].marks;
    bool used = (marks & kUsed) != 0, guest = (marks & kGuestMark) != 0;
    char& of_used = bits[i / 8];
    char& of_guests = bits[bytes + i / 8];
    of_used = static_cast<char>(of_used | used << (i % 8));
    of_guests = static_cast<char>(of_guests | guest << (i % 8));
  }
  out.PutString(bits);
}

void EntityTable::LoadClock(StateReader& in) {
  uint64_t hand = in.GetU64();
  uint64_t evictions = in.GetU64();
  uint64_t saved_size = in.GetU64();
  std::string_view bits = in.GetString();
  const size_t bytes = (entries_.size() + 7) / 8;
  bool fits = saved_size == size() &&
              (bits.size() == bytes || bits.size() == 2 * bytes) &&
              (hand < size() || hand == 0);
  if (!fits) in.Fail();
  if (!in.status().ok()) return;
  hand_ = static_cast<EntityId>(hand);
  evictions_ = evictions;
  guests_ = 0;
  const bool has_guests = bits.size() == 2 * bytes;
  for (size_t i = 0; i < entries_.size(); ++i) {
    uint32_t& marks = entries_[i].marks;
    marks = (bits[i / 8] >> (i % 8) & 1) != 0 ? kUsed : 0;
    if (has_guests && (bits[bytes + i / 8] >> (i % 8) & 1) != 0) {
      marks |= kGuestMark;
      ++guests_;
    }
  }
}

}  // namespace oddverb
