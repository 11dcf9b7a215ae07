#include "stats/block_array.h"

#include <memory>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(BlockArrayTest, ElementsStayWhereTheyAreWhileItGrows) {
  BlockArray<int> array;
  std::vector<const int*> places;
  for (int i = 0; i < 1000; ++i) {
    array.GrowTo(static_cast<size_t>(i) + 1);
    EXPECT_EQ(array[static_cast<size_t>(i)], 0);
    array[static_cast<size_t>(i)] = i;
    places.push_back(&array[static_cast<size_t>(i)]);
  }
  ASSERT_EQ(array.size(), 1000u);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(*places[static_cast<size_t>(i)], i);
    EXPECT_EQ(&array[static_cast<size_t>(i)], places[static_cast<size_t>(i)]);
  }
}

TEST(BlockArrayTest, ItNeverGetsSmaller) {
  BlockArray<std::unique_ptr<int>> array;
  array.GrowTo(100);
  array[99] = std::make_unique<int>(7);
  array.GrowTo(10);
  ASSERT_EQ(array.size(), 100u);
  EXPECT_EQ(*array[99], 7);
}

}  // namespace
}  // namespace oddverb
