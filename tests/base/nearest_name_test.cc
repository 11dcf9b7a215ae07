#include "base/nearest_name.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(NearestNameTest, FindsTheMisspeltName) {
  const std::vector<std::string> known = {"window", "threshold", "max_entities",
                                          "enabled"};
  const struct {
    std::string_view name, nearest;
  } kCases[] = {
      {"windw", "window"},         // a letter left out
      {"winddow", "window"},       // a letter too many
      {"wimdow", "window"},        // another letter
      {"widnow", "window"},        // two letters swapped
      {"WINDOW", "window"},        // case
      {"treshhold", "threshold"},  //
      {"max_entity", "max_entities"},
      {"max-entitys", "max_entities"},
      {"w", ""},
      {"", ""},
      {"completely_different", ""},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(NearestName(c.name, known), c.nearest) << c.name;
  }
}

TEST(NearestNameTest, AllowsAThirdOfTheLongerNameAndAtLeastTwo) {
  EXPECT_EQ(NearestName("abcXX", std::vector<std::string>{"abcde"}), "abcde");
  EXPECT_EQ(NearestName("abXXX", std::vector<std::string>{"abcde"}), "");
  EXPECT_EQ(NearestName("abcdefXXX", std::vector<std::string>{"abcdefghi"}),
            "abcdefghi");
  EXPECT_EQ(NearestName("abcdeXXXX", std::vector<std::string>{"abcdefghi"}),
            "");
}

TEST(NearestNameTest, FindsNothingWhereEveryLetterDiffers) {
  EXPECT_EQ(NearestName("xy", std::vector<std::string>{"id", "ns"}), "");
}

TEST(NearestNameTest, ASwapCountsOnce) {
  // Two swaps are within the two edits allowed; they would be three without.
  EXPECT_EQ(NearestName("badc", std::vector<std::string>{"abcd"}), "abcd");
}

TEST(NearestNameTest, TakesTheFirstOfEquals) {
  EXPECT_EQ(NearestName("cat", std::vector<std::string>{"car", "bat", "cat1"}),
            "car");
}

TEST(NearestNameTest, KnowsNothing) { EXPECT_EQ(NearestName("x", {}), ""); }

TEST(NearestNameTest, AMonstrousNameIsCheap) {
  std::vector<std::string> known(10'000, "some_known_name");
  EXPECT_EQ(NearestName(std::string(10'000'000, 'a'), known), "");
}

}  // namespace
}  // namespace oddverb
