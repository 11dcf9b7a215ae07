#include "app/scan.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

ScanResult Result(uint64_t events, uint64_t rejected) {
  ScanResult result;
  result.events = events;
  result.rejected = rejected;
  result.bytes = 27'739'357;
  result.elapsed = absl::Milliseconds(40);
  return result;
}

TEST(ScanResultTest, TheSummaryNamesOnlyWhatThereWas) {
  ScanResult result = Result(19'271, 0);
  EXPECT_EQ(result.Summary(),
            "19,271 events (27.7 MB) in 0.04 s, 482 k events/s; 0 findings");
  result = Result(1, 1);
  result.salvaged = 2;
  result.repaired = 1'000;
  result.eventless = 4;
  result.findings = {1, 0, 3, 0, 2};
  EXPECT_EQ(
      result.Summary(),
      "1 event (27.7 MB) in 0.04 s, 25 events/s, 1 record rejected, "
      "2 saved from torn ones, 1,000 repaired, 4 records without an event; "
      "6 findings: 2 critical, 3 medium, 1 info");
  result.elapsed = absl::ZeroDuration();
  EXPECT_THAT(result.Summary(), HasSubstr("in 0.00 s, 1.00 k events/s"));
}

TEST(ScanResultTest, HasAtLeastLooksAtTheSeverityAndAbove) {
  ScanResult result;
  EXPECT_FALSE(result.has_at_least(Severity::kInfo));
  result.findings = {5, 0, 1, 0, 0};
  EXPECT_EQ(result.all_findings(), 6u);
  EXPECT_TRUE(result.has_at_least(Severity::kInfo));
  EXPECT_TRUE(result.has_at_least(Severity::kMedium));
  EXPECT_FALSE(result.has_at_least(Severity::kHigh));
}

TEST(ScanResultTest, HintsOnlyWhereTheInputIsOddAsAWhole) {
  EXPECT_EQ(Result(10, 0).InputHint(), "");
  EXPECT_EQ(Result(10, 10).InputHint(), "");
  EXPECT_THAT(Result(10, 11).InputHint(),
              HasSubstr("most records could not be judged: 11 of 21"));
  EXPECT_THAT(Result(0, 3).InputHint(),
              HasSubstr("none of 3 records was an audit event"));
  EXPECT_THAT(Result(0, 1).InputHint(), HasSubstr("the one record was no "));
  EXPECT_THAT(Result(0, 0).InputHint(),
              HasSubstr("there was no audit event in the input"));
}

}  // namespace
}  // namespace oddverb
