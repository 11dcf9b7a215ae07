#include "stats/fingerprint_set.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>
#include <vector>

#include "base/state_io.h"

namespace oddverb {
namespace {

using Table = std::span<uint32_t>;

// The slot that holds `fingerprint`, or the empty one where it would go.
// REQUIRES: `table` has an empty slot.
size_t SlotFor(Table table, uint32_t fingerprint) {
  size_t mask = table.size() - 1;
  size_t slot = fingerprint & mask;
  while (table[slot] != 0 && table[slot] != fingerprint) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

// Backward shift, see EntityTable::Erase.
// REQUIRES: `fingerprint` is a member.
void Erase(Table table, uint32_t fingerprint) {
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

// What the first number of saved state says; before, it was whether the set is
// saturated.
constexpr uint64_t kWasSaturated = 1, kSizeInHead = 2, kHasOld = 4;
constexpr int kYoungSizeShift = 3;

// What the first number of a set that rests says: it has no member, one of the
// last hashes, one that follows, or many; then there are flags and a size.
constexpr uint64_t kRestsEmpty = 0, kRestsAgo = 1,
                   kRestsOne = kRestsAgo + RestHashes::kMany,
                   kRestsMany = kRestsOne + 1;
constexpr uint64_t kRestsSaturated = 1, kRestsOld = 2;
constexpr int kRestsSizeShift = 2;

// That a set gets which has so many members inserted one by one.
uint32_t SlotsWith(uint64_t members) {
  uint64_t slots = FingerprintSet::kFewestSlots;
  while (members * 3 > slots * 2) slots *= 2;
  return static_cast<uint32_t>(slots);
}

}  // namespace

bool FingerprintSet::Holds(Generation which, uint32_t fingerprint) const {
  if (holds_one()) return which == kYoung && the_one() == fingerprint;
  const Table table = TableOf(which);
  return !table.empty() && table[SlotFor(table, fingerprint)] != 0;
}

FingerprintSet FingerprintSet::WithSlots(uint32_t young, uint32_t old) {
  FingerprintSet made;
  uint32_t* const block = new uint32_t[size_t{kHeadWords} + young + old]();
  made.word_ = reinterpret_cast<uintptr_t>(block);
  auto log = [](uint32_t slots) {
    return slots == 0 ? 0 : static_cast<uint32_t>(std::countr_zero(slots));
  };
  block[kYoung] = log(young) << kSlotsShift;
  block[kOld] = log(old) << kSlotsShift;
  return made;
}

void FingerprintSet::MoveToBlock() {
  const uint32_t member = the_one();
  *this = WithSlots(kFewestSlots, 0);
  Insert(kYoung, member);
}

void FingerprintSet::Insert(Generation which, uint32_t fingerprint) {
  if (word_ == 0 && which == kYoung) {
    word_ = WordOf(fingerprint);
    return;
  }
  if (holds_one()) MoveToBlock();
  if ((SizeOf(which) + uint64_t{1}) * 3 > uint64_t{SlotsOf(which)} * 2) {
    Grow(which);
  }
  const Table table = TableOf(which);
  table[SlotFor(table, fingerprint)] = fingerprint;
  ++block()[which];
}

void FingerprintSet::Grow(Generation which) {
  const uint32_t slots = std::max(kFewestSlots, SlotsOf(which) * 2);
  FingerprintSet grown = which == kYoung ? WithSlots(slots, SlotsOf(kOld))
                                         : WithSlots(SlotsOf(kYoung), slots);
  for (Generation each : {kYoung, kOld}) {
    const Table table = grown.TableOf(each);
    for (uint32_t member : TableOf(each)) {
      if (member != 0) table[SlotFor(table, member)] = member;
    }
    grown.block()[each] += SizeOf(each);
  }
  if (saturated()) grown.block()[kYoung] |= kSaturated;
  *this = std::move(grown);
}

void FingerprintSet::SetSaturated() {
  if (holds_one()) MoveToBlock();
  if (word_ == 0) *this = WithSlots(0, 0);
  block()[kYoung] |= kSaturated;
}

// The young one is the old one from now on.
void FingerprintSet::BeginGeneration() {
  if (holds_one()) MoveToBlock();
  FingerprintSet begun = WithSlots(SlotsOf(kOld), SlotsOf(kYoung));
  const Table young = TableOf(kYoung);
  std::copy(young.begin(), young.end(), begun.TableOf(kOld).begin());
  begun.block()[kOld] += SizeOf(kYoung);
  if (saturated() || SizeOf(kOld) > 0) begun.block()[kYoung] |= kSaturated;
  *this = std::move(begun);
}

bool FingerprintSet::Add(uint64_t hash, uint32_t capacity) {
  uint32_t fingerprint = FingerprintOf(hash);
  if (Holds(kYoung, fingerprint)) return false;
  bool was_old = Holds(kOld, fingerprint);
  if (was_old) {
    Erase(TableOf(kOld), fingerprint);
    --block()[kOld];
  }
  if (SizeOf(kYoung) >= capacity) BeginGeneration();
  Insert(kYoung, fingerprint);
  return !was_old;
}

bool FingerprintSet::Contains(uint64_t hash) const {
  uint32_t fingerprint = FingerprintOf(hash);
  return Holds(kYoung, fingerprint) || Holds(kOld, fingerprint);
}

void FingerprintSet::Remove(uint64_t hash) {
  const uint32_t fingerprint = FingerprintOf(hash);
  if (holds_one()) {
    if (the_one() == fingerprint) Clear();
    return;
  }
  for (Generation each : {kYoung, kOld}) {
    if (!Holds(each, fingerprint)) continue;
    Erase(TableOf(each), fingerprint);
    --block()[each];
  }
}

void FingerprintSet::Clear() { *this = FingerprintSet(); }

std::vector<uint32_t> FingerprintSet::MembersOf(Generation which) const {
  if (holds_one()) return std::vector<uint32_t>(SizeOf(which), the_one());
  std::vector<uint32_t> members;
  const Table table = TableOf(which);
  std::copy_if(table.begin(), table.end(), std::back_inserter(members),
               [](uint32_t member) { return member != 0; });
  return members;
}

void FingerprintSet::SaveTable(Generation which, StateWriter& out) const {
  std::vector<uint32_t> members = MembersOf(which);
  std::sort(members.begin(), members.end());
  uint32_t previous = 0;
  for (uint32_t member : members) {
    if (members.size() < kFewestDifferences) {
      out.PutFixed32(member);
    } else {
      out.PutU64(member - previous);
    }
    previous = member;
  }
}

// `size` members, as SaveTable() wrote them or, before, always by differences.
void FingerprintSet::LoadTable(Generation which, uint64_t size, bool has_words,
                               StateReader& in) {
  if (size > kMaxCapacity) return in.Fail();
  uint64_t member = 0;
  for (uint64_t i = 0; i < size; ++i) {
    uint64_t step = 0;
    if (has_words && size < kFewestDifferences) {
      const uint32_t next = in.GetFixed32();
      if (next > member) step = next - member;
    } else {
      step = in.GetU64();
    }
    if (step == 0 || step > UINT32_MAX - member) return in.Fail();
    member += step;
    Insert(which, static_cast<uint32_t>(member));
  }
}

void FingerprintSet::SaveResting(StateWriter& out) const {
  const bool has_old = SizeOf(kOld) > 0;
  if (SizeOf(kYoung) == 1 && !has_old && !saturated()) {
    const uint32_t member = holds_one() ? the_one() : MembersOf(kYoung).front();
    const size_t ago = out.hashes().AgoOf(member);
    out.PutU64(ago == 0 ? kRestsOne : kRestsAgo + ago - 1);
    if (ago == 0) out.PutFixed32(member);
    out.hashes().Note(member);
    return;
  }
  if (word_ == 0) return out.PutU64(kRestsEmpty);
  out.PutU64(kRestsMany + (saturated() ? kRestsSaturated : 0) +
             (has_old ? kRestsOld : 0) +
             (uint64_t{SizeOf(kYoung)} << kRestsSizeShift));
  SaveRestingTable(kYoung, out);
  if (!has_old) return;
  out.PutU64(SizeOf(kOld));
  SaveRestingTable(kOld, out);
}

// Few as they stand, as their order need not be the same each time.
void FingerprintSet::SaveRestingTable(Generation which,
                                      StateWriter& out) const {
  if (SizeOf(which) >= kFewestDifferences) return SaveTable(which, out);
  for (uint32_t member : TableOf(which)) {
    if (member != 0) out.PutFixed32(member);
  }
}

void FingerprintSet::LoadRestingTable(Generation which, uint64_t size,
                                      StateReader& in) {
  if (size >= kFewestDifferences) {
    return LoadTable(which, size, /*has_words=*/true, in);
  }
  for (uint64_t i = 0; i < size; ++i) {
    const uint32_t member = in.GetFixed32();
    if (member == 0 || Holds(which, member)) return in.Fail();
    Insert(which, member);
  }
}

void FingerprintSet::LoadResting(StateReader& in) {
  *this = FingerprintSet();
  const uint64_t head = in.GetU64();
  if (head == kRestsEmpty) return;
  if (head < kRestsMany) {
    const uint32_t member = head == kRestsOne
                                ? in.GetFixed32()
                                : in.hashes().Ago(head - kRestsAgo + 1);
    if (member == 0) return in.Fail();
    in.hashes().Note(member);
    Insert(kYoung, member);
    return;
  }
  const uint64_t said = head - kRestsMany;
  const uint64_t young = said >> kRestsSizeShift;
  if (young > kMaxCapacity) return in.Fail();
  if (young > 0) *this = WithSlots(SlotsWith(young), 0);
  LoadRestingTable(kYoung, young, in);
  if ((said & kRestsOld) != 0) LoadRestingTable(kOld, in.GetCount(1), in);
  if ((said & kRestsSaturated) != 0) SetSaturated();
}

void FingerprintSet::Save(StateWriter& out) const {
  if (out.rests()) return SaveResting(out);
  const bool has_old = SizeOf(kOld) > 0;
  out.PutU64((saturated() ? kWasSaturated : 0) | kSizeInHead |
             (has_old ? kHasOld : 0) |
             uint64_t{SizeOf(kYoung)} << kYoungSizeShift);
  SaveTable(kYoung, out);
  if (!has_old) return;
  out.PutU64(SizeOf(kOld));
  SaveTable(kOld, out);
}

void FingerprintSet::Load(StateReader& in) {
  if (in.rests()) return LoadResting(in);
  FingerprintSet loaded;
  const uint64_t head = in.GetU64();
  const bool has_words = (head & kSizeInHead) != 0;
  const bool was_saturated = (head & kWasSaturated) != 0;
  if (!has_words && head > kWasSaturated) in.Fail();
  // Each member takes a byte at least.
  const uint64_t young = has_words ? head >> kYoungSizeShift : in.GetCount(1);
  loaded.LoadTable(kYoung, young, has_words, in);
  const bool has_old = !has_words || (head & kHasOld) != 0;
  const uint64_t old = has_old ? in.GetCount(1) : 0;
  loaded.LoadTable(kOld, old, has_words, in);
  const Table members = loaded.TableOf(kOld);
  bool overlaps =
      std::any_of(members.begin(), members.end(), [&](uint32_t member) {
        return member != 0 && loaded.Holds(kYoung, member);
      });
  if (overlaps) in.Fail();
  if (!in.status().ok()) loaded = FingerprintSet();
  if (was_saturated && in.status().ok()) loaded.SetSaturated();
  *this = std::move(loaded);
}

}  // namespace oddverb
