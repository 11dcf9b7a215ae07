#include "stats/packed_bytes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

#include "base/prefetch.h"

namespace oddverb {
namespace {

constexpr size_t kSlabBytes = 16384;
constexpr size_t kLeastBlocks = 4;

// Sizes of blocks: by `step` bytes up to `most`, from the range before.
struct SizeRange {
  size_t step, most;
};
constexpr SizeRange kRanges[] = {{2, 128}, {8, 256}, {32, 1024}, {256, 4096}};

// Of each size.
struct BlockSize {
  uint16_t bytes = 0;
  uint16_t slab_bits = 0;  // binary logarithm of the blocks in a slab
};

constexpr size_t CountSizes() {
  size_t count = 0, least = 0;
  for (const auto& [step, most] : kRanges) {
    count += (most - least) / step;
    least = most;
  }
  return count;
}

constexpr auto MakeSizes() {
  std::array<BlockSize, CountSizes()> sizes;
  size_t index = 0, bytes = 0;
  for (const auto& [step, most] : kRanges) {
    while (bytes < most) {
      bytes += step;
      const size_t blocks = std::max(kLeastBlocks, kSlabBytes / bytes);
      sizes[index++] = {
          .bytes = static_cast<uint16_t>(bytes),
          .slab_bits = static_cast<uint16_t>(std::bit_width(blocks) - 1)};
    }
  }
  return sizes;
}

constexpr auto kBlockSizes = MakeSizes();

}  // namespace

// The last byte of a block says how many before it are unused.
size_t PackedBytes::SizeIndexOf(size_t bytes) {
  const size_t block = bytes + 1;
  size_t index = 0, least = 0;
  for (const auto& [step, most] : kRanges) {
    if (block <= most) return index + (block - least + step - 1) / step - 1;
    index += (most - least) / step;
    least = most;
  }
  return kSizes - 1;
}

size_t PackedBytes::BlockBytes(size_t size_index) {
  static_assert(kBlockSizes.size() == kSizes);
  static_assert(kBlockSizes.back().bytes == kMaxBytes + 1);
  return kBlockSizes[size_index].bytes;
}

uint32_t PackedBytes::SlabBits(size_t size_index) {
  return kBlockSizes[size_index].slab_bits;
}

char* PackedBytes::At(size_t size_index, uint32_t index) const {
  const uint32_t bits = SlabBits(size_index);
  const size_t in_slab = index & ((uint32_t{1} << bits) - 1);
  return sizes_[size_index].slabs[index >> bits].bytes.get() +
         in_slab * BlockBytes(size_index);
}

void PackedBytes::Open(Blocks& blocks, uint32_t slab) {
  blocks.slabs[slab].place = static_cast<uint32_t>(blocks.open.size());
  blocks.open.push_back(slab);
}

void PackedBytes::Close(Blocks& blocks, uint32_t slab) {
  const uint32_t place = blocks.slabs[slab].place;
  const uint32_t last = blocks.open.back();
  blocks.open[place] = last;
  blocks.slabs[last].place = place;
  blocks.open.pop_back();
  blocks.slabs[slab].place = kNoPlace;
}

uint32_t PackedBytes::SlabWithRoom(size_t size_index) {
  Blocks& blocks = sizes_[size_index];
  if (!blocks.open.empty()) return blocks.open.back();
  uint32_t slab = 0;
  if (blocks.absent.empty()) {
    slab = static_cast<uint32_t>(blocks.slabs.size());
    blocks.slabs.emplace_back();
  } else {
    slab = blocks.absent.back();
    blocks.absent.pop_back();
  }
  const size_t bytes = BlockBytes(size_index) << SlabBits(size_index);
  blocks.slabs[slab].bytes.reset(new char[bytes]);
  held_bytes_ += bytes;
  Open(blocks, slab);
  return slab;
}

// Of the blocks that handles can tell apart.
bool PackedBytes::IsFull(size_t size_index) const {
  const Blocks& blocks = sizes_[size_index];
  return blocks.open.empty() && blocks.absent.empty() &&
         blocks.slabs.size() >> (kIndexBits - SlabBits(size_index)) != 0;
}

PackedBytes::Handle PackedBytes::Put(std::string_view bytes) {
  assert(bytes.size() <= kMaxBytes);
  size_t size_index = SizeIndexOf(bytes.size());
  while (size_index + 1 < kSizes && IsFull(size_index)) ++size_index;
  const uint32_t bits = SlabBits(size_index);
  const uint32_t number = SlabWithRoom(size_index);
  Blocks& blocks = sizes_[size_index];
  Slab& slab = blocks.slabs[number];
  uint16_t in_slab = slab.first_free;
  const bool is_fresh = in_slab == kNoBlock;
  if (is_fresh) in_slab = slab.touched++;
  const uint32_t index = number << bits | in_slab;
  assert(index < uint32_t{1} << kIndexBits);
  char* block = At(size_index, index);
  if (!is_fresh) std::memcpy(&slab.first_free, block, sizeof(in_slab));
  if (++slab.used == 1u << bits) Close(blocks, number);
  std::copy(bytes.begin(), bytes.end(), block);
  const size_t last = BlockBytes(size_index) - 1;
  block[last] = static_cast<char>(last - bytes.size());
  ++strings_;
  return static_cast<Handle>(size_index) << kIndexBits | index;
}

std::string_view PackedBytes::Get(Handle handle) const {
  const size_t size_index = handle >> kIndexBits;
  const char* block =
      At(size_index, handle & ((uint32_t{1} << kIndexBits) - 1));
  const size_t last = BlockBytes(size_index) - 1;
  return {block, last - static_cast<unsigned char>(block[last])};
}

void PackedBytes::Prefetch(Handle handle) const {
  const size_t size_index = handle >> kIndexBits;
  PrefetchBytes(At(size_index, handle & ((uint32_t{1} << kIndexBits) - 1)),
                BlockBytes(size_index));
}

void PackedBytes::Free(Handle handle) {
  const size_t size_index = handle >> kIndexBits;
  const uint32_t bits = SlabBits(size_index);
  const uint32_t index = handle & ((uint32_t{1} << kIndexBits) - 1);
  const uint32_t number = index >> bits;
  Blocks& blocks = sizes_[size_index];
  Slab& slab = blocks.slabs[number];
  std::memcpy(At(size_index, index), &slab.first_free, sizeof(slab.first_free));
  slab.first_free = static_cast<uint16_t>(index & ((uint32_t{1} << bits) - 1));
  if (slab.place == kNoPlace) Open(blocks, number);
  --strings_;
  if (--slab.used > 0) return;
  Close(blocks, number);
  slab = Slab();
  held_bytes_ -= BlockBytes(size_index) << bits;
  blocks.absent.push_back(number);
}

}  // namespace oddverb
