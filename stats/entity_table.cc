#include "stats/entity_table.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <string>
#include <string_view>

#include "base/state_io.h"

namespace oddverb {
namespace {

constexpr size_t kFirstSlots = 16;
// In hundredths. By a quarter at a time a table that grows has 5 to 6 bytes of
// slots an entity; doubled, it would have 5 to 10.
constexpr size_t kMostLoad = 85, kGrowth = 125;
constexpr uint8_t kUsed = 1;
constexpr uint8_t kStandingShift = 1;
constexpr uint8_t kStandingMask = 3u << kStandingShift;
constexpr uint8_t kTurn = 8;  // one of those that a suspect has left
constexpr uint8_t kTurnsMask = 7 * kTurn;
constexpr size_t kBitSets = 6;  // of SaveClock()

uint8_t MarksOf(Standing standing) {
  return static_cast<uint8_t>(static_cast<uint32_t>(standing)
                              << kStandingShift);
}
Standing StandingIn(uint8_t marks) {
  return static_cast<Standing>((marks & kStandingMask) >> kStandingShift);
}

// Fibonacci hashing: spreads keys that are not hashes, and costs a multiply.
uint32_t HashOf(uint64_t key) {
  uint64_t mixed = key * 0x9e3779b97f4a7c15;
  return static_cast<uint32_t>(mixed >> 32 ^ mixed);
}

}  // namespace

EntityTable::EntityTable(uint32_t max_entities)
    : max_entities_(max_entities),
      id_bits_(static_cast<uint32_t>(std::bit_width(max_entities))),
      slots_(kFirstSlots, kEmpty) {
  assert(max_entities > 0 && max_entities < uint32_t{1} << 31);
  const uint32_t guests = std::max<uint32_t>(1, max_entities / 4);
  const uint32_t people = max_entities / 4;
  shares_[static_cast<size_t>(Standing::kGuest)] = guests;
  shares_[static_cast<size_t>(Standing::kPerson)] = people;
  shares_[static_cast<size_t>(Standing::kRegular)] =
      max_entities - guests - people;
}

void EntityTable::PrefetchSlot(uint64_t key) const {
  const uint32_t hash = HashOf(key);
  if (!IsRecent(hash)) PrefetchLine(&slots_[HomeOf(hash)]);
}

EntityId EntityTable::Guess(uint64_t key) const {
  const uint32_t hash = HashOf(key);
  if (IsRecent(hash)) return RecentOf(hash).id;
  size_t slot = HomeOf(hash);
  while (slots_[slot] != kEmpty && !MayBeOf(hash, slots_[slot])) {
    slot = After(slot);
  }
  return slots_[slot] == kEmpty ? kNoEntity : IdIn(slots_[slot]);
}

size_t EntityTable::SlotFor(uint64_t key, uint32_t hash) const {
  size_t slot = HomeOf(hash);
  while (slots_[slot] != kEmpty &&
         (!MayBeOf(hash, slots_[slot]) || KeyOf(IdIn(slots_[slot])) != key)) {
    slot = After(slot);
  }
  return slot;
}

EntityTable::Lookup EntityTable::FindOrAdd(uint64_t key, Standing standing) {
  const uint32_t hash = HashOf(key);
  EntityId id = IsRecent(hash) ? RecentOf(hash).id : kNoEntity;
  if (id == kNoEntity || KeyOf(id) != key) {
    const Slot slot = slots_[SlotFor(key, hash)];
    if (slot == kEmpty) return Add(key, standing);
    id = IdIn(slot);
    NoteRecent(hash, id);
  }
  uint8_t& marks = marks_[id];
  if (StandingIn(marks) != standing && standing != Standing::kGuest) {
    SetStanding(id, standing);
  }
  marks |= kUsed;
  return {.id = id};
}

void EntityTable::SetStanding(EntityId id, Standing standing) {
  uint8_t& marks = marks_[id];
  --SizeOf(StandingIn(marks));
  ++SizeOf(standing);
  marks = static_cast<uint8_t>((marks & ~kStandingMask) | MarksOf(standing));
}

void EntityTable::MarkSuspect(EntityId id) { marks_[id] |= kTurnsMask; }

EntityTable::Lookup EntityTable::Add(uint64_t key, Standing standing) {
  const bool too_many_guests =
      standing == Standing::kGuest && size_of(standing) >= ShareOf(standing);
  Lookup result{.id = size(), .is_new = true};
  if (size() < max_entities_ && !too_many_guests) {
    if ((keys_.size() + 1) * 100 > slots_.size() * kMostLoad) Grow();
    keys_.emplace_back();
    marks_.emplace_back();
  } else {
    result.id = Evict(standing);
    result.is_reused = true;
    result.forgotten_key = KeyOf(result.id);
  }
  // A new entity starts without a second chance: the hand has just passed or
  // will take a while to come, and a flood of keys that are seen once then
  // drives out itself before it drives out those that keep coming.
  keys_[result.id] = key;
  marks_[result.id] = MarksOf(standing);
  ++SizeOf(standing);
  const uint32_t hash = HashOf(key);
  slots_[SlotFor(key, hash)] = SlotOf(hash, result.id);
  NoteRecent(hash, result.id);
  return result;
}

EntityId EntityTable::Find(uint64_t key) const {
  const Slot slot = slots_[SlotFor(key, HashOf(key))];
  return slot == kEmpty ? kNoEntity : IdIn(slot);
}

void EntityTable::Grow() {
  const size_t slots = slots_.size() * kGrowth / 100;
  std::vector<Slot>().swap(slots_);  // not both at a time
  slots_.assign(slots, kEmpty);
  if (slots >= kSlotsOfLarge) recent_.resize(kRecent);
  for (EntityId id = 0; id < size(); ++id) {
    const uint32_t hash = HashOf(KeyOf(id));
    size_t to = HomeOf(hash);
    while (slots_[to] != kEmpty) to = After(to);
    slots_[to] = SlotOf(hash, id);
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
    uint8_t& marks = marks_[hand_];
    if (MayGo(StandingIn(marks), standing)) {
      if ((marks & kUsed) != 0) {
        marks = static_cast<uint8_t>(marks & ~kUsed);
      } else if ((marks & kTurnsMask) != 0) {
        marks = static_cast<uint8_t>(marks - kTurn);
      } else {
        break;
      }
    }
    advance();
  }
  EntityId victim = hand_;
  advance();
  --SizeOf(StandingIn(marks_[victim]));
  Erase(KeyOf(victim));
  ++evictions_;
  return victim;
}

// Backward shift: moves up what a search would no longer reach over the hole,
// so that no tombstones pile up.
void EntityTable::Erase(uint64_t key) {
  auto distance = [this](size_t from, size_t to) {
    return to >= from ? to - from : to + slots_.size() - from;
  };
  size_t hole = SlotFor(key, HashOf(key));
  for (size_t next = After(hole); slots_[next] != kEmpty; next = After(next)) {
    const size_t home = HomeOf(HashOf(KeyOf(IdIn(slots_[next]))));
    if (distance(home, next) < distance(hole, next)) continue;
    slots_[hole] = slots_[next];
    hole = next;
  }
  slots_[hole] = kEmpty;
}

// Six bit sets: what was used, the guests, the people, the three bits of the
// turns. Before there were these, the first one, two or three were written.
void EntityTable::SaveClock(StateWriter& out) const {
  out.PutU64(hand_);
  out.PutU64(evictions_);
  out.PutU64(size());
  const size_t bytes = (keys_.size() + 7) / 8;
  std::string bits(kBitSets * bytes, '\0');
  for (size_t i = 0; i < marks_.size(); ++i) {
    const uint8_t marks = marks_[i];
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
  const size_t bytes = (keys_.size() + 7) / 8;
  const size_t sets = bytes == 0 ? 1 : bits.size() / bytes;
  bool fits = saved_size == size() && bits.size() == sets * bytes &&
              sets >= 1 && sets <= kBitSets && (hand < size() || hand == 0);
  if (!fits) in.Fail();
  if (!in.status().ok()) return;
  hand_ = static_cast<EntityId>(hand);
  evictions_ = evictions;
  sizes_ = {};
  for (size_t i = 0; i < marks_.size(); ++i) {
    auto is_set = [&](size_t bit_set) {
      return bit_set < sets &&
             (bits[bit_set * bytes + i / 8] >> (i % 8) & 1) != 0;
    };
    const Standing standing = is_set(1)   ? Standing::kGuest
                              : is_set(2) ? Standing::kPerson
                                          : Standing::kRegular;
    marks_[i] = static_cast<uint8_t>(
        (is_set(0) ? kUsed : 0) | MarksOf(standing) | (is_set(3) ? kTurn : 0) |
        (is_set(4) ? 2 * kTurn : 0) | (is_set(5) ? 4 * kTurn : 0));
    ++SizeOf(standing);
  }
}

}  // namespace oddverb
