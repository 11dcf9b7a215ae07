#include "detectors/service_account_use.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/actor_stream.h"
#include "tests/detectors/service_account_changes.h"

namespace oddverb {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

ActorStream UseStream() {
  return ActorStream([](const DetectorContext& context) {
    return std::make_unique<ServiceAccountUse>(context);
  });
}

void FeedUse(ActorStream& stream, const EventChange& change, int times = 1) {
  for (int i = 0; i < times; ++i) {
    EventBuilder event;
    event.ServiceAccount("data", "etl").Pod("etl-1", "uid-1");
    event.UserAgent("etl/1.0").SourceIp("10.244.1.5");
    event.Resource("configmaps").Ns("data").Name("settings");
    change(event);
    stream.Feed(event);
  }
}

const EventChange kProgram = [](EventBuilder&) {};

EventChange Both(const EventChange& a, const EventChange& b) {
  return [=](EventBuilder& event) {
    a(event);
    b(event);
  };
}

TEST(ServiceAccountUseTest, APersonNeedsTwoCluesOfWhichOneIsStrong) {
  struct Case {
    const char* what;
    std::vector<EventChange> changes;
    Severity severity;  // info: no finding
  };
  for (const Case& c : std::vector<Case>{
           {"nothing new",
            {kProgram, kReadsSecrets, kAsksRights},
            Severity::kInfo},
           {"a token without a pod", {kUnbound}, Severity::kInfo},
           {"kubectl in the pod", {kByKubectl}, Severity::kInfo},
           {"kubectl in the pod asks what it may do",
            {Both(kByKubectl, kAsksRights)},
            Severity::kMedium},
           {"kubectl with a token without a pod",
            {Both(kByKubectl, kUnbound)},
            Severity::kHigh},
           {"the client of the pod, from outside, takes secrets",
            {Both(kFromOutside, kReadsSecrets)},
            Severity::kInfo},
           {"a token without a pod from outside",
            {Both(kUnbound, kFromOutside)},
            Severity::kHigh},
           {"one after the other", {kByKubectl, kUnbound}, Severity::kHigh},
       }) {
    SCOPED_TRACE(c.what);
    ActorStream stream = UseStream();
    FeedUse(stream, kProgram, 30);
    for (const EventChange& change : c.changes) FeedUse(stream, change);
    if (c.severity == Severity::kInfo) {
      EXPECT_THAT(stream.reports(), IsEmpty());
      continue;
    }
    ASSERT_THAT(stream.findings(), SizeIs(1));
    const Finding finding = stream.findings()[0];
    EXPECT_EQ(finding.rule, "serviceaccount.used_by_hand");
    EXPECT_EQ(finding.severity, c.severity);
    EXPECT_GE(finding.score, finding.threshold);
  }
}

TEST(ServiceAccountUseTest, WhatAnAccountDoesFromTheStartIsItsHabit) {
  ActorStream stream = UseStream();
  // A CI with a token of its own, kubectl, and the internet between.
  FeedUse(stream, Both(Both(kByKubectl, kUnbound), kFromOutside), 40);
  FeedUse(stream,
          Both(Both(kByKubectl, kUnbound), Both(kFromOutside, kAsksRights)));
  FeedUse(stream,
          Both(Both(kByKubectl, kUnbound), Both(kFromOutside, kReadsSecrets)));
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(ServiceAccountUseTest, CluesOfTwoHoursDoNotAddUp) {
  ActorStream stream = UseStream();
  FeedUse(stream, kProgram, 30);
  FeedUse(stream, kByKubectl);
  stream.Sleep(absl::Hours(2));
  FeedUse(stream, kUnbound);
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(ServiceAccountUseTest, WhatStaysForADayBecomesAHabit) {
  ActorStream stream = UseStream();
  FeedUse(stream, kProgram, 30);
  for (int i = 0; i < 25 * 6; ++i) {
    FeedUse(stream, kByKubectl);
    stream.Sleep(absl::Minutes(10));
  }
  stream.Sleep(absl::Hours(1));
  FeedUse(stream, Both(kByKubectl, kAsksRights));
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(ServiceAccountUseTest, AThiefDoesNotTeachItsHabits) {
  ActorStream stream = UseStream();
  FeedUse(stream, kProgram, 30);
  const EventChange theft = Both(kByKubectl, kUnbound);
  FeedUse(stream, theft, 100);
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].count, 100);
}

TEST(ServiceAccountUseTest, ARestartForgetsNothing) {
  ActorStream stream = UseStream();
  FeedUse(stream, kProgram, 30);
  stream.Restart();
  FeedUse(stream, kByKubectl);
  stream.Restart();
  FeedUse(stream, kUnbound);
  stream.Restart();
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_THAT(stream.findings()[0].why, SizeIs(2));
  EXPECT_EQ(stream.findings()[0].state, FindingState::kFinal);
}

TEST(ServiceAccountUseTest, TheEndOfAnExecIsNoSecondRequest) {
  ActorStream stream = UseStream();
  FeedUse(stream, kProgram, 30);
  for (Stage stage : {Stage::kResponseStarted, Stage::kResponseComplete}) {
    EventBuilder event;
    event.ServiceAccount("data", "etl").SourceIp("203.0.113.9");
    event.Resource("pods").Sub("exec").Ns("data").Name("db-0");
    event.AuditId("exec").Code(101).Stage(stage);
    stream.Feed(event, stage == Stage::kResponseStarted ? absl::Seconds(0)
                                                        : absl::Seconds(2));
  }
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].count, 1);
}

}  // namespace
}  // namespace oddverb
