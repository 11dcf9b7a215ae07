// The rules that count one kind of thing: what opens a finding, what does not,
// and what an attacker changes to get around it.
#include "detectors/forbidden_cases.h"

#include <algorithm>
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
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// A scanner without credentials: one path or resource a call.
void Scan(int i, ForbiddenStream& stream, const std::string& ip = "203.0.113.5",
          absl::Duration pace = absl::Seconds(1)) {
  EventBuilder event;
  event.Anonymous().SourceIp(ip).UserAgent("Mozilla/5.0").Forbidden();
  if (i % 2 == 0) {
    event.NonResource(absl::StrCat("/path", i));
  } else {
    event.Verb("list").Resource(absl::StrCat("things", i));
  }
  stream.Feed(event.At(kForbiddenStart + i * pace));
}

TEST(AnonymousEnumerationTest, ScanOfPathsAndResourcesIsMedium) {
  ForbiddenStream stream;
  for (int i = 0; i < 12; ++i) Scan(i, stream);
  std::vector<Finding> found = Of(stream, "anonymous.enumeration");
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].severity, Severity::kLow);
  EXPECT_EQ(found[0].state, FindingState::kOpen);
  EXPECT_EQ(found[1].severity, Severity::kMedium);
  EXPECT_EQ(found[1].id, found[0].id);
  EXPECT_EQ(found[1].entity, "system:anonymous@203.0.113.5");
  EXPECT_THAT(found[1].summary, HasSubstr("get /path0"));
}

TEST(AnonymousEnumerationTest, HealthChecksAndRetriesAreNone) {
  ForbiddenStream stream;
  for (int i = 0; i < 200; ++i) {
    EventBuilder event;
    event.Anonymous().UserAgent("ELB-HealthChecker/2.0").Forbidden();
    const char* paths[] = {"/healthz", "/readyz", "/livez/etcd", "/"};
    stream.Feed(event.NonResource(paths[i % 4]).At(After(i)));
  }
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(AnonymousEnumerationTest, AddressesAreSeparate) {
  ForbiddenStream stream;
  for (int i = 0; i < 40; ++i) Scan(i, stream, absl::StrCat("192.0.2.", i));
  EXPECT_THAT(Of(stream, "anonymous.enumeration"), IsEmpty());
}

TEST(AnonymousEnumerationTest, ForgedProxyHeaderHidesNothing) {
  ForbiddenStream stream;
  for (int i = 0; i < 12; ++i) {
    EventBuilder event;
    event.Anonymous().SourceIps({absl::StrCat("10.0.0.", i), "203.0.113.5"});
    event.NonResource(absl::StrCat("/p", i)).Forbidden().At(After(i));
    stream.Feed(event.UserAgent(absl::StrCat("agent", i)));
  }
  EXPECT_THAT(Of(stream, "anonymous.enumeration"), Not(IsEmpty()));
}

TEST(AnonymousEnumerationTest, RestartInTheMiddleChangesNothing) {
  ForbiddenStream whole, broken;
  for (int i = 0; i < 30; ++i) {
    Scan(i, whole);
    Scan(i, broken);
    broken.Restart();
  }
  whole.End();
  broken.End();
  EXPECT_TRUE(broken.restarts_ok());
  ASSERT_EQ(whole.findings().size(), broken.findings().size());
  for (size_t i = 0; i < whole.findings().size(); ++i) {
    EXPECT_EQ(whole.findings()[i].id, broken.findings()[i].id);
    EXPECT_EQ(whole.findings()[i].summary, broken.findings()[i].summary);
    EXPECT_EQ(whole.findings()[i].score, broken.findings()[i].score);
  }
  EXPECT_EQ(whole.findings().back().state, FindingState::kFinal);
}

TEST(AnonymousSuccessTest, SecretsWithoutCredentialsAreCritical) {
  ForbiddenStream stream;
  EventBuilder event;
  event.Anonymous().SourceIp("203.0.113.5").Allowed().Verb("list");
  stream.Feed(event.Resource("secrets"));
  std::vector<Finding> found = Of(stream, "anonymous.success");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].severity, Severity::kCritical);
  EXPECT_THAT(found[0].next, Contains(HasSubstr("system:(anonymous|")));
}

