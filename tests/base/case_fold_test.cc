#include "base/case_fold.h"

#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(CaseFoldTest, FoldsWhatUnicodeFoldsToOneCodePoint) {
  EXPECT_EQ(FoldedCopy("Az09-Z"), "az09-z");
  EXPECT_EQ(FoldedCopy("ÄÖÜ"), "äöü");
  EXPECT_EQ(FoldedCopy("ΣΑΣ"), FoldedCopy("σας"));
  EXPECT_EQ(FoldedCopy("ЖУК"), "жук");
  EXPECT_EQ(FoldedCopy("\u212a\u017f"), "ks");  // Kelvin sign, long s
  EXPECT_EQ(FoldedCopy("\u023a"), "\u2c65");    // grows by a byte
  EXPECT_EQ(FoldedCopy("\u1e9e"), "\u00df");
  EXPECT_EQ(FoldedCopy("\U00010400"), "\U00010428");
}

TEST(CaseFoldTest, LeavesOtherBytesAlone) {
  EXPECT_EQ(FoldedCopy("\xff\xc3(A"), "\xff\xc3(a");
  EXPECT_EQ(FoldedCopy("日本語 ß 123"), "日本語 ß 123");
}

TEST(CaseFoldTest, FoldingTwiceIsFoldingOnce) {
  for (char32_t c = 0; c <= 0x10ffff; ++c) {
    ASSERT_EQ(FoldCase(FoldCase(c)), FoldCase(c)) << static_cast<uint32_t>(c);
  }
}

TEST(CaseFoldTest, BorrowsWhatNeedsNoFolding) {
  Arena arena;
  std::string lower = "abc-1", upper = "aBc", wide = "Äb";
  EXPECT_EQ(Folded(lower, arena).data(), lower.data());
  EXPECT_EQ(Folded(upper, arena), "abc");
  EXPECT_EQ(Folded(wide, arena), "äb");
  EXPECT_EQ(Folded("", arena), "");
}

}  // namespace
}  // namespace oddverb
