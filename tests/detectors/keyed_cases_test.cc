#include "detectors/keyed_cases.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;

absl::Time AtSecond(int second) { return absl::FromUnixSeconds(second); }

Finding FindingAt(int second, std::string title) {
  Finding finding;
  finding.title = std::move(title);
  finding.count = 1;
  finding.first_seen = finding.last_seen = AtSecond(second);
  return finding;
}

// "TITLE:state", and forgets them.
std::vector<std::string> ToldCases(Emit& out) {
  std::vector<std::string> told;
  for (const Finding& finding : std::exchange(out.findings, {})) {
    told.push_back(absl::StrCat(
        finding.title, finding.state == FindingState::kFinal    ? ":end"
                       : finding.state == FindingState::kUpdate ? ":more"
                                                                : ""));
  }
  return told;
}

class KeyedCasesTest : public ::testing::Test {
 protected:
  void Count(EntityId actor, uint64_t key, int second) {
    AuditEvent event;
    event.stage_time = AtSecond(second);
    KeyedCases::Case* open = cases_.Find(actor, key);
    ASSERT_NE(open, nullptr);
    KeyedCases::Count(event, *open);
    KeyedCases::ReportGrowth(*open, false, out_);
  }

  KeyedCases cases_{{.quiet = absl::Seconds(60), .per_actor = 2, .all = 3}};
  Emit out_;
};

TEST_F(KeyedCasesTest, ACaseIsToldAgainWheneverItHasDoubled) {
  cases_.Open(1, 7, FindingAt(0, "a"), out_);
  for (int second = 1; second < 8; ++second) Count(1, 7, second);
  EXPECT_THAT(ToldCases(out_), ElementsAre("a", "a:more", "a:more", "a:more"));
  EXPECT_EQ(cases_.Find(1, 7)->finding.count, 8);
  EXPECT_EQ(cases_.Find(1, 7)->finding.last_seen, AtSecond(7));
  EXPECT_EQ(cases_.Find(1, 8), nullptr);
  EXPECT_EQ(cases_.Find(2, 7), nullptr);
}

TEST_F(KeyedCasesTest, CasesEndAfterTheirQuietTimeTheLongestQuietFirst) {
  cases_.Open(2, 1, FindingAt(5, "b"), out_);
  cases_.Open(1, 1, FindingAt(9, "a"), out_);
  cases_.Open(1, 2, FindingAt(0, "c"), out_);
  Count(2, 1, 7);
  ToldCases(out_);
  cases_.AdvanceTo(AtSecond(59), out_);
  EXPECT_THAT(ToldCases(out_), ElementsAre());
  cases_.AdvanceTo(AtSecond(67), out_);
  EXPECT_THAT(ToldCases(out_), ElementsAre("c:end", "b:end"));
  cases_.EndQuiet(1, AtSecond(69), out_);
  EXPECT_THAT(ToldCases(out_), ElementsAre("a:end"));
  EXPECT_EQ(cases_.CountOf(1), 0u);
}

TEST_F(KeyedCasesTest, TheLongestQuietMakesRoom) {
  cases_.Open(1, 1, FindingAt(8, "a"), out_);
  EXPECT_FALSE(cases_.IsFull(1));
  cases_.Open(1, 2, FindingAt(3, "b"), out_);
  EXPECT_TRUE(cases_.IsFull(1));
  EXPECT_EQ(cases_.Oldest(1)->finding.title, "a");
  cases_.Open(2, 1, FindingAt(5, "c"), out_);
  ToldCases(out_);
  cases_.Open(3, 1, FindingAt(9, "d"), out_);  // a fourth of three
  EXPECT_THAT(ToldCases(out_), ElementsAre("b:end", "d"));
  out_.changed.clear();
  cases_.EndLongestQuietOf(1, out_);
  EXPECT_THAT(ToldCases(out_), ElementsAre("a:end"));
  EXPECT_THAT(out_.changed,
              ElementsAre(std::pair(EntityKind::kActor, EntityId{1})));
  cases_.Forget(2);
  EXPECT_EQ(cases_.Oldest(2), nullptr);
}

TEST_F(KeyedCasesTest, WhatIsSavedGoesOnElsewhere) {
  cases_.Open(1, 1, FindingAt(0, "a"), out_);
  Count(1, 1, 4);
  cases_.Open(1, 2, FindingAt(2, "b"), out_);
  StateWriter saved;
  cases_.Save(1, saved);
  KeyedCases other({.quiet = absl::Seconds(60), .per_actor = 2, .all = 3});
  StateReader in(saved.bytes());
  ASSERT_THAT(other.Load(9, in), IsOk());
  ToldCases(out_);
  other.AdvanceTo(AtSecond(64), out_);
  EXPECT_THAT(ToldCases(out_), ElementsAre("b:end", "a:end"));

  // More than may be open is damage.
  KeyedCases small({.quiet = absl::Seconds(60), .per_actor = 1, .all = 3});
  StateReader again(saved.bytes());
  EXPECT_EQ(small.Load(9, again).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(small.CountOf(9), 0u);
}

}  // namespace
}  // namespace oddverb
