// What is refused far from home, or through a program that the actor never
// used, says more.
#include <string>

#include "absl/strings/str_cat.h"
#include "detectors/forbidden_weight.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kPod = "10.244.3.7";
constexpr const char* kThiefElsewhere = "203.0.113.9";
constexpr const char* kApp = "app/v1.2.0 (linux/amd64) kubernetes/$Format";

class Request : public EventBuilder {
 public:
  explicit Request(int number) {
    ServiceAccount("web", "api").SourceIp(kPod).UserAgent(kApp);
    AuditId(absl::StrCat("a", number)).At(After(10 * number));
  }
};

// An account that has run for a day and a half in its pod.
void RunBefore(ForbiddenStream& stream) {
  for (int i = 0; i < 5; ++i) {
    Request event(0);
    event.Verb("get").Resource(absl::StrCat("r", i)).Ns("web").Allowed();
    stream.Feed(event.At(kForbiddenStart - absl::Hours(36)));
  }
}

// Requests that are refused until a finding; 99 = none of 30 opens one.
int RequestsToFinding(const std::string& address, const std::string& agent,
                      const std::string& query = "",
                      ForbiddenBurst::Options options = {}) {
  ForbiddenStream stream(options);
  RunBefore(stream);
  for (int i = 1; i <= 30; ++i) {
    Request event(i);
    std::string resource = absl::StrCat("things", i);
    event.Verb("list").Resource(resource).Forbidden();
    event.SourceIp(address).UserAgent(agent);
    event.Uri(absl::StrCat("/api/v1/", resource, query));
    stream.Feed(event);
    if (!stream.InState(FindingState::kOpen).empty()) return i;
  }
  return 99;
}

TEST(ForbiddenPlacesTest, EachNewThingShortensTheWay) {
  int home = RequestsToFinding(kPod, kApp);
  int program = RequestsToFinding(kPod, "curl/8.5.0");
  int network = RequestsToFinding(kThiefElsewhere, kApp);
  int both = RequestsToFinding(kThiefElsewhere, "curl/8.5.0");
  EXPECT_LT(program, home);
  EXPECT_LT(network, home);
  EXPECT_LT(both, program);
  EXPECT_LE(both, network);
  // Without the idea all of them are alike.
  ForbiddenBurst::Options without{
      .without = ForbiddenBurst::Options::Without::kNovelty};
  EXPECT_EQ(RequestsToFinding(kThiefElsewhere, "curl/8.5.0", "", without),
            home);
}

TEST(ForbiddenPlacesTest, TheOtherFamilyInsideIsNoOtherPlace) {
  const std::string query = "?limit=500&resourceVersion=0";
  for (const std::string& shape : {std::string(), query}) {
    int home = RequestsToFinding(kPod, kApp, shape);
    EXPECT_EQ(RequestsToFinding("fd00:10:244::7", kApp, shape), home);
    EXPECT_LT(RequestsToFinding("2001:db8::7", kApp, shape), home);
    EXPECT_LT(RequestsToFinding("10.9.1.7", kApp, shape), home);
  }
}

// `kubectl get all` in the namespace of another team.
TEST(ForbiddenPlacesTest, OneQuestionIsOneNewPlace) {
  auto opens = [](const std::string& address, absl::Duration pause) {
    ForbiddenStream stream;
    auto ask = [&](const std::string& resource, absl::Time time, bool allowed) {
      EventBuilder event;
      event.User("ada").Groups({"dev"}).UserAgent("kubectl/v1.30");
      event.Verb("list").Resource(resource).SourceIp(allowed ? kPod : address);
      event.Ns(allowed ? "web" : "shop").AuditId(resource).At(time);
      stream.Feed(allowed ? event.Allowed() : event.Forbidden());
    };
    for (int i = 0; i < 5; ++i) {
      ask(absl::StrCat("r", i), kForbiddenStart - absl::Hours(36), true);
    }
    absl::Time time = kForbiddenStart;
    for (const char* resource :
         {"pods", "replicationcontrollers", "services", "daemonsets",
          "deployments", "replicasets", "statefulsets",
          "horizontalpodautoscalers", "cronjobs", "jobs"}) {
      ask(resource, time, false);
      time += pause;
    }
    return !stream.findings().empty();
  };
  EXPECT_FALSE(opens(kThiefElsewhere, absl::Milliseconds(9)));
  // One after the other they are questions of their own.
  EXPECT_TRUE(opens(kThiefElsewhere, absl::Seconds(10)));
}

