// What shows only where identities meet at one address: who succeeds behind a
// surge of failed authentications, and several identities that probe.
#include "detectors/forbidden_cross.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/cross_stream.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kThief[] = "203.0.113.12";

void Fail(CrossStream& stream, int count, const std::string& ip = kThief) {
  for (int i = 0; i < count; ++i) {
    EventBuilder event;
    event.Unauthenticated().SourceIp(ip).UserAgent("curl/8.0");
    stream.Feed(event.Verb("list").Resource("pods").At(After(i)));
  }
}

// Any request that is answered shows that the credential is good.
void Succeed(CrossStream& stream, const std::string& user, int second,
             const std::string& ip = kThief) {
  EventBuilder event;
  event.User(user).CredentialId("X509SHA256=" + user).SourceIp(ip);
  event.Verb("list").Resource("pods").Ns("shop").Allowed();
  stream.Feed(event.At(After(second)));
}

TEST(FailThenSuccessTest, IdentityThatAppearsBehindASurgeIsHigh) {
  CrossStream stream;
  Fail(stream, 40);
  EXPECT_THAT(stream.Of("authn.fail_then_success"), IsEmpty());
  Succeed(stream, "bob", 60);
  std::vector<Finding> found = stream.Of("authn.fail_then_success");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].severity, Severity::kHigh);
  EXPECT_EQ(found[0].entity, "bob");
  EXPECT_EQ(found[0].detector, "forbidden_burst");
  EXPECT_THAT(found[0].summary, HasSubstr(kThief));
  EXPECT_EQ(found[0].evidence.front().code, 200);
  EXPECT_EQ(found[0].evidence.back().code, 401);
  double sum = 0;
  for (const FindingReason& reason : found[0].why) sum += reason.contribution;
  EXPECT_DOUBLE_EQ(sum, found[0].score);
  stream.Tick(After(2000));
  EXPECT_EQ(stream.Of("authn.fail_then_success").back().state,
            FindingState::kFinal);
}

TEST(FailThenSuccessTest, EvenWhatIsRefusedShowsAGoodCredential) {
  CrossStream stream;
  Fail(stream, 40);
  EventBuilder event;
  event.User("bob").SourceIp(kThief).Verb("list").Resource("secrets");
  stream.Feed(event.Forbidden().At(After(60)));
  EXPECT_THAT(stream.Of("authn.fail_then_success"), SizeIs(1));
}

TEST(FailThenSuccessTest, WhoWasThereBeforeRenewedACredential) {
  CrossStream stream;
  Succeed(stream, "ci", -100);
  Fail(stream, 40);
  EventBuilder event;
  event.User("ci").CredentialId("X509SHA256=new").SourceIp(kThief).Allowed();
  stream.Feed(event.Verb("list").Resource("pods").At(After(60)));
  EXPECT_THAT(stream.Of("authn.fail_then_success"), IsEmpty());
}

TEST(FailThenSuccessTest, OtherAddressesLateComersAndSingleMistakesAreNone) {
  CrossStream stream;
  Fail(stream, 40);
  Succeed(stream, "alice", 60, "10.0.0.7");
  Succeed(stream, "bob", 40 + 15 * 60);
  EXPECT_THAT(stream.Of("authn.fail_then_success"), IsEmpty());
  CrossStream few;
  Fail(few, 5);
  Succeed(few, "bob", 60);
  EXPECT_THAT(few.Of("authn.fail_then_success"), IsEmpty());
}

TEST(FailThenSuccessTest, GatewaysAndMachinesThatJoinAreLow) {
  CrossStream stream;
  for (int i = 0; i < 5; ++i) Succeed(stream, absl::StrCat("u", i), -100 + i);
  Fail(stream, 40);
  Succeed(stream, "bob", 60);
  CrossStream joining;
  Fail(joining, 40);
  EventBuilder event;
  event.Node("n1").SourceIp(kThief).Verb("get").Resource("nodes").Name("n1");
  joining.Feed(event.Allowed().At(After(60)));
  for (const CrossStream* of : {&stream, &joining}) {
    std::vector<Finding> found = of->Of("authn.fail_then_success");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].severity, Severity::kLow);
  }
}

TEST(FailThenSuccessTest, ForgedForwardedAddressHidesNothing) {
  CrossStream stream;
  for (int i = 0; i < 40; ++i) {
    EventBuilder event;
    event.Unauthenticated().SourceIps({absl::StrCat("10.1.0.", i), kThief});
    stream.Feed(event.UserAgent("curl/8.0").At(After(i)));
  }
  EventBuilder event;
  event.User("bob").SourceIps({"10.9.9.9", kThief}).Verb("list");
  stream.Feed(event.Resource("pods").Allowed().At(After(60)));
  EXPECT_THAT(stream.Of("authn.fail_then_success"), SizeIs(1));
}

// Three tokens, a few tries each: below every threshold of one actor.
void Spread(CrossStream& stream, int actors, int tries, int first = 0,
            const std::string& ip = "10.1.2.3") {
  const char* resources[] = {"secrets", "services", "persistentvolumes",
                             "nodes", "configmaps"};
  for (int t = 0; t < tries; ++t) {
    for (int a = 0; a < actors; ++a) {
      EventBuilder event;
      event.ServiceAccount("shop", absl::StrCat("sa", a)).SourceIp(ip);
      event.Verb("get").Resource(resources[t % 5]).Ns("shop").Forbidden();
      stream.Feed(event.At(After(first + t * 20 + a)));
    }
  }
}

