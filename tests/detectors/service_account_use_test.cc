#include "detectors/service_account_use.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/actor_stream.h"

namespace oddverb {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

using Change = std::function<void(EventBuilder&)>;

ActorStream Stream() {
  return ActorStream([](const DetectorContext& context) {
    return std::make_unique<ServiceAccountUse>(context);
  });
}

void Feed(ActorStream& stream, const Change& change, int times = 1) {
  for (int i = 0; i < times; ++i) {
    EventBuilder event;
    event.ServiceAccount("data", "etl").Pod("etl-1", "uid-1");
    event.UserAgent("etl/1.0").SourceIp("10.244.1.5");
    event.Resource("configmaps").Ns("data").Name("settings");
    change(event);
    stream.Feed(event);
  }
}

const Change kProgram = [](EventBuilder&) {};
const Change kUnbound = [](EventBuilder& b) { b.Pod("", ""); };
const Change kByKubectl = [](EventBuilder& b) {
  b.UserAgent("kubectl/v1.30.0 (linux/amd64) kubernetes/abcdef0");
};
const Change kFromOutside = [](EventBuilder& b) { b.SourceIp("203.0.113.9"); };
const Change kAsksRights = [](EventBuilder& b) {
  b.Verb("create").Resource("selfsubjectrulesreviews", "authorization.k8s.io");
  b.Ns("").Name("").Code(201);
};
const Change kReadsSecrets = [](EventBuilder& b) {
  b.Verb("list").Resource("secrets").Name("");
};

Change Both(const Change& a, const Change& b) {
  return [=](EventBuilder& event) {
    a(event);
    b(event);
  };
}

TEST(ServiceAccountUseTest, APersonNeedsTwoCluesOfWhichOneIsStrong) {
  struct Case {
    const char* what;
    std::vector<Change> changes;
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
    ActorStream stream = Stream();
    Feed(stream, kProgram, 30);
    for (const Change& change : c.changes) Feed(stream, change);
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
  ActorStream stream = Stream();
  // A CI with a token of its own, kubectl, and the internet between.
  Feed(stream, Both(Both(kByKubectl, kUnbound), kFromOutside), 40);
  Feed(stream,
       Both(Both(kByKubectl, kUnbound), Both(kFromOutside, kAsksRights)));
  Feed(stream,
       Both(Both(kByKubectl, kUnbound), Both(kFromOutside, kReadsSecrets)));
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(ServiceAccountUseTest, CluesOfTwoHoursDoNotAddUp) {
  ActorStream stream = Stream();
  Feed(stream, kProgram, 30);
  Feed(stream, kByKubectl);
  stream.Sleep(absl::Hours(2));
  Feed(stream, kUnbound);
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(ServiceAccountUseTest, WhatStaysForADayBecomesAHabit) {
  ActorStream stream = Stream();
  Feed(stream, kProgram, 30);
  for (int i = 0; i < 25 * 6; ++i) {
    Feed(stream, kByKubectl);
    stream.Sleep(absl::Minutes(10));
  }
  stream.Sleep(absl::Hours(1));
  Feed(stream, Both(kByKubectl, kAsksRights));
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(ServiceAccountUseTest, AThiefDoesNotTeachItsHabits) {
  ActorStream stream = Stream();
  Feed(stream, kProgram, 30);
  const Change theft = Both(kByKubectl, kUnbound);
  Feed(stream, theft, 100);
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].count, 100);
}

TEST(ServiceAccountUseTest, ARestartForgetsNothing) {
  ActorStream stream = Stream();
  Feed(stream, kProgram, 30);
  stream.Restart();
  Feed(stream, kByKubectl);
  stream.Restart();
  Feed(stream, kUnbound);
  stream.Restart();
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_THAT(stream.findings()[0].why, SizeIs(2));
  EXPECT_EQ(stream.findings()[0].state, FindingState::kFinal);
}

TEST(ServiceAccountUseTest, TheEndOfAnExecIsNoSecondRequest) {
  ActorStream stream = Stream();
  Feed(stream, kProgram, 30);
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
