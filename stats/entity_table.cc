#include "stats/entity_table.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <string_view>

#include "base/state_io.h"

namespace oddverb {
namespace {

constexpr size_t kFirstSlots = 16;
constexpr uint8_t kUsed = 1;
constexpr uint8_t kGuestMark = 2;

// Fibonacci hashing: spreads keys that are not hashes, and costs a multiply.
size_t Home(uint64_t key, size_t mask) {
  uint64_t mixed = key * 0x9e3779b97f4a7c15;
  return static_cast<size_t>(mixed >> 32 ^ mixed) & mask;
}

}  // namespace

EntityTable::EntityTable(uint32_t max_entities)
    : max_entities_(max_entities),
      max_guests_(std::max<uint32_t>(1, max_entities / 4)),
      slots_(kFirstSlots) {
  assert(max_entities > 0 && max_entities < uint32_t{1} << 31);
}

void EntityTable::Prefetch(uint64_t key) const {
  __builtin_prefetch(&slots_[Home(key, slots_.size() - 1)]);
}

size_t EntityTable::SlotFor(uint64_t key) const {
  size_t mask = slots_.size() - 1;
  size_t slot = Home(key, mask);
  // An id, not a key, says that a slot is taken: every key is possible.
  while (slots_[slot].id != kNoEntity && slots_[slot].key != key) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

EntityTable::Lookup EntityTable::FindOrAdd(uint64_t key, Standing standing) {
  EntityId id = slots_[SlotFor(key)].id;
  if (id == kNoEntity) return Add(key, standing);
  if (standing == Standing::kRegular && (marks_[id] & kGuestMark) != 0) {
    marks_[id] = 0;
    --guests_;
  }
  marks_[id] |= kUsed;
  return {.id = id};
}

EntityTable::Lookup EntityTable::Add(uint64_t key, Standing standing) {
  bool is_guest = standing == Standing::kGuest;
  bool too_many_guests = is_guest && guests_ >= max_guests_;
  Lookup result{.id = size(), .is_new = true};
  if (size() < max_entities_ && !too_many_guests) {
    keys_.push_back(key);
    marks_.push_back(0);
    if (keys_.size() * 3 > slots_.size() * 2) Grow();
  } else {
    result.id = Evict(too_many_guests);
    result.is_reused = true;
    keys_[result.id] = key;
  }
  // A new entity starts without a second chance: the hand has just passed or
  // will take a while to come, and a flood of keys that are seen once then
  // drives out itself before it drives out those that keep coming.
  marks_[result.id] = is_guest ? kGuestMark : 0;
  if (is_guest) ++guests_;
  slots_[SlotFor(key)] = {key, result.id};
  return result;
}

EntityId EntityTable::Find(uint64_t key) const {
  return slots_[SlotFor(key)].id;
}

void EntityTable::Grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id != kNoEntity) slots_[SlotFor(slot.key)] = slot;
  }
}

// Passes over the others without taking their second chance from them, if only
// guests may go. They are a quarter of all then, so that the way is short.
// REQUIRES: there is one.
EntityId EntityTable::Evict(bool only_guests) {
  auto advance = [this] { hand_ = hand_ + 1 == size() ? 0 : hand_ + 1; };
  while (true) {
    uint8_t& marks = marks_[hand_];
    bool may_go = !only_guests || (marks & kGuestMark) != 0;
    if (may_go && (marks & kUsed) == 0) break;
    if (may_go) marks = static_cast<uint8_t>(marks & ~kUsed);
    advance();
  }
  EntityId victim = hand_;
  advance();
  if ((marks_[victim] & kGuestMark) != 0) --guests_;
  Erase(keys_[victim]);
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
    size_t from_home = (next - Home(slots_[next].key, mask)) & mask;
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
  const size_t bytes = (marks_.size() + 7) / 8;
  std::string bits(2 * bytes, '\0');
  for (size_t i = 0; i < marks_.size(); ++i) {
    bool used = (marks_[i] & kUsed) != 0, guest = (marks_[i] & kGuestMark) != 0;
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
  const size_t bytes = (marks_.size() + 7) / 8;
  bool fits = saved_size == size() &&
              (bits.size() == bytes || bits.size() == 2 * bytes) &&
              (hand < size() || hand == 0);
  if (!fits) in.Fail();
  if (!in.status().ok()) return;
  hand_ = static_cast<EntityId>(hand);
  evictions_ = evictions;
  guests_ = 0;
  const bool has_guests = bits.size() == 2 * bytes;
  for (size_t i = 0; i < marks_.size(); ++i) {
    marks_[i] = (bits[i / 8] >> (i % 8) & 1) != 0 ? kUsed : 0;
    if (has_guests && (bits[bytes + i / 8] >> (i % 8) & 1) != 0) {
      marks_[i] |= kGuestMark;
      ++guests_;
    }
  }
}

}  // namespace oddverb
