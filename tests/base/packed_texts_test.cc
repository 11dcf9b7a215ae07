#include "base/packed_texts.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(PackedTextsTest, SomeTextsTogetherComeBackEachByItself) {
  const std::string long_name(300, 'x');
  const std::vector<std::string> texts = {
      "list", "", "secrets", std::string("\0\xff/api", 6), long_name};
  const PackedText packed =
      PackTexts({texts[0], texts[1], texts[2], texts[3], texts[4]});
  EXPECT_EQ(UnpackTexts(packed), texts);
  EXPECT_TRUE(UnpackTexts(PackedText()).empty());
}

TEST(PackedTextsTest, TextsThatAreCutAreNoLonger) {
  const std::string most(PackedText::kMaxBytes, 'x');
  // The length before it takes two bytes.
  EXPECT_EQ(UnpackTexts(PackTexts({"a", most})),
            (std::vector<std::string>{"a", ""}));
}

}  // namespace
}  // namespace oddverb
