// A finding that is open, and then the same actor gets what it was refused.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

void RefuseOnce(ForbiddenStream& stream, int kinds) {
  for (int i = 0; i < kinds; ++i) {
    EventBuilder event;
    event.ServiceAccount("shop", "web").Verb("list").Ns("shop").Forbidden();
    event.Resource(absl::StrCat("thing", i)).At(After(i));
    stream.Feed(event);
  }
}

void SucceedOnce(ForbiddenStream& stream, const std::string& resource,
                 int second, int code = 200) {
  EventBuilder event;
  event.ServiceAccount("shop", "web").Verb("list").Ns("shop").Allowed();
  stream.Feed(event.Code(code).Resource(resource).At(After(second)));
}

TEST(SuccessAfterRefusalTest, SameKindOfRequestRaisesTheFinding) {
  ForbiddenStream stream;
  RefuseOnce(stream, 9);
  ASSERT_THAT(Of(stream, "forbidden.fanout"), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
  SucceedOnce(stream, "thing3", 60);
  std::vector<Finding> found = Of(stream, "forbidden.fanout");
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[1].id, found[0].id);
  EXPECT_EQ(found[1].state, FindingState::kUpdate);
  EXPECT_EQ(found[1].severity, Severity::kCritical);
  EXPECT_THAT(found[1].summary, HasSubstr("then it succeeded: list thing3"));
  EXPECT_EQ(found[1].evidence.back().code, 200);
  double sum = 0;
  for (const FindingReason& reason : found[1].why) sum += reason.contribution;
  EXPECT_NEAR(sum, found[1].score, 0.001);
}

TEST(SuccessAfterRefusalTest, FirstSuccessWithSomethingGraveRaisesItToo) {
  ForbiddenStream stream;
  RefuseOnce(stream, 9);
  SucceedOnce(stream, "secrets", 60);
  EXPECT_EQ(stream.findings().back().severity, Severity::kCritical);
}

TEST(SuccessAfterRefusalTest, OrdinarySuccessesFailuresAndLateOnesDoNot) {
  ForbiddenStream ordinary, missing, late, none;
  RefuseOnce(ordinary, 9);
  SucceedOnce(ordinary, "configmaps", 60);
  RefuseOnce(missing, 9);
  SucceedOnce(missing, "thing3", 60, 404);
  RefuseOnce(late, 9);
  SucceedOnce(late, "thing3", 31 * 60);
  for (const ForbiddenStream* stream : {&ordinary, &missing, &late}) {
    for (const Finding& finding : stream->findings()) {
      EXPECT_EQ(finding.severity, Severity::kHigh);
    }
  }
  // Without a finding it is an ordinary right that was granted.
  RefuseOnce(none, 2);
  SucceedOnce(none, "thing1", 60);
  EXPECT_THAT(none.findings(), SizeIs(0));
}

TEST(SuccessAfterRefusalTest, WhatItDidBeforeIsNoNews) {
  ForbiddenStream stream;
  SucceedOnce(stream, "secrets", -3600);
  RefuseOnce(stream, 12);
  size_t before = stream.findings().size();
  SucceedOnce(stream, "secrets", 60);
  EXPECT_THAT(stream.findings(), SizeIs(before));
}

TEST(SuccessAfterRefusalTest, MoreOfItIsListedAndCountsOnce) {
  ForbiddenStream stream;
  RefuseOnce(stream, 9);
  for (int i = 0; i < 9; ++i)
    SucceedOnce(stream, absl::StrCat("thing", i), 60 + i);
  for (int i = 0; i < 9; ++i) SucceedOnce(stream, "thing0", 80 + i);
  EXPECT_THAT(stream.findings(), SizeIs(2));
  stream.End();
  const Finding& last = stream.findings().back();
  EXPECT_EQ(last.state, FindingState::kFinal);
  EXPECT_EQ(last.severity, Severity::kCritical);
  int successes = 0;
  for (const FindingReason& reason : last.why) {
    successes += reason.feature == "then succeeded under suspicion";
  }
  EXPECT_EQ(successes, 3);
}

TEST(SuccessAfterRefusalTest, SurvivesARestart) {
  ForbiddenStream stream;
  RefuseOnce(stream, 9);
  SucceedOnce(stream, "thing3", 60);
  stream.Restart();
  EXPECT_TRUE(stream.restarts_ok());
  SucceedOnce(stream, "thing4", 61);
  EXPECT_THAT(stream.findings(), SizeIs(2));
  stream.End();
  EXPECT_THAT(stream.findings().back().summary, HasSubstr("list thing3"));
}

}  // namespace
}  // namespace oddverb
