#include "stats/tombstone_table.h"

#include <algorithm>
#include <iterator>

#include "base/state_io.h"

namespace oddverb {
namespace {

// Not the bits that say which set it is: those are the low ones.
uint32_t MarkOf(uint64_t key) { return static_cast<uint32_t>(key >> 32) | 1; }

}  // namespace

void TombstoneTable::Put(uint64_t key, const Remains& remains) {
  if (stones_.empty()) stones_.resize(sets_ * kSetSize);
  Stone* set = SetOf(key);
  Stone* end = set + kSetSize;
  Stone* place = std::find_if(
      set, end, [](const Stone& stone) { return stone.mark == 0; });
  if (place == end) {
    // Of several the oldest, which is the last.
    place = std::min_element(std::make_reverse_iterator(end),
                             std::make_reverse_iterator(set),
                             [](const Stone& a, const Stone& b) {
                               return a.remains.score < b.remains.score;
                             })
                .base() -
            1;
    if (remains.score < place->remains.score) return;
  } else {
    ++size_;
  }
  std::move_backward(set, place, place + 1);
  *set = {remains, MarkOf(key)};
}

std::optional<Remains> TombstoneTable::Take(uint64_t key) {
  if (stones_.empty()) return std::nullopt;
  Stone* set = SetOf(key);
  Stone* end = set + kSetSize;
  Stone* found = std::find_if(set, end, [mark = MarkOf(key)](const Stone& s) {
    return s.mark == mark;
  });
  if (found == end) return std::nullopt;
  const Remains remains = found->remains;
  std::move(found + 1, end, found);
  end[-1] = Stone();
  --size_;
  return remains;
}

void TombstoneTable::Save(StateWriter& out) const {
  out.PutU64(sets_);
  out.PutU64(size_);
  for (size_t i = 0; i < stones_.size(); ++i) {
    const auto& [remains, mark] = stones_[i];
    if (mark == 0) continue;
    out.PutU64(i);
    out.PutFixed32(mark);
    out.PutFixed64(remains.digest);
    out.PutFixed32(remains.first_second);
    out.PutFixed32(remains.last_second);
    out.PutFixed16(remains.score);
    out.PutFixed16(remains.count);
  }
}

void TombstoneTable::Load(StateReader& in) {
  // Where another size was configured they are of no use.
  const bool is_mine = in.GetU64() == sets_;
  const uint64_t size = in.GetCount(25);
  if (!in.status().ok() || size == 0) return;
  if (is_mine) stones_.assign(sets_ * kSetSize, Stone());
  if (is_mine) size_ = 0;
  for (uint64_t i = 0; i < size; ++i) {
    const uint64_t index = in.GetU64();
    Stone stone;
    stone.mark = in.GetFixed32();
    stone.remains.digest = in.GetFixed64();
    stone.remains.first_second = in.GetFixed32();
    stone.remains.last_second = in.GetFixed32();
    stone.remains.score = in.GetFixed16();
    stone.remains.count = in.GetFixed16();
    if (!is_mine) continue;  // what follows is read by others
    // A set is filled from its beginning.
    const bool fits = index < stones_.size() && stones_[index].mark == 0 &&
                      (index % kSetSize == 0 || stones_[index - 1].mark != 0);
    if (!fits || stone.mark == 0) in.Fail();
    if (!in.status().ok()) break;
    stones_[index] = stone;
    ++size_;
  }
  if (in.status().ok() || !is_mine) return;
  stones_.clear();
  size_ = 0;
}

}  // namespace oddverb
