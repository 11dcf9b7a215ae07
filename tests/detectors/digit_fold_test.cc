#include "detectors/digit_fold.h"

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(DigitFoldTest, FoldsWhatClientsTakeForDigitsAndDots) {
  EXPECT_EQ(FoldDigits("１６９．２５４"), "169.254");
  EXPECT_EQ(FoldDigits("①⑥⑨。②⑤④｡⓪"), "169.254.0");
  EXPECT_EQ(FoldDigits("𝟏𝟔𝟗.𝟚𝟝𝟜"), "169.254");
  EXPECT_EQ(FoldDigits("١٦٩.٢٥٤"), "169.254");
  EXPECT_EQ(FoldDigits("¹⁶⁹.₂₅₄"), "169.254");
  EXPECT_EQ(FoldDigits("ｍｅｔａdata.ⓖⓞⓞⓖ"), "metadata.goog");
  EXPECT_EQ(FoldDigits("http：／／x"), "http://x");
  EXPECT_EQ(FoldDigits("1\u200b6\u00ad9"), "169");
  EXPECT_EQ(FoldDigits("⑩.⒈"), "10.1.");
}

TEST(DigitFoldTest, LeavesOtherTextAlone) {
  EXPECT_EQ(FoldDigits("169.254"), "");
  EXPECT_EQ(FoldDigits("grüße 日本"), "");
  EXPECT_EQ(FoldDigits("日１本"), "日1本");
  // No UTF-8.
  EXPECT_EQ(FoldDigits("\xef\xbc"), "");
  EXPECT_EQ(FoldDigits("\xff\x90\x80"), "");
}

}  // namespace
}  // namespace oddverb
