#include "net/retry_after.h"

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(RetryAfterTest, ReadsSecondsAndAllFormsOfADate) {
  const absl::Time now = absl::FromCivil(
      absl::CivilSecond(1994, 11, 6, 8, 49, 0), absl::UTCTimeZone());
  struct Case {
    const char* value;
    std::optional<absl::Duration> wait;
  } cases[] = {
      {"0", absl::ZeroDuration()},
      {"120", absl::Minutes(2)},
      {" 7 ", absl::Seconds(7)},
      {"86400", absl::Hours(24)},
      {"86401", kMaxRetryAfter},
      {"99999999999999999999999", kMaxRetryAfter},
      {"Sun, 06 Nov 1994 08:49:37 GMT", absl::Seconds(37)},
      {"Sunday, 06-Nov-94 08:49:37 GMT", absl::Seconds(37)},
      {"Sun Nov  6 08:49:37 1994", absl::Seconds(37)},
      {"Sun, 06 Nov 1994 08:48:00 GMT", absl::ZeroDuration()},
      {"Fri, 01 Jan 2100 00:00:00 GMT", kMaxRetryAfter},
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"1.5", std::nullopt},
      {"soon", std::nullopt},
      {"Sun, 06 Nov 1994 08:49:37 CET", std::nullopt},
      {"Sun, 36 Nov 1994 08:49:37 GMT", std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ParseRetryAfter(c.value, now), c.wait) << c.value;
  }
}

}  // namespace
}  // namespace oddverb
