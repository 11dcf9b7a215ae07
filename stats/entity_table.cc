#include "stats/entity_table.h"

#include <cassert>
#include <string>
#include <string_view>

#include "base/state_io.h"

namespace oddverb {
namespace {

constexpr size_t kFirstSlots = 16;

// Fibonacci hashing: spreads keys that are not hashes, and costs a multiply.
size_t Home(uint64_t key, size_t mask) {
  uint64_t mixed = key * 0x9e3779b97f4a7c15;
  return static_cast<size_t>(mixed >> 32 ^ mixed) & mask;
}

}  // namespace

EntityTable::EntityTable(uint32_t max_entities)
    : max_entities_(max_entities), slots_(kFirstSlots) {
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

EntityTable::Lookup EntityTable::FindOrAdd(uint64_t key) {
  size_t slot = SlotFor(key);
  if (EntityId id = slots_[slot].id; id != kNoEntity) {
    used_[id] = 1;
    return {.id = id};
  }
  Lookup result{.id = size(), .is_new = true};
  // A new entity starts without a second chance: the hand has just passed or
  // will take a while to come, and a flood of keys that are seen once then
  // drives out itself before it drives out those that keep coming.
  if (size() < max_entities_) {
    keys_.push_back(key);
    used_.push_back(0);
    if (keys_.size() * 3 > slots_.size() * 2) Grow();
  } else {
    result.id = Evict();
    result.is_reused = true;
    keys_[result.id] = key;
    used_[result.id] = 0;
  }
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

EntityId EntityTable::Evict() {
  auto advance = [this] { hand_ = hand_ + 1 == size() ? 0 : hand_ + 1; };
  while (used_[hand_] != 0) {
    used_[hand_] = 0;
    advance();
  }
  EntityId victim = hand_;
  advance();
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

void EntityTable::SaveClock(StateWriter& out) const {
  out.PutU64(hand_);
  out.PutU64(evictions_);
  out.PutU64(size());
  std::string bits((used_.size() + 7) / 8, '\0');
  for (size_t i = 0; i < used_.size(); ++i) {
    bits[i / 8] = static_cast<char>(bits[i / 8] | used_[i] << (i % 8));
  }
  out.PutString(bits);
}

void EntityTable::LoadClock(StateReader& in) {
  uint64_t hand = in.GetU64();
  uint64_t evictions = in.GetU64();
  uint64_t saved_size = in.GetU64();
  std::string_view bits = in.GetString();
  bool fits = saved_size == size() && bits.size() == (used_.size() + 7) / 8 &&
              (hand < size() || hand == 0);
  if (!fits) in.Fail();
  if (!in.status().ok()) return;
  hand_ = static_cast<EntityId>(hand);
  evictions_ = evictions;
  for (size_t i = 0; i < used_.size(); ++i) {
    used_[i] = bits[i / 8] >> (i % 8) & 1;
  }
}

}  // namespace oddverb