// Each address is an actor, and somebody may have very many.
TEST(AnonymousSuccessTest, KeepsABoundedNumberOpenAndEndsTheQuietest) {
  for (bool restarts : {false, true}) {
    ForbiddenStream stream;
    constexpr int kOpen = ForbiddenCases::kMaxOpen;
    for (int i = 0; i < kOpen + 10; ++i) {
      EventBuilder event;
      event.Anonymous().SourceIp(absl::StrCat("203.0.", i / 200, ".", i % 200));
      event.Allowed().Verb("list").Resource("secrets");
      stream.Feed(event.At(kForbiddenStart + i * absl::Milliseconds(10)));
      if (restarts && i == kOpen - 5) stream.Restart();
    }
    stream.Tick(kForbiddenStart + absl::Minutes(1));
    std::vector<Finding> ended = stream.InState(FindingState::kFinal);
    ASSERT_THAT(ended, SizeIs(10));
    EXPECT_EQ(ended[0].where.source_ip, "203.0.0.0");
    EXPECT_EQ(ended[9].where.source_ip, "203.0.0.9");
    stream.End();
    EXPECT_THAT(stream.InState(FindingState::kOpen), SizeIs(kOpen + 10));
    EXPECT_THAT(stream.InState(FindingState::kFinal), SizeIs(kOpen + 10));
  }
}

