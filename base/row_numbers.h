// Numbers for the rows of a state of which only what changed is written: a
// number that has become free is given out again, the lowest first, so that
// which ones are in use depends only on what was taken and freed. One thread.
#ifndef ODDVERB_BASE_ROW_NUMBERS_H_
#define ODDVERB_BASE_ROW_NUMBERS_H_

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace oddverb {

class RowNumbers {
 public:
  // A number counts as changed when it is taken and when it is freed.
  uint32_t Take() {
    if (free_.empty()) Append();
    uint32_t number = free_.extract(free_.begin()).value();
    MarkChanged(number);
    return number;
  }
  void Free(uint32_t number) {
    free_.insert(number);
    MarkChanged(number);
  }
  void MarkChanged(uint32_t number) {
    if (is_changed_[number]) return;
    is_changed_[number] = true;
    changed_.push_back(number);
  }

  // Of a row that was written: they are all there, in their order. False if
  // one is missing. It is free until TakeBack().
  bool Append(uint32_t number) {
    if (number != size()) return false;
    Append();
    return true;
  }
  void TakeBack(uint32_t number) { free_.erase(number); }

  uint32_t size() const { return static_cast<uint32_t>(is_changed_.size()); }
  // Those that changed since the last call.
  std::vector<uint32_t> TakeChanged() {
    for (uint32_t number : changed_) is_changed_[number] = false;
    return std::exchange(changed_, {});
  }

 private:
  void Append() {
    free_.insert(size());
    is_changed_.push_back(false);
  }

  std::set<uint32_t> free_;
  std::vector<bool> is_changed_;  // by number: it is in `changed_`
  std::vector<uint32_t> changed_;
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_ROW_NUMBERS_H_
