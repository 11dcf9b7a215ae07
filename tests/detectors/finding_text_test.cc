#include "detectors/finding_text.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

using testing::ElementsAre;

TEST(FindingTextTest, ReasonsSumUpToTheScore) {
  Finding finding;
  AddReason("a", "1", 4, finding);
  AddReason("b", "", -1.5, finding);
  EXPECT_EQ(finding.score, 2.5);
  ASSERT_EQ(finding.why.size(), 2u);
  EXPECT_EQ(finding.why[1].feature, "b");
  EXPECT_EQ(finding.why[0].value, "1");
  EXPECT_EQ(finding.why[1].contribution, -1.5);
}

TEST(FindingTextTest, CountsInWords) {
  EXPECT_EQ(Counted(0, "request", "requests"), "0 requests");
  EXPECT_EQ(Counted(1, "request", "requests"), "1 request");
  EXPECT_EQ(Counted(2, "request", "requests"), "2 requests");
  EXPECT_EQ(Counted(UINT64_MAX, "x", "xs"), "18446744073709551615 xs");
}

TEST(FindingTextTest, SpansInRoundFigures) {
  absl::Time start = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(SpanText(start, start), "one second");
  EXPECT_EQ(SpanText(start, start + absl::Milliseconds(9500)), "9s");
  EXPECT_EQ(SpanText(start, start + absl::Seconds(7265)), "2h1m");
  EXPECT_EQ(SpanText(start, start + absl::Hours(2)), "2h");
}

TEST(FindingTextTest, ListsAreSmallSetsInOrder) {
  std::vector<std::string> list;
  for (const char* text : {"b", "a", "", "b", "c"}) AddDistinct(text, list);
  EXPECT_THAT(list, ElementsAre("b", "a", "c"));
  for (int i = 0; i < 100; ++i) AddDistinct(absl::StrCat(i), list);
  EXPECT_EQ(list.size(), Finding::kMaxListed);
}

}  // namespace
}  // namespace oddverb
