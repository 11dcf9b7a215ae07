// Values of some of many ids: an id without one takes a quarter of a byte, one
// with a value little more than that. For state by EntityId that many entities
// do not have. One thread.
#ifndef ODDVERB_STATS_SPARSE_ARRAY_H_
#define ODDVERB_STATS_SPARSE_ARRAY_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/prefetch.h"

namespace oddverb {

template <class T>
class SparseArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  // Null: it has none. Valid until the next Insert() or Erase().
  const T* Find(uint32_t id) const {
    if (!Has(id)) return nullptr;
    return &blocks_[id / kIds].values[PlaceOf(id)];
  }
  T* Find(uint32_t id) {
    return const_cast<T*>(static_cast<const SparseArray*>(this)->Find(id));
  }
  bool Has(uint32_t id) const {
    return id / kIds < blocks_.size() && (blocks_[id / kIds].has & BitOf(id));
  }
  // Its value, T() if it had none.
  T& Insert(uint32_t id) {
    if (Has(id)) return *Find(id);
    if (id / kIds >= blocks_.size()) blocks_.resize(id / kIds + size_t{1});
    Block& block = blocks_[id / kIds];
    const size_t size = SizeOf(block), place = PlaceOf(id);
    if (size % kStep == 0) Reserve(block, size, size + kStep);
    T* values = block.values.get();
    std::copy_backward(values + place, values + size, values + size + 1);
    values[place] = T();
    block.has |= BitOf(id);
    return values[place];
  }
  void Erase(uint32_t id) {
    if (!Has(id)) return;
    Block& block = blocks_[id / kIds];
    const size_t size = SizeOf(block), place = PlaceOf(id);
    T* values = block.values.get();
    std::copy(values + place + 1, values + size, values + place);
    block.has &= ~BitOf(id);
    if ((size - 1) % kStep == 0) Reserve(block, size - 1, size - 1);
  }

  // Hints the cache that Find() comes soon: first where it looks, a while
  // later, when that is there, what stands there.
  void PrefetchBlock(uint32_t id) const {
    if (id / kIds < blocks_.size()) PrefetchLine(&blocks_[id / kIds]);
  }
  void PrefetchValue(uint32_t id) const {
    if (const T* value = Find(id); value != nullptr) PrefetchLine(value);
  }

 private:
  static constexpr uint32_t kIds = 64;  // of a block
  static constexpr size_t kStep = 4;    // by which a block grows

  // The values of those ids whose bits are set, in order.
  struct Block {
    uint64_t has = 0;
    std::unique_ptr<T[]> values;
  };

  static uint64_t BitOf(uint32_t id) { return uint64_t{1} << id % kIds; }
  static size_t SizeOf(const Block& block) {
    return static_cast<size_t>(std::popcount(block.has));
  }
  size_t PlaceOf(uint32_t id) const {
    const uint64_t before = blocks_[id / kIds].has & (BitOf(id) - 1);
    return static_cast<size_t>(std::popcount(before));
  }
  // The first `size` values stay.
  static void Reserve(Block& block, size_t size, size_t capacity) {
    std::unique_ptr<T[]> values;
    if (capacity > 0) values.reset(new T[capacity]);
    std::copy(block.values.get(), block.values.get() + size, values.get());
    block.values = std::move(values);
  }

  std::vector<Block> blocks_;
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_SPARSE_ARRAY_H_
