// What tests with programs of their own stand on.
#include "tests/support/free_port.h"

#include <set>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(FreePortTest, IsGivenOnceAsLongAsWhoAskedLives) {
  // By chance alone some of so many would be the same.
  constexpr size_t kCount = 400;
  std::set<int> ports;
  for (size_t i = 0; i < kCount; ++i) ports.insert(FreePort());
  EXPECT_EQ(ports.size(), kCount);
}

}  // namespace
}  // namespace oddverb