TEST(DistributedRefusalsTest, SeveralIdentitiesAtOneAddressAreOneFinding) {
  CrossStream stream;
  Spread(stream, 4, 3);
  EXPECT_THAT(stream.Of("forbidden.fanout"), IsEmpty());
  std::vector<Finding> found = stream.Of("forbidden.distributed");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].severity, Severity::kHigh);
  EXPECT_EQ(found[0].entity, "10.1.2.3");
  EXPECT_EQ(found[0].entity_kind, "address");
  EXPECT_GE(found[0].score, found[0].threshold);
  double sum = 0;
  for (const FindingReason& reason : found[0].why) sum += reason.contribution;
  EXPECT_NEAR(sum, found[0].score, 0.001);
  EXPECT_THAT(found[0].why, SizeIs(4));
  EXPECT_THAT(found[0].why[0].feature, HasSubstr("serviceaccount:shop:sa0"));
  stream.Tick(After(4000));
  EXPECT_EQ(stream.Of("forbidden.distributed").back().state,
            FindingState::kFinal);
}

TEST(DistributedRefusalsTest, OneActorOrTwoAreNoCrowd) {
  CrossStream one;
  Spread(one, 1, 5);
  EXPECT_THAT(one.Of("forbidden.distributed"), IsEmpty());
  CrossStream two;
  Spread(two, 2, 5);
  EXPECT_THAT(two.Of("forbidden.distributed"), IsEmpty());
}

TEST(DistributedRefusalsTest, RetriesAndLostRightsWeighNothing) {
  CrossStream stream;
  for (int round = 0; round < 50; ++round) {
    for (int a = 0; a < 6; ++a) {
      EventBuilder event;
      event.ServiceAccount("shop", absl::StrCat("sa", a)).SourceIp("10.1.2.3");
      event.Verb("get").Resource("secrets").Ns("shop").At(After(round * 10));
      if (round < 2) {
        event.Allowed();
      } else {
        event.Forbidden();
      }
      stream.Feed(event);
    }
  }
  EXPECT_THAT(stream.Of("forbidden.distributed"), IsEmpty());
}

// A node that hides its pods: many identities, of which a few lack rights.
TEST(DistributedRefusalsTest, CrowdedAddressNeedsMoreAndIsLow) {
  CrossStream stream;
  for (int i = 0; i < 30; ++i) {
    Succeed(stream, absl::StrCat("user", i), -2000 + i, "10.1.2.3");
  }
  Spread(stream, 4, 3);
  EXPECT_THAT(stream.Of("forbidden.distributed"), IsEmpty());
  Spread(stream, 4, 5, 60);
  for (const Finding& finding : stream.Of("forbidden.distributed")) {
    EXPECT_LE(finding.severity, Severity::kLow);
  }
}

TEST(DistributedRefusalsTest, SlowerThanItsHalfLifeIsNone) {
  CrossStream stream;
  for (int a = 0; a < 6; ++a) Spread(stream, a + 1, 1, a * 3600);
  EXPECT_THAT(stream.Of("forbidden.distributed"), IsEmpty());
}

TEST(ForbiddenCrossTest, RestartInTheMiddleChangesNothing) {
  CrossStream whole, broken;
  for (CrossStream* stream : {&whole, &broken}) {
    bool restarts = stream == &broken;
    Fail(*stream, 40);
    if (restarts) stream->Restart();
    Succeed(*stream, "bob", 60);
    Spread(*stream, 4, 2, 100);
    if (restarts) stream->Restart();
    Spread(*stream, 4, 5, 140);
    if (restarts) stream->Restart();
    stream->Tick(After(9000));
  }
  EXPECT_TRUE(broken.restarts_ok());
  for (const char* rule :
       {"authn.fail_then_success", "forbidden.distributed"}) {
    std::vector<Finding> a = whole.Of(rule), b = broken.Of(rule);
    ASSERT_EQ(a.size(), b.size()) << rule;
    ASSERT_GE(a.size(), 2);
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].id, b[i].id);
      EXPECT_EQ(a[i].score, b[i].score);
      EXPECT_EQ(a[i].summary, b[i].summary);
    }
  }
}

TEST(ForbiddenCrossTest, DamagedStateIsRefused) {
  CrossStream stream;
  Fail(stream, 40);
  Succeed(stream, "bob", 60);
  StateWriter saved;
  stream.cross().Save(EntityKind::kAddress, 0, saved);
  std::string bytes(saved.bytes());
  ASSERT_GT(bytes.size(), 20);
  for (size_t cut : {size_t{1}, size_t{9}, bytes.size() - 1}) {
    ForbiddenCross fresh(DetectorContext(), 11.5);
    StateReader reader(std::string_view(bytes).substr(0, cut));
    EXPECT_FALSE(fresh.Load(EntityKind::kAddress, 0, reader).ok()) << cut;
  }
}

}  // namespace
}  // namespace oddverb
