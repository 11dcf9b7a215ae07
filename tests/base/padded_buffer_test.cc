#include "base/padded_buffer.h"

#include <cstring>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

std::string PaddingOf(const PaddedBuffer& buffer) {
  return std::string(buffer.data() + buffer.size(),
                     PaddedBuffer::kPaddingBytes);
}

const std::string kZeros(PaddedBuffer::kPaddingBytes, '\0');

TEST(PaddedBufferTest, AnEmptyBufferIsPadded) {
  PaddedBuffer buffer;
  EXPECT_EQ(buffer.view(), "");
  EXPECT_EQ(PaddingOf(buffer), kZeros);
}

TEST(PaddedBufferTest, AppendKeepsBytesAndPadding) {
  std::mt19937_64 random(9);
  for (size_t capacity : {0u, 1u, 100u, 5'000u}) {
    PaddedBuffer buffer(capacity);
    std::string expected;
    for (int i = 0; i < 200; ++i) {
      std::string piece(random() % 50, static_cast<char>('a' + i % 26));
      buffer.Append(piece);
      expected += piece;
      ASSERT_EQ(buffer.view(), expected);
      ASSERT_EQ(PaddingOf(buffer), kZeros);
      ASSERT_LE(buffer.size(), buffer.capacity());
    }
  }
}

TEST(PaddedBufferTest, SetSizeShowsWhatWasWrittenAndClearsBehindIt) {
  PaddedBuffer buffer(100);
  std::memset(buffer.data(), 'x', 100);
  buffer.SetSize(100);
  EXPECT_EQ(buffer.view(), std::string(100, 'x'));
  EXPECT_EQ(PaddingOf(buffer), kZeros);
  buffer.SetSize(10);
  EXPECT_EQ(buffer.view(), std::string(10, 'x'));
  EXPECT_EQ(PaddingOf(buffer), kZeros);
}

TEST(PaddedBufferTest, ReserveKeepsTheBytesAndNeverShrinks) {
  PaddedBuffer buffer;
  buffer.Append("abc");
  buffer.Reserve(1'000);
  EXPECT_EQ(buffer.view(), "abc");
  EXPECT_EQ(PaddingOf(buffer), kZeros);
  const char* bytes = buffer.data();
  buffer.Reserve(10);
  EXPECT_EQ(buffer.data(), bytes);
  EXPECT_EQ(buffer.capacity(), 1'000u);
}

TEST(PaddedBufferTest, GrowthIsGeometric) {
  PaddedBuffer buffer;
  int moves = 0;
  const char* bytes = buffer.data();
  for (int i = 0; i < 100'000; ++i) {
    buffer.Append("x");
    if (buffer.data() != bytes) ++moves;
    bytes = buffer.data();
  }
  EXPECT_LE(moves, 20);
}

}  // namespace
}  // namespace oddverb
