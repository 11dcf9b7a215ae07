#include "base/packed_texts.h"

#include <array>
#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(PackedTextsTest, SomeTextsTogetherComeBackEachByItself) {
  const std::string long_name(300, 'x');
  const std::array<std::string, 5> texts = {
      "list", "", "secrets", std::string("\0\xff/api", 6), long_name};
  const PackedText packed =
      PackTexts({texts[0], texts[1], texts[2], texts[3], texts[4]});
  EXPECT_EQ(UnpackTexts<5>(packed), texts);
  EXPECT_EQ(UnpackTexts<2>(PackedText()), (std::array<std::string, 2>()));
}

TEST(PackedTextsTest, TextsThatAreCutAreNoLonger) {
  const std::string most(PackedText::kMaxBytes, 'x');
  // The length before it takes two bytes.
  EXPECT_EQ(UnpackTexts<2>(PackTexts({"a", most})),
            (std::array<std::string, 2>{"a", ""}));
}

}  // namespace
}  // namespace oddverb
