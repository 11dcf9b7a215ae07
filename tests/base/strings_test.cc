#include "base/strings.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(StringsTest, TheSeamKeepsPointerAndLength) {
  std::string_view text("a\0b", 3);
  EXPECT_EQ(A(text).data(), text.data());
  EXPECT_EQ(S(A(text)), text);
  EXPECT_EQ(absl::StrCat(A(text), "c"), std::string("a\0bc", 4));
  EXPECT_EQ(S(A(std::string_view())), "");
}

TEST(StringsTest, MapsAreSearchedByView) {
  StringMap<int> map = {{"get", 1}, {"list", 2}};
  std::string_view list = std::string_view("listing").substr(0, 4);
  ASSERT_NE(map.find(list), map.end());
  EXPECT_EQ(map.find(list)->second, 2);
  EXPECT_FALSE(map.contains(std::string_view("watch")));
  EXPECT_TRUE(StringSet({"get"}).contains(std::string_view("get")));
}

}  // namespace
}  // namespace oddverb
