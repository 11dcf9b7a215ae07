#include "stats/sparse_array.h"

#include <map>
#include <random>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(SparseArrayTest, HasWhatWasInsertedAndNotErased) {
  std::mt19937 random(3);
  SparseArray<uint64_t> array;
  std::map<uint32_t, uint64_t> expected;
  for (int step = 0; step < 50'000; ++step) {
    const auto id = static_cast<uint32_t>(random() % 1'000);
    if (random() % 3 == 0) {
      array.Erase(id);
      expected.erase(id);
    } else {
      array.Insert(id) = expected[id] = random();
    }
  }
  for (uint32_t id = 0; id < 1'100; ++id) {
    const uint64_t* found = array.Find(id);
    const auto wanted = expected.find(id);
    ASSERT_EQ(found != nullptr, wanted != expected.end()) << id;
    if (found != nullptr) {
      EXPECT_EQ(*found, wanted->second) << id;
    }
  }
}

TEST(SparseArrayTest, InsertKeepsTheValueThatIsThere) {
  SparseArray<int> array;
  array.Insert(70) = 7;
  array.Insert(70) += 1;
  EXPECT_EQ(*array.Find(70), 8);
  array.Erase(70);
  EXPECT_EQ(array.Insert(70), 0);
}

TEST(SparseArrayTest, AsksForNoneThatIsNotThere) {
  SparseArray<int> array;
  EXPECT_EQ(array.Find(0), nullptr);
  EXPECT_FALSE(array.Has(1'000'000));
  array.Erase(5);
  array.PrefetchBlock(5);
  array.PrefetchValue(5);
  array.Insert(64) = 1;
  EXPECT_FALSE(array.Has(0));
  EXPECT_FALSE(array.Has(65));
}

}  // namespace
}  // namespace oddverb
