#include "base/boxed_optional.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(BoxedOptionalTest, IsNoneUntilThereIsAValue) {
  BoxedOptional<std::string> box;
  EXPECT_FALSE(box.has_value());
  box.emplace() = "value";
  ASSERT_TRUE(box.has_value());
  EXPECT_EQ(*box, "value");
  EXPECT_EQ(box->size(), 5u);
}

TEST(BoxedOptionalTest, ACopyIsItsOwn) {
  BoxedOptional<std::string> box = std::string("before");
  BoxedOptional<std::string> copy = box, assigned, none;
  assigned = box;
  *box = "after";
  EXPECT_EQ(*copy, "before");
  EXPECT_EQ(*assigned, "before");
  assigned = none;
  EXPECT_FALSE(assigned.has_value());
  EXPECT_FALSE(BoxedOptional<std::string>(none).has_value());
}

TEST(BoxedOptionalTest, TakesNoMoreThanAPointerUntilThen) {
  struct Large {
    char bytes[1000] = {};
  };
  EXPECT_EQ(sizeof(BoxedOptional<Large>), sizeof(void*));
}

TEST(BoxedOptionalTest, IsMoved) {
  BoxedOptional<std::string> box = std::string("value");
  const std::string* at = &*box;
  BoxedOptional<std::string> moved = std::move(box);
  EXPECT_EQ(&*moved, at);
  // What was moved from may be used again.
  box = std::string("another");
  EXPECT_EQ(*box, "another");
  EXPECT_EQ(*moved, "value");
}

}  // namespace
}  // namespace oddverb
