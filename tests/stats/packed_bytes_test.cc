#include "stats/packed_bytes.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(PackedBytesTest, GivesBackWhatWasPutWhateverElseComesAndGoes) {
  std::mt19937_64 random(7);
  PackedBytes packed;
  std::vector<std::pair<PackedBytes::Handle, std::string>> kept;
  for (int step = 0; step < 50'000; ++step) {
    if (!kept.empty() && random() % 5 < 2) {
      const size_t index = random() % kept.size();
      EXPECT_EQ(packed.Get(kept[index].first), kept[index].second);
      packed.Free(kept[index].first);
      kept[index] = kept.back();
      kept.pop_back();
      continue;
    }
    const size_t most = step % 100 == 0 ? PackedBytes::kMaxBytes : 300;
    std::string bytes(random() % (most + 1), static_cast<char>(step));
    kept.emplace_back(packed.Put(bytes), bytes);
  }
  EXPECT_EQ(packed.strings(), kept.size());
  for (const auto& [handle, bytes] : kept) {
    EXPECT_EQ(packed.Get(handle), bytes);
  }
}

TEST(PackedBytesTest, KeepsEachSizeUpToTheLongest) {
  PackedBytes packed;
  std::vector<PackedBytes::Handle> handles;
  for (size_t size = 0; size <= PackedBytes::kMaxBytes; ++size) {
    handles.push_back(packed.Put(std::string(size, static_cast<char>(size))));
  }
  for (size_t size = 0; size <= PackedBytes::kMaxBytes; ++size) {
    EXPECT_EQ(packed.Get(handles[size]),
              std::string(size, static_cast<char>(size)));
  }
}

// More than the blocks of one size that a handle can tell apart.
TEST(PackedBytesTest, WhatFindsItsSizeFullTakesTheNextOne) {
  PackedBytes packed;
  constexpr uint32_t kFull = uint32_t{1} << 25;
  const PackedBytes::Handle first = packed.Put("a");
  for (uint32_t i = 1; i < kFull; ++i) packed.Put("b");
  const PackedBytes::Handle beyond = packed.Put("c");
  EXPECT_NE(first, beyond);
  EXPECT_EQ(packed.Get(first), "a");
  EXPECT_EQ(packed.Get(beyond), "c");
  packed.Free(first);
  EXPECT_EQ(packed.Put("d"), first);
  EXPECT_EQ(packed.Get(beyond), "c");
}

// A hundred bytes each, with a block of the next size and a bit of a slab.
TEST(PackedBytesTest, TakesLittleMoreThanTheBytes) {
  PackedBytes packed;
  constexpr size_t kStrings = 10'000, kBytes = 100;
  for (size_t i = 0; i < kStrings; ++i) packed.Put(std::string(kBytes, 'x'));
  EXPECT_LT(packed.held_bytes(), kStrings * kBytes * 11 / 10);
}

TEST(PackedBytesTest, GivesBackWhatOneSizeTookWhenAllHaveGrown) {
  PackedBytes packed;
  std::vector<PackedBytes::Handle> handles(1000);
  for (PackedBytes::Handle& handle : handles) {
    handle = packed.Put(std::string(10, 'x'));
  }
  for (size_t size = 20; size <= 400; size += 20) {
    for (PackedBytes::Handle& handle : handles) {
      packed.Free(handle);
      handle = packed.Put(std::string(size, 'y'));
    }
  }
  EXPECT_LT(packed.held_bytes(), 1000 * 400 * 12 / 10);
  for (PackedBytes::Handle handle : handles) packed.Free(handle);
  EXPECT_EQ(packed.held_bytes(), 0u);
}

TEST(PackedBytesTest, UsesFreedBlocksAgain) {
  PackedBytes packed;
  std::vector<PackedBytes::Handle> handles;
  for (int i = 0; i < 1000; ++i) handles.push_back(packed.Put("0123456789"));
  const uint64_t before = packed.held_bytes();
  for (PackedBytes::Handle handle : handles) packed.Free(handle);
  for (int i = 0; i < 1000; ++i) packed.Put("9876543210");
  EXPECT_EQ(packed.held_bytes(), before);
}

}  // namespace
}  // namespace oddverb
