#include "stats/fingerprint_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/state_io.h"

namespace oddverb {
namespace {

using Table = std::vector<uint32_t>;

// The slot that holds `fingerprint`, or the empty one where it would go.
// REQUIRES: `table` has an empty slot.
size_t SlotFor(const Table& table, uint32_t fingerprint) {
  size_t mask = table.size() - 1;
  size_t slot = fingerprint & mask;
  while (table[slot] != 0 && table[slot] != fingerprint) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

bool Holds(const Table& table, uint32_t fingerprint) {
  return !table.empty() && table[SlotFor(table, fingerprint)] != 0;
}

// REQUIRES: `table` has `size` members, and `fingerprint` is none of them.
void Insert(Table& table, uint32_t size, uint32_t fingerprint) {
  if ((size + size_t{1}) * 3 > table.size() * 2) {
    Table grown(std::max(FingerprintSet::kFewestSlots, table.size() * 2));
    for (uint32_t member : table) {
      if (member != 0) grown[SlotFor(grown, member)] = member;
    }
    table.swap(grown);
  }
  table[SlotFor(table, fingerprint)] = fingerprint;
}

// Backward shift, see EntityTable::Erase.
// REQUIRES: `fingerprint` is a member.
void Erase(Table& table, uint32_t fingerprint) {
  size_t mask = table.size() - 1;
  size_t hole = SlotFor(table, fingerprint);
  for (size_t next = (hole + 1) & mask; table[next] != 0;
       next = (next + 1) & mask) {
    size_t from_home = (next - table[next]) & mask;
    size_t from_hole = (next - hole) & mask;
    if (from_home < from_hole) continue;
    table[hole] = table[next];
    hole = next;
  }
  table[hole] = 0;
}

// Sorted, as differences: the bytes depend on the members only, and are short.
// Members of fewer are so far apart that their differences take five bytes.
constexpr size_t kFewestDifferences = 16;

void SaveTable(const Table& table, size_t size, StateWriter& out) {
  Table members;
  std::copy_if(table.begin(), table.end(), std::back_inserter(members),
               [](uint32_t member) { return member != 0; });
  std::sort(members.begin(), members.end());
  uint32_t previous = 0;
  for (uint32_t member : members) {
    if (size < kFewestDifferences) {
      out.PutFixed32(member);
    } else {
      out.PutU64(member - previous);
    }
    previous = member;
  }
}

// `size` members, as SaveTable() wrote them or, before, always by differences.
uint32_t LoadTable(StateReader& in, uint64_t size, bool has_words,
                   Table& table) {
  uint64_t member = 0;
  for (uint64_t i = 0; i < size; ++i) {
    uint64_t step = 0;
    if (has_words && size < kFewestDifferences) {
      const uint32_t next = in.GetFixed32();
      if (next > member) step = next - member;
    } else {
      step = in.GetU64();
    }
    if (step == 0 || step > UINT32_MAX - member) {
      in.Fail();
      return 0;
    }
    member += step;
    Insert(table, static_cast<uint32_t>(i), static_cast<uint32_t>(member));
  }
  return static_cast<uint32_t>(size);
}

}  // namespace

bool FingerprintSet::Add(uint64_t hash, uint32_t capacity) {
  uint32_t fingerprint = FingerprintOf(hash);
  if (Holds(young_, fingerprint)) return false;
  bool was_old = Holds(old_, fingerprint);
  if (was_old) {
    Erase(old_, fingerprint);
    --old_size_;
  }
  if (young_size_ >= capacity) {
    if (old_size_ > 0) saturated_ = true;
    old_.swap(young_);
    old_size_ = young_size_;
    std::fill(young_.begin(), young_.end(), 0);
    young_size_ = 0;
  }
  Insert(young_, young_size_, fingerprint);
  ++young_size_;
  return !was_old;
}

bool FingerprintSet::Contains(uint64_t hash) const {
  uint32_t fingerprint = FingerprintOf(hash);
  return Holds(young_, fingerprint) || Holds(old_, fingerprint);
}

bool FingerprintSet::HoldsYoung(uint32_t fingerprint) const {
  return Holds(young_, fingerprint);
}

uint32_t FingerprintSet::size() const { return young_size_ + old_size_; }

void FingerprintSet::Clear() { *this = FingerprintSet(); }

namespace {

// What the first number says; before, it was whether the set is saturated.
constexpr uint64_t kSaturated = 1, kSizeInHead = 2, kHasOld = 4;
constexpr int kYoungSizeShift = 3;

}  // namespace

void FingerprintSet::Save(StateWriter& out) const {
  out.PutU64((saturated_ ? kSaturated : 0) | kSizeInHead |
             (old_size_ > 0 ? kHasOld : 0) |
             uint64_t{young_size_} << kYoungSizeShift);
  SaveTable(young_, young_size_, out);
  if (old_size_ == 0) return;
  out.PutU64(old_size_);
  SaveTable(old_, old_size_, out);
}

void FingerprintSet::Load(StateReader& in) {
  FingerprintSet loaded;
  const uint64_t head = in.GetU64();
  const bool has_words = (head & kSizeInHead) != 0;
  loaded.saturated_ = (head & kSaturated) != 0;
  if (!has_words && head > kSaturated) in.Fail();
  // Each member takes a byte at least.
  const uint64_t young = has_words ? head >> kYoungSizeShift : in.GetCount(1);
  loaded.young_size_ = LoadTable(in, young, has_words, loaded.young_);
  const bool has_old = !has_words || (head & kHasOld) != 0;
  const uint64_t old = has_old ? in.GetCount(1) : 0;
  loaded.old_size_ = LoadTable(in, old, has_words, loaded.old_);
  bool overlaps =
      std::any_of(loaded.old_.begin(), loaded.old_.end(), [&](uint32_t member) {
        return member != 0 && Holds(loaded.young_, member);
      });
  if (overlaps) in.Fail();
  *this = in.status().ok() ? std::move(loaded) : FingerprintSet();
}

}  // namespace oddverb
