// Bump allocator for strings and small arrays that live as long as a batch.
//
// One thread. Pinned: what it hands out stays valid until Clear() or the end
// of the arena.
#ifndef ODDVERB_BASE_ARENA_H_
#define ODDVERB_BASE_ARENA_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/base/attributes.h"

namespace oddverb {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Uninitialized bytes, aligned to 16; for 0 bytes maybe nullptr.
  char* Allocate(size_t size_bytes) ABSL_ATTRIBUTE_LIFETIME_BOUND;
  // Gives back the unused end of the newest allocation.
  // REQUIRES: `end` lies inside of it.
  void ShrinkLast(const char* end);

  std::string_view Copy(std::string_view s) ABSL_ATTRIBUTE_LIFETIME_BOUND;

  template <class T>
  std::span<T> NewArray(size_t count) ABSL_ATTRIBUTE_LIFETIME_BOUND {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 16);
    assert(count <= SIZE_MAX / 2 / sizeof(T));
    T* first = reinterpret_cast<T*>(Allocate(count * sizeof(T)));
    std::uninitialized_value_construct_n(first, count);
    return {first, count};
  }

  // Forgets everything; keeps the first block for reuse if it has the usual
  // size (one oversized string must not hold its memory for ever).
  void Clear();

 private:
  static constexpr size_t kBlockBytes = 64 * 1024;
  std::vector<std::unique_ptr<char[]>> blocks_;
  bool first_is_oversized_ = false;
  char* next_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_ARENA_H_
