#include "base/visible_text.h"

#include <random>

#include "base/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/random_finding.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Charset kBoth[] = {Charset::kUtf8, Charset::kAscii};

bool AllVisible(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = DecodeUtf8(text);
    if (!point.valid || !IsVisible(point.value)) return false;
    text.remove_prefix(point.bytes);
  }
  return true;
}

TEST(VisibleTextTest, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(VisibleText("a\x1b[2J\n\r\t\x7f", Charset::kUtf8),
            "a\\x1b[2J\\n\\r\\t\\x7f");
  EXPECT_EQ(VisibleText("\u202e\xc2\x9b\xff", Charset::kUtf8),
            "\\u{202e}\\u{9b}\\xff");
  EXPECT_EQ(VisibleText("\u4e2d", Charset::kUtf8), "\u4e2d");
  EXPECT_EQ(VisibleText("\u4e2d", Charset::kAscii), "\\u{4e2d}");
}

TEST(VisibleTextTest, LeavesNothingHiddenInAnyText) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = RandomHostileText(random);
    ASSERT_TRUE(AllVisible(VisibleText(text, Charset::kUtf8)));
    for (char c : VisibleText(text, Charset::kAscii)) {
      ASSERT_TRUE(c >= ' ' && c < 0x7f);
    }
  }
}

TEST(VisibleTextTest, CutsTheMiddleOfNamesAndTheEndOfProse) {
  EXPECT_EQ(CutMiddle("frontend", 8, Charset::kUtf8), "frontend");
  EXPECT_EQ(CutMiddle("abcdefghij", 7, Charset::kUtf8), "abc\u2026hij");
  EXPECT_EQ(CutMiddle("abcdefghij", 7, Charset::kAscii), "ab...ij");
  EXPECT_EQ(CutEnd("abcdefghij", 7, Charset::kUtf8), "abcdef\u2026");
  EXPECT_EQ(CutEnd("abcdefghij", 7, Charset::kAscii), "abcd...");
  EXPECT_EQ(CutEnd("abcdefghij", 2, Charset::kAscii), "ab");
  // A wide character that only half fits is left out.
  EXPECT_EQ(CutEnd("\u4e2d\u4e2d\u4e2d", 4, Charset::kUtf8), "\u4e2d\u2026");
}

TEST(VisibleTextTest, CutTextFitsAndStaysValid) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const Charset charset = kBoth[i % 2];
    const std::string text = VisibleText(RandomHostileText(random), charset);
    const int columns = static_cast<int>(random() % 40);
    for (const std::string& cut :
         {CutMiddle(text, columns, charset), CutEnd(text, columns, charset)}) {
      ASSERT_LE(DisplayWidth(cut), columns);
      ASSERT_TRUE(AllVisible(cut));
    }
  }
}

TEST(VisibleTextTest, WrapsAtSpacesAndMarksWhatIsLeftOut) {
  EXPECT_THAT(WrapText("", 10, 3, Charset::kUtf8), IsEmpty());
  EXPECT_THAT(WrapText("one two three", 9, 3, Charset::kUtf8),
              ElementsAre("one two", "three"));
  EXPECT_THAT(WrapText("one two three four", 9, 2, Charset::kUtf8),
              ElementsAre("one two", "three fo\u2026"));
  EXPECT_THAT(WrapText("abcdefghij", 4, 3, Charset::kUtf8),
              ElementsAre("abcd", "efgh", "ij"));
  EXPECT_THAT(WrapText("abcd   ef", 4, 3, Charset::kUtf8),
              ElementsAre("abcd", "ef"));
}

TEST(VisibleTextTest, WrappedLinesFitForAnyText) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text =
        VisibleText(RandomHostileText(random), Charset::kUtf8);
    const int columns = 2 + static_cast<int>(random() % 30);
    const auto lines = WrapText(text, columns, 4, Charset::kUtf8);
    ASSERT_LE(lines.size(), 4u);
    for (const std::string& line : lines) {
      ASSERT_LE(DisplayWidth(line), columns);
    }
  }
}

}  // namespace
}  // namespace oddverb