TEST(AnonymousSuccessTest, WhatTheAuthorizerLetPassIsASuccessWhateverCame) {
  ForbiddenStream stream;
  EventBuilder event;
  event.Anonymous().Allowed().Code(404).Resource("pods").Ns("x").Name("y");
  stream.Feed(event);
  ASSERT_THAT(Of(stream, "anonymous.success"), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
}

TEST(AnonymousSuccessTest, QuietProfileStillReportsIt) {
  ForbiddenBurst::Options quiet;
  quiet.threshold_fast = 14;
  ForbiddenStream stream(quiet);
  EventBuilder event;
  stream.Feed(event.Anonymous().Allowed().Resource("pods").Ns("x"));
  EXPECT_THAT(Of(stream, "anonymous.success"), SizeIs(1));
}

TEST(AnonymousSuccessTest, PublicPathsAreNone) {
  ForbiddenStream stream;
  for (const char* path :
       {"/healthz", "/livez?verbose", "/readyz/etcd", "/version", "/version/",
        "/api", "/openapi/v2", "/.well-known/openid-configuration",
        "/openid/v1/jwks"}) {
    EventBuilder event;
    stream.Feed(event.Anonymous().Allowed().NonResource(path));
  }
  EventBuilder join;
  join.Anonymous().Allowed().Resource("configmaps").Ns("kube-public");
  stream.Feed(join.Name("cluster-info"));
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(AnonymousSuccessTest, LookalikesOfPublicPathsAreFound) {
  for (const char* path : {"/metrics", "/openid/v1/jwks/../../metrics",
                           "/.well-known/other", "/healthzz"}) {
    ForbiddenStream stream;
    EventBuilder event;
    stream.Feed(event.Anonymous().Allowed().NonResource(path));
    EXPECT_THAT(stream.findings(), SizeIs(1)) << path;
  }
}

void FailToAuthenticate(absl::Time time, ForbiddenStream& stream,
                        const char* agent = "curl/8.1") {
  EventBuilder event;
  event.Verb("list").Resource("namespaces").SourceIp("203.0.113.12");
  event.Unauthenticated().UserAgent(agent).Message("Unauthorized");
  stream.Feed(event.At(time));
}

// A failed authentication has no user, and only the stage ResponseStarted.
TEST(AuthnFailureSurgeTest, TwentyBadTokensInTwoSecondsAreMedium) {
  ForbiddenStream stream;
  for (int i = 0; i < 20; ++i) {
    FailToAuthenticate(kForbiddenStart + absl::Milliseconds(100 * i), stream);
  }
  std::vector<Finding> found = Of(stream, "authn.failure_surge");
  ASSERT_THAT(found, Not(IsEmpty()));
  EXPECT_EQ(found[0].severity, Severity::kLow);
  EXPECT_EQ(found.back().severity, Severity::kMedium);
  EXPECT_EQ(found.back().entity, "unauthenticated@203.0.113.12");
}

TEST(AuthnFailureSurgeTest, ClaimedClientDoesNotHideMany) {
  ForbiddenStream stream;
  for (int i = 0; i < 40; ++i) {
    FailToAuthenticate(After(i), stream, "kubectl/v1.30.0 (linux/amd64)");
  }
  EXPECT_EQ(Of(stream, "authn.failure_surge").back().severity,
            Severity::kMedium);
}

// The client is Go's, as it adds no weight.
Severity WorstOfRetries(int count, void (*shape)(EventBuilder&)) {
  ForbiddenStream stream;
  for (int i = 0; i < count; ++i) {
    EventBuilder event;
    event.SourceIp("10.244.3.7").UserAgent("Go-http-client/2.0");
    shape(event);
    event.Unauthenticated().Message("Unauthorized");
    stream.Feed(event.At(After(i)));
  }
  Severity worst = Severity::kInfo;
  for (const Finding& finding : stream.findings()) {
    worst = std::max(worst, finding.severity);
  }
  return worst;
}

TEST(AuthnFailureSurgeTest, WhatProgramsRepeatByThemselvesCountsAFifth) {
  void (*shapes[])(EventBuilder&) = {
      [](EventBuilder& e) { e.Verb("watch").Resource("pods"); },
      [](EventBuilder& e) {
        e.Verb("list").Resource("pods");
        e.Uri("/api/v1/pods?limit=500&resourceVersion=0");
      },
      [](EventBuilder& e) {
        e.Verb("update").Resource("leases", "coordination.k8s.io");
        e.Ns("kube-system").Name("lock");
      },
      [](EventBuilder& e) {
        e.Verb("get").NonResource("/api").Uri("/api?timeout=32s");
      }};
  for (auto* shape : shapes) {
    EXPECT_LT(WorstOfRetries(64, shape), Severity::kMedium);
    EXPECT_EQ(WorstOfRetries(100, shape), Severity::kMedium);
  }
  auto* spray = +[](EventBuilder& e) { e.Verb("list").Resource("namespaces"); };
  EXPECT_LT(WorstOfRetries(15, spray), Severity::kMedium);
  EXPECT_EQ(WorstOfRetries(16, spray), Severity::kMedium);
  auto* discovery = +[](EventBuilder& e) { e.Verb("get").NonResource("/api"); };
  EXPECT_EQ(WorstOfRetries(16, discovery), Severity::kMedium);
}

TEST(AuthnFailureSurgeTest, ExpiredTokenThatIsTriedOnAndOnIsNone) {
  ForbiddenStream stream;
  for (int i = 0; i < 2000; ++i) FailToAuthenticate(After(30 * i), stream);
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(AuthnFailureSurgeTest, SurgeAboveASteadyRateIsFound) {
  ForbiddenStream stream;
  for (int i = 0; i < 500; ++i) FailToAuthenticate(After(120 * i), stream);
  ASSERT_THAT(stream.findings(), IsEmpty());
  for (int i = 0; i < 60; ++i) {
    FailToAuthenticate(After(60'000) + absl::Milliseconds(500 * i), stream);
  }
  EXPECT_THAT(Of(stream, "authn.failure_surge"), Not(IsEmpty()));
}

// A gateway of people, one of whom meets an expired login each hour: kubectl or
// Lens tries it some times. Now and then two or three of them do at once.
class ExpiredLoginsTest : public ::testing::Test {
 protected:
  void TryLogin(absl::Time time, int times) {
    for (int i = 0; i < times; ++i) {
      FailToAuthenticate(time + i * absl::Seconds(5), stream_,
                         "Lens/2025.8 (win32)");
    }
  }
  void WorkForDays(int days) {
    for (int hour = 0; hour < 24 * days; ++hour) {
      if (hour % 24 < 11) TryLogin(After(3600 * hour), 1 + hour % 5);
    }
    now_ = After(3600 * 24 * days);
  }
  Severity Worst() const {
    Severity worst = Severity::kInfo;
    for (const Finding& finding : stream_.findings()) {
      worst = std::max(worst, finding.severity);
    }
    return worst;
  }

  ForbiddenStream stream_;
  absl::Time now_;
};

TEST_F(ExpiredLoginsTest, OfSeveralPeopleAtOnceAreLow) {
  WorkForDays(2);
  stream_.Restart();
  EXPECT_TRUE(stream_.restarts_ok());
  for (int i = 0; i < 3; ++i) TryLogin(now_ + i * absl::Seconds(2), 5);
  EXPECT_LT(Worst(), Severity::kMedium);
}

TEST_F(ExpiredLoginsTest, SprayThroughTheirGatewayIsMedium) {
  WorkForDays(2);
  for (int i = 0; i < 30; ++i) {
    FailToAuthenticate(now_ + absl::Milliseconds(300 * i), stream_);
  }
  EXPECT_EQ(Worst(), Severity::kMedium);
}

// Nobody teaches an address that whole sprays are one login.
TEST_F(ExpiredLoginsTest, LargeBurstsBeforeHideNoSpray) {
  for (int hour = 0; hour < 48; ++hour) {
    for (int i = 0; i < 9; ++i) {
      FailToAuthenticate(After(3600 * hour + i), stream_);
    }
  }
  ASSERT_LT(Worst(), Severity::kMedium);
  for (int i = 0; i < 60; ++i) {
    FailToAuthenticate(After(3600 * 48) + i * absl::Milliseconds(300), stream_);
  }
  EXPECT_EQ(Worst(), Severity::kMedium);
}

TEST(ForbiddenCaseTest, ReasonsSumUpToTheScore) {
  ForbiddenStream stream;
  for (int i = 0; i < 60; ++i) Scan(i, stream, "203.0.113.5", absl::Minutes(1));
  for (int i = 0; i < 50; ++i) {
    FailToAuthenticate(After(4000) + absl::Milliseconds(100 * i), stream);
  }
  stream.End();
  ASSERT_THAT(stream.findings(), Not(IsEmpty()));
  for (const Finding& finding : stream.findings()) {
    double sum = 0;
    for (const FindingReason& reason : finding.why) sum += reason.contribution;
    EXPECT_NEAR(sum, finding.score, 1e-9) << finding.rule;
    EXPECT_LE(finding.evidence.size(), Finding::kMaxEvidence);
    EXPECT_FALSE(finding.normal.empty());
    EXPECT_FALSE(finding.next.empty());
  }
}

TEST(ForbiddenCaseTest, TextsOfTheLogAreBounded) {
  ForbiddenStream stream;
  std::string huge(100'000, 'x');
  for (int i = 0; i < 20; ++i) {
    EventBuilder event;
    event.Anonymous().SourceIp("203.0.113.5").UserAgent(huge).Forbidden();
    event.NonResource(absl::StrCat("/", i, huge));
    stream.Feed(event.At(After(i)));
  }
  ASSERT_THAT(stream.findings(), Not(IsEmpty()));
  for (const std::string& text : TextsOf(stream.findings()[0])) {
    EXPECT_LE(text.size(), 600u);
  }
}

TEST(ForbiddenCaseTest, ProfileMovesTheLadder) {
  auto first_at = [](double threshold) {
    ForbiddenBurst::Options options;
    options.threshold_fast = threshold;
    ForbiddenStream stream(options);
    int i = 0;
    while (Of(stream, "anonymous.enumeration").empty() && i < 50) {
      Scan(i++, stream);
    }
    return i;
  };
  EXPECT_LT(first_at(9), first_at(11.5));
  EXPECT_LT(first_at(11.5), first_at(14));
}

TEST(ForbiddenCaseTest, EvictionFinishesWhatIsOpen) {
  ForbiddenStream stream;
  stream.ShrinkTable();
  for (int i = 0; i < 12; ++i) Scan(i, stream);
  Scan(13, stream, "198.51.100.1");
  stream.End();
  EXPECT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
}

}  // namespace
}  // namespace oddverb