TEST(ForbiddenPlacesTest, AnInformerUnderANewNameIsARelease) {
  const std::string query = "?limit=500&resourceVersion=0";
  int home = RequestsToFinding(kPod, kApp, query);
  EXPECT_EQ(RequestsToFinding(kPod, "app-v2/v2.0 kubernetes/$Format", query),
            home);
  EXPECT_LE(RequestsToFinding(kThiefElsewhere, "app-v2/v2.0 kubernetes/$Format",
                              query),
            (home + 1) / 2);
}

TEST(ForbiddenPlacesTest, ToTravelIsNoFinding) {
  ForbiddenStream stream;
  RunBefore(stream);
  for (int i = 1; i < 50; ++i) {
    Request event(i);
    event.Verb("get").Resource(absl::StrCat("r", i)).Ns("web").Allowed();
    stream.Feed(event.SourceIp(absl::StrCat("203.", i, ".113.9")));
  }
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(ForbiddenPlacesTest, WhatAConsoleIsRefusedForOthersStaysAsItWas) {
  EventBuilder event;
  event.ServiceAccount("web", "api")
      .SourceIp(kThiefElsewhere)
      .Impersonated("ada");
  event.Verb("list").Resource("nodes").Forbidden().At(kForbiddenStart);
  const AuditEvent& built = event.Build();
  ForbiddenActor actor;
  actor.first_seen_micros =
      absl::ToUnixMicros(kForbiddenStart - absl::Hours(48));
  actor.places.See(KnownPlaces::Of(built), kForbiddenStart);
  EXPECT_EQ(NoveltyFactor(built, TupleOf(built), IdentityClass::kServiceAccount,
                          actor, kForbiddenStart),
            1);
}

TEST(ForbiddenPlacesTest, GuessesFromElsewhereCountMore) {
  auto guesses = [](const char* address) {
    ForbiddenStream stream;
    RunBefore(stream);
    for (int i = 1; i <= 16; ++i) {
      Request event(i);
      event.Verb("get").Resource("secrets").Ns("web").Name(absl::StrCat(i));
      event.Allowed().Code(404).SourceIp(address).UserAgent("curl/8.5.0");
      stream.Feed(event.At(After(i)));
    }
    Severity worst = Severity::kInfo;
    for (const Finding& finding : stream.findings()) {
      worst = std::max(worst, finding.severity);
    }
    return worst;
  };
  EXPECT_EQ(guesses(kThiefElsewhere), Severity::kMedium);
  EXPECT_LT(guesses(kPod), Severity::kMedium);
}

TEST(ForbiddenPlacesTest, PlacesSurviveARestart) {
  ForbiddenStream stream;
  RunBefore(stream);
  stream.Restart();
  ASSERT_TRUE(stream.restarts_ok());
  int both = RequestsToFinding(kThiefElsewhere, "curl/8.5.0");
  for (int i = 1; i <= both; ++i) {
    Request event(i);
    event.Verb("list").Resource(absl::StrCat("things", i)).Forbidden();
    stream.Feed(event.SourceIp(kThiefElsewhere).UserAgent("curl/8.5.0"));
  }
  EXPECT_THAT(stream.InState(FindingState::kOpen), SizeIs(1));
}

}  // namespace
}  // namespace oddverb
