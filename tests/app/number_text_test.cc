#include "app/number_text.h"

#include <cstdlib>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(NumberTextTest, CommasStandBeforeEachThreeDigits) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1'000), "1,000");
  EXPECT_EQ(WithCommas(1'234'567), "1,234,567");
  EXPECT_EQ(WithCommas(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(NumberTextTest, CommasTakenOutLeaveTheNumber) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t number = random() >> (random() % 64);
    std::string text = WithCommas(number);
    std::erase(text, ',');
    EXPECT_EQ(text, std::to_string(number));
  }
}

TEST(NumberTextTest, BytesHaveThreeDigitsAndAUnit) {
  EXPECT_EQ(BytesText(0), "0 B");
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(1'000), "1.00 kB");
  EXPECT_EQ(BytesText(27'739'357), "27.7 MB");
  EXPECT_EQ(BytesText(684'000), "684 kB");
  EXPECT_EQ(BytesText(9'999), "10.0 kB");
  EXPECT_EQ(BytesText(999'600), "1.00 MB");  // not 1000 kB
  EXPECT_EQ(BytesText(5'000'000'000'000), "5.00 TB");
  EXPECT_EQ(BytesText(UINT64_MAX), "18446744 TB");
}

TEST(NumberTextTest, RatesHaveNoUnitOfTheirOwn) {
  EXPECT_EQ(RateText(0), "0");
  EXPECT_EQ(RateText(12.4), "12");
  EXPECT_EQ(RateText(3'141'592), "3.14 M");
  EXPECT_EQ(RateText(830'000), "830 k");
}

TEST(NumberTextTest, ScaledNumbersAreWithinHalfAPercent) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t bytes = 100 + (random() >> (12 + random() % 45));
    const std::string text = BytesText(bytes);
    const size_t unit = std::string(" kMGT").find(text[text.size() - 2]);
    ASSERT_NE(unit, std::string::npos) << text;
    double value = std::atof(text.c_str());
    for (size_t step = 0; step < unit; ++step) value *= 1000;
    EXPECT_NEAR(value, static_cast<double>(bytes),
                0.0051 * static_cast<double>(bytes))
        << text;
  }
}

TEST(NumberTextTest, NounsFollowTheNumber) {
  EXPECT_EQ(Counted(0, "event"), "0 events");
  EXPECT_EQ(Counted(1, "event"), "1 event");
  EXPECT_EQ(Counted(2'000, "false finding"), "2,000 false findings");
}

}  // namespace
}  // namespace oddverb
