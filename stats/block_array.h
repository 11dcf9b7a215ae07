// An array that grows without moving its elements or taking twice the memory,
// for state by EntityId that is too small for an allocation of its own. Of what
// std::deque has, with larger blocks, so that where an element lies is found
// without a miss of the cache. One thread.
#ifndef ODDVERB_STATS_BLOCK_ARRAY_H_
#define ODDVERB_STATS_BLOCK_ARRAY_H_

#include <cassert>
#include <cstddef>
#include <memory>
#include <vector>

namespace oddverb {

template <class T>
class BlockArray {
 public:
  size_t size() const { return size_; }
  T& operator[](size_t index) {  // REQUIRES: index < size()
    assert(index < size_);
    return blocks_[index / kBlock][index % kBlock];
  }
  const T& operator[](size_t index) const {
    assert(index < size_);
    return blocks_[index / kBlock][index % kBlock];
  }
  // New elements are T(). It never gets smaller.
  void GrowTo(size_t size) {
    if (size <= size_) return;
    while (blocks_.size() * kBlock < size) {
      blocks_.push_back(std::make_unique<T[]>(kBlock));
    }
    size_ = size;
  }

 private:
  static constexpr size_t kBlock = 32;

  std::vector<std::unique_ptr<T[]>> blocks_;
  size_t size_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_BLOCK_ARRAY_H_
