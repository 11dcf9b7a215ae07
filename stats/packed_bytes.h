// Short byte strings by handles of 32 bits, for state that is seldom needed:
// some ten to a few thousand bytes each, without a block of the allocator for
// each of them.
//
// Strings lie in slabs of blocks of one size, which are 2 to 256 bytes apart
// from the next size, and take a byte besides; a freed block is used again. A
// slab without strings is given back, as states grow and so leave one size for
// the next. What finds its size full, with 33 million strings, takes the next
// one. One thread.
#ifndef ODDVERB_STATS_PACKED_BYTES_H_
#define ODDVERB_STATS_PACKED_BYTES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace oddverb {

class PackedBytes {
 public:
  // Below kHandles.
  using Handle = uint32_t;
  static constexpr size_t kMaxBytes = 4095;

 private:
  static constexpr size_t kSizes = 116;
  static constexpr uint32_t kIndexBits = 25;

 public:
  static constexpr uint32_t kHandles = uint32_t{kSizes} << kIndexBits;

  // REQUIRES: bytes.size() <= kMaxBytes.
  Handle Put(std::string_view bytes);
  // Valid until the next Put() or Free().
  std::string_view Get(Handle handle) const;
  void Free(Handle handle);
  // Hints the cache that Get() will be asked soon.
  void Prefetch(Handle handle) const;

  // Of all slabs.
  uint64_t held_bytes() const { return held_bytes_; }
  uint64_t strings() const { return strings_; }

 private:
  static constexpr uint16_t kNoBlock = 0xffff;
  static constexpr uint32_t kNoPlace = ~uint32_t{0};

  struct Slab {
    std::unique_ptr<char[]> bytes;   // null: given back
    uint16_t used = 0;               // blocks
    uint16_t first_free = kNoBlock;  // each holds the number of the next
    uint16_t touched = 0;            // blocks that were ever used
    uint32_t place = kNoPlace;       // in Blocks::open
  };
  // The blocks of one size; the index of one is that of its slab, then of the
  // block in it.
  struct Blocks {
    std::vector<Slab> slabs;
    std::vector<uint32_t> open;    // slabs that have room
    std::vector<uint32_t> absent;  // slabs that were given back
  };

  void Open(Blocks& blocks, uint32_t slab);
  static void Close(Blocks& blocks, uint32_t slab);
  bool IsFull(size_t size_index) const;
  uint32_t SlabWithRoom(size_t size_index);
  static size_t SizeIndexOf(size_t bytes);
  static size_t BlockBytes(size_t size_index);
  static uint32_t SlabBits(size_t size_index);
  char* At(size_t size_index, uint32_t index) const;

  std::array<Blocks, kSizes> sizes_;
  uint64_t held_bytes_ = 0;
  uint64_t strings_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_PACKED_BYTES_H_
