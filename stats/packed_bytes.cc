#include "stats/packed_bytes.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace oddverb {
namespace {

using Length = uint16_t;

// Sizes of blocks: by 8 bytes up to 256, by 32 up to 1024, by 256 up to 4096.
constexpr size_t kFine = 32, kMiddle = kFine + 24;
constexpr size_t kSlabBytes = 4096;
constexpr size_t kLeastBlocks = 4;

}  // namespace

size_t PackedBytes::SizeIndexOf(size_t bytes) {
  const size_t block = bytes + sizeof(Length);
  if (block <= 256) return (block + 7) / 8 - 1;
  if (block <= 1024) return kFine + (block - 256 + 31) / 32 - 1;
  return kMiddle + (block - 1024 + 255) / 256 - 1;
}

size_t PackedBytes::BlockBytes(size_t size_index) {
  if (size_index < kFine) return (size_index + 1) * 8;
  if (size_index < kMiddle) return 256 + (size_index - kFine + 1) * 32;
  return 1024 + (size_index - kMiddle + 1) * 256;
}

uint32_t PackedBytes::SlabBits(size_t size_index) {
  size_t blocks = std::max(kLeastBlocks, kSlabBytes / BlockBytes(size_index));
  return static_cast<uint32_t>(std::bit_width(blocks)) - 1;
}

char* PackedBytes::At(size_t size_index, uint32_t index) const {
  const uint32_t bits = SlabBits(size_index);
  const size_t in_slab = index & ((uint32_t{1} << bits) - 1);
  return sizes_[size_index].slabs[index >> bits].get() +
         in_slab * BlockBytes(size_index);
}

PackedBytes::Handle PackedBytes::Put(std::string_view bytes) {
  assert(bytes.size() <= kMaxBytes);
  const size_t size_index = SizeIndexOf(bytes.size());
  Blocks& blocks = sizes_[size_index];
  uint32_t index = blocks.first_free;
  if (index != kNoBlock) {
    std::memcpy(&blocks.first_free, At(size_index, index), sizeof(index));
  } else {
    index = blocks.count++;
    assert(index < uint32_t{1} << kIndexBits);
    const uint32_t bits = SlabBits(size_index);
    if (index >> bits == blocks.slabs.size()) {
      const size_t slab = BlockBytes(size_index) << bits;
      blocks.slabs.emplace_back(new char[slab]);
      held_bytes_ += slab;
    }
  }
  char* block = At(size_index, index);
  const auto length = static_cast<Length>(bytes.size());
  std::memcpy(block, &length, sizeof(length));
  std::copy(bytes.begin(), bytes.end(), block + sizeof(length));
  ++strings_;
  return static_cast<Handle>(size_index) << kIndexBits | index;
}

std::string_view PackedBytes::Get(Handle handle) const {
  const char* block =
      At(handle >> kIndexBits, handle & ((uint32_t{1} << kIndexBits) - 1));
  Length length = 0;
  std::memcpy(&length, block, sizeof(length));
  return {block + sizeof(length), length};
}

void PackedBytes::Free(Handle handle) {
  const size_t size_index = handle >> kIndexBits;
  const uint32_t index = handle & ((uint32_t{1} << kIndexBits) - 1);
  Blocks& blocks = sizes_[size_index];
  std::memcpy(At(size_index, index), &blocks.first_free, sizeof(index));
  blocks.first_free = index;
  --strings_;
}

}  // namespace oddverb
