#include "base/arena.h"

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

constexpr size_t kBlockBytes = 64 * 1024;

TEST(ArenaTest, AllocationsAreAlignedAndDoNotOverlap) {
  Arena arena;
  std::mt19937_64 random(8);
  for (int round = 0; round < 5; ++round) {
    std::vector<std::pair<std::string_view, char>> pieces;
    for (int i = 0; i < 2'000; ++i) {
      size_t size = 1 + random() % (i % 100 == 0 ? 3 * kBlockBytes : 200);
      char fill = static_cast<char>(random());
      char* bytes = arena.Allocate(size);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes) % 16, 0u);
      std::memset(bytes, fill, size);
      pieces.emplace_back(std::string_view(bytes, size), fill);
    }
    for (const auto& [piece, fill] : pieces) {
      EXPECT_EQ(piece.find_first_not_of(fill), piece.npos);
    }
    arena.Clear();
  }
}

TEST(ArenaTest, CopiesOutliveTheirSource) {
  Arena arena;
  std::string source = "kube-system";
  std::string_view copy = arena.Copy(source);
  source.assign("overwritten");
  EXPECT_EQ(copy, "kube-system");
  EXPECT_EQ(arena.Copy(""), "");
}

TEST(ArenaTest, ClearReusesTheFirstBlock) {
  Arena arena;
  char* first = arena.Allocate(1);
  arena.Allocate(2 * kBlockBytes);
  arena.Clear();
  EXPECT_EQ(arena.Allocate(kBlockBytes), first);
  // It is full now: what follows lies elsewhere.
  char* next = arena.Allocate(1);
  EXPECT_TRUE(next < first || next >= first + kBlockBytes);
}

TEST(ArenaTest, ClearAfterAnOversizedFirstBlockStartsAgain) {
  Arena arena;
  std::memset(arena.Allocate(10 * kBlockBytes), 1, 10 * kBlockBytes);
  arena.Clear();
  std::memset(arena.Allocate(kBlockBytes), 2, kBlockBytes);
  std::memset(arena.Allocate(kBlockBytes), 3, kBlockBytes);
  arena.Clear();
  arena.Clear();
  std::memset(arena.Allocate(kBlockBytes + 1), 4, kBlockBytes + 1);
}

TEST(ArenaTest, ClearOfAnUnusedArenaIsFine) {
  Arena arena;
  arena.Clear();
  EXPECT_EQ(arena.Copy("x"), "x");
}

TEST(ArenaTest, ShrinkLastGivesBackTheUnusedEnd) {
  Arena arena;
  char* bytes = arena.Allocate(1'000);
  std::memset(bytes, 'a', 100);
  arena.ShrinkLast(bytes + 100);
  char* next = arena.Allocate(16);
  EXPECT_EQ(next, bytes + 112);  // 100 rounded up to the alignment
  std::memset(next, 'b', 16);
  EXPECT_EQ(std::string_view(bytes, 100), std::string(100, 'a'));

  char* all = arena.Allocate(64);
  arena.ShrinkLast(all);
  EXPECT_EQ(arena.Allocate(16), all);
}

TEST(ArenaTest, ArraysAreValueInitialized) {
  Arena arena;
  std::memset(arena.Allocate(1'024), 0xff, 1'024);
  arena.Clear();
  std::span<uint64_t> numbers = arena.NewArray<uint64_t>(100);
  ASSERT_EQ(numbers.size(), 100u);
  for (uint64_t number : numbers) EXPECT_EQ(number, 0u);
  EXPECT_TRUE(arena.NewArray<std::string_view>(0).empty());
}

}  // namespace
}  // namespace oddverb
