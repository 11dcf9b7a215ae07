// What is found and what is not: whole streams of one actor each.
#include "detectors/forbidden_burst.h"

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

using SetUser = std::function<void(EventBuilder&)>;

void Frontend(EventBuilder& event) { event.ServiceAccount("web", "frontend"); }
void Mallory(EventBuilder& event) { event.User("mallory@corp.example"); }

const char* kBurstResources[] = {"secrets",  "pods",      "configmaps",
                                 "services", "endpoints", "serviceaccounts"};

// The `i`-th different thing to try.
void Probe(int i, EventBuilder& event) {
  event.Verb("list")
      .Resource(kBurstResources[i % 6])
      .Ns(absl::StrCat("ns", i / 6));
  event.Forbidden();
}

// Refuses `tries` different requests, one each `gap`; returns how many it took
// until a finding, of `rule` if one is named, was opened (0 = none).
int TriesUntilFound(const SetUser& user, int tries, absl::Duration gap,
                    ForbiddenStream& stream, std::string_view rule = "") {
  EventBuilder before;
  user(before);
  SeenBefore(stream, before);
  for (int i = 0; i < tries; ++i) {
    EventBuilder event;
    user(event);
    Probe(i, event);
    stream.Feed(event.At(kForbiddenStart + i * gap));
    if (!stream.findings().empty() &&
        (rule.empty() || stream.findings().back().rule == rule)) {
      return i + 1;
    }
  }
  return 0;
}

TEST(ForbiddenBurstTest, FindsEnumerationAtEveryPace) {
  struct Case {
    const char* name;
    SetUser user;
    absl::Duration gap;
    const char* rule;
    int at_most;  // tries
  };
  const Case kCases[] = {
      {"service account, script", Frontend, absl::Milliseconds(30),
       "forbidden.fanout", 5},
      {"service account, one in 3 s", Frontend, absl::Seconds(3),
       "forbidden.fanout", 5},
      {"service account, one an hour", Frontend, absl::Hours(1),
       "forbidden.low_and_slow", 12},
      {"person, script", Mallory, absl::Milliseconds(50), "forbidden.fanout",
       9},
      {"person, one in 3 s", Mallory, absl::Seconds(3), "forbidden.fanout", 8},
      {"person, one an hour", Mallory, absl::Hours(1), "forbidden.low_and_slow",
       17},
  };
  for (const Case& c : kCases) {
    ForbiddenStream stream;
    int tries = TriesUntilFound(c.user, 40, c.gap, stream);
    EXPECT_GT(tries, 2) << c.name;
    EXPECT_LE(tries, c.at_most) << c.name;
    ASSERT_THAT(stream.findings(), SizeIs(1)) << c.name;
    EXPECT_EQ(stream.findings()[0].rule, c.rule) << c.name;
    EXPECT_EQ(stream.findings()[0].severity,
              c.gap == absl::Hours(1) ? Severity::kMedium : Severity::kHigh);
  }
}

TEST(ForbiddenBurstTest, NeedsMoreFromAnActorThatItHasJustMet) {
  auto tries = [](absl::Time first_seen) {
    ForbiddenStream stream;
    EventBuilder before;
    Frontend(before);
    stream.Feed(
        before.Resource("configmaps").Ns("web").Allowed().At(first_seen));
    for (int i = 0; i < 40; ++i) {
      EventBuilder event;
      Frontend(event);
      Probe(i, event);
      stream.Feed(event.At(kForbiddenStart));
      if (stream.findings().empty()) continue;
      EXPECT_EQ(stream.findings()[0].warming, first_seen == kForbiddenStart);
      return i + 1;
    }
    return 0;
  };
  EXPECT_GT(tries(kForbiddenStart), tries(kForbiddenStart - absl::Minutes(15)));
}

// Each of these is a stream of an honest actor that nobody may be paged for.
// What its operator should know is said as info.
class HonestActorTest : public ::testing::Test {
 protected:
  ~HonestActorTest() override {
    stream_.End();
    std::set<std::string> rules;
    for (const Finding& finding : stream_.findings()) {
      EXPECT_EQ(finding.severity, Severity::kInfo) << finding.rule;
      rules.insert(finding.rule);
    }
    EXPECT_EQ(rules, info_);
  }
  ForbiddenStream stream_;
  std::set<std::string> info_;  // rules
};

TEST_F(HonestActorTest, ReflectorThatIsRefusedEverySecondForAWeek) {
  EventBuilder event;
  event.ServiceAccount("staging", "flaky").Verb("list").Resource("secrets");
  event.Uri("/api/v1/secrets?limit=500&resourceVersion=0").Forbidden();
  for (int i = 0; i < 7 * 24 * 3600; ++i) {
    stream_.Feed(event.At(kForbiddenStart + absl::Seconds(i)));
  }
  info_ = {"forbidden.storm"};
}

TEST_F(HonestActorTest, OperatorWithoutItsClusterRole) {
  for (const char* resource :
       {"secrets", "pods", "configmaps", "services", "endpoints", "nodes",
        "replicationcontrollers", "namespaces", "persistentvolumes",
        "serviceaccounts"}) {
    for (int retry = 0; retry < 8; ++retry) {
      for (const char* verb : {"list", "watch"}) {
        EventBuilder event;
        event.ServiceAccount("ops", "operator").Verb(verb).Resource(resource);
        event.Uri(absl::StrCat("/api/v1/", resource, "?resourceVersion=0"));
        // client-go backs off from 0.8 s to 30 s.
        stream_.Feed(event.Forbidden().At(
            kForbiddenStart + absl::Milliseconds(800) * (1 << retry)));
      }
    }
  }
  info_ = {"forbidden.storm"};
}

TEST_F(HonestActorTest, GitOpsThatLosesItsRightsOn180Kinds) {
  for (int refused = 0; refused < 3; ++refused) {
    for (int i = 0; i < 180; ++i) {
      EventBuilder event;
      event.ServiceAccount("argocd", "controller").Verb("list");
      event.Resource(absl::StrCat("kind", i), "example.com");
      event.At(kForbiddenStart + absl::Hours(refused) + absl::Milliseconds(i));
      stream_.Feed(refused == 0 ? event.Allowed() : event.Forbidden());
    }
  }
  info_ = {"permission.regression"};
}

TEST_F(HonestActorTest, FiftyReplicasWithTheSameMissingRights) {
  for (int replica = 0; replica < 50; ++replica) {
    for (const char* resource : {"configmaps", "leases", "endpoints"}) {
      EventBuilder event;
      event.ServiceAccount("web", "app").Verb("get").Ns("web");
      event.Resource(resource).Pod(absl::StrCat("app-", replica), "uid");
      event.SourceIp(absl::StrCat("10.1.0.", replica)).Forbidden();
      stream_.Feed(event.At(kForbiddenStart + absl::Seconds(replica)));
    }
  }
  info_ = {"forbidden.storm"};
}

TEST_F(HonestActorTest, KubeletAheadOfTheNodeAuthorizer) {
  for (int i = 0; i < 40; ++i) {
    for (const char* resource : {"configmaps", "secrets"}) {
      EventBuilder event;
      event.Node("worker-1").Verb("get").Resource(resource);
      event.Ns(absl::StrCat("ns", i % 8)).Name(absl::StrCat("object", i));
      event.Forbidden().AuthorizationReason(
          "node: no relationship found between node 'worker-1' and this "
          "object");
      stream_.Feed(event.At(kForbiddenStart + absl::Seconds(i)));
    }
  }
}

TEST_F(HonestActorTest, AdmissionRefusesWhatTheAuthorizerAllows) {
  const char* kTexts[] = {
      "exceeded quota: q, requested: pods=1",
      "violates PodSecurity \"baseline:latest\": privileged",
      ("unable to create new content in namespace x because it is being "
       "terminated"),
      "use of kubernetes.io/kube-apiserver-client signer is not allowed"};
  for (int i = 0; i < 200; ++i) {
    EventBuilder event;
    event.User("ci").Verb("create").Resource(kBurstResources[i % 6]);
    event.Ns(absl::StrCat("ns", i)).Code(403).Decision(Decision::kAllow);
    event.Message(absl::StrCat(kBurstResources[i % 6],
                               " \"p\" is forbidden: ", kTexts[i % 4]));
    stream_.Feed(event.At(kForbiddenStart + absl::Seconds(i)));
  }
}

TEST_F(HonestActorTest, HealthChecksOfAClosedServer) {
  for (int i = 0; i < 3000; ++i) {
    EventBuilder event;
    event.Anonymous().NonResource(i % 3 == 0   ? "/healthz"
                                  : i % 3 == 1 ? "/livez?verbose"
                                               : "/");
    event.UserAgent(i % 3 == 2 ? "ELB-HealthChecker/2.0" : "kube-probe/1.30");
    stream_.Feed(event.Forbidden().At(kForbiddenStart + absl::Seconds(i)));
  }
}

TEST_F(HonestActorTest, ThatAsksWhatItMayDo) {
  for (int i = 0; i < 100; ++i) {
    EventBuilder event;
    Frontend(event);
    event.Verb("create").Code(201).Decision(Decision::kAllow);
    event.Resource("selfsubjectaccessreviews", "authorization.k8s.io");
    stream_.Feed(event.At(kForbiddenStart + absl::Seconds(i)));
  }
}

TEST_F(HonestActorTest, AppliesManifestsWithManySecrets) {
  for (int i = 0; i < 100; ++i) {
    EventBuilder look, make;
    look.User("admin").Resource("secrets").Ns("web");
    look.Name(absl::StrCat("db", i)).Code(404).Decision(Decision::kAllow);
    stream_.Feed(look.At(kForbiddenStart + absl::Seconds(2 * i)));
    make.User("admin").Verb("create").Resource("secrets").Ns("web");
    make.Code(201).Decision(Decision::kAllow);
    stream_.Feed(make.At(kForbiddenStart + absl::Seconds(2 * i + 1)));
  }
}

// Who they are is not known, so no kind of request is their first.
TEST(ForbiddenBurstTest, FailedAuthenticationsAreNoFirstContacts) {
  ForbiddenStream stream;
  for (int i = 0; i < 100; ++i) {
    EventBuilder event;
    event.Unauthenticated().Uri(absl::StrCat("/api/v1/x", i));
    stream.Feed(event.At(kForbiddenStart + absl::Seconds(i)));
  }
  for (const Finding& finding : stream.findings()) {
    EXPECT_EQ(finding.rule, "authn.failure_surge");
  }
}

TEST(ForbiddenBurstTest, CountsARequestOnceWhateverStagesItHas) {
  ForbiddenStream stream;
  for (int i = 0; i < 20; ++i) {
    for (Stage stage : {Stage::kRequestReceived, Stage::kResponseStarted,
                        Stage::kResponseComplete}) {
      EventBuilder event;
      Mallory(event);
      Probe(i, event);
      event.Verb("watch").AuditId(absl::StrCat("id", i));
      event.At(kForbiddenStart + absl::Seconds(i)).Stage(stage);
      if (stage == Stage::kRequestReceived) {
        event.Code(0).Decision(Decision::kAbsent);
      }
      stream.Feed(event);
    }
  }
  stream.End();
  std::vector<Finding> last = stream.InState(FindingState::kFinal);
  ASSERT_THAT(last, SizeIs(1));
  EXPECT_EQ(last[0].count, 20);
  EXPECT_THAT(last[0].benign_checks,
              ::testing::Contains(HasSubstr("retries: 0 repeats")));
}

// The Audit-ID header is the client's to choose.
TEST(ForbiddenBurstTest, OneAuditIdOnAllRequestsHidesNothing) {
  ForbiddenStream stream;
  for (int i = 0; i < 10; ++i) {
    EventBuilder event;
    Frontend(event);
    Probe(i, event);
    stream.Feed(event.AuditId("always-the-same").At(kForbiddenStart));
  }
  EXPECT_THAT(stream.InState(FindingState::kOpen), SizeIs(1));
}

TEST(ForbiddenBurstTest, FindsWhatThreeServersReportOutOfOrder) {
  ForbiddenStream stream;
  for (int i = 0; i < 12; ++i) {
    EventBuilder event;
    Frontend(event);
    Probe(i, event);
    absl::Duration late = absl::Seconds(45) * (i % 3) / 2;
    stream.Feed(event.At(kForbiddenStart + absl::Seconds(i) - late));
  }
  ASSERT_THAT(stream.InState(FindingState::kOpen), SizeIs(1));
  const Finding& finding = stream.findings()[0];
  EXPECT_LT(finding.first_seen, kForbiddenStart);
  EXPECT_LE(finding.last_seen, finding.time);
}

// Answered before the authorizer: no decision annotation.
TEST(ForbiddenBurstTest, FindsRefusedImpersonation) {
  ForbiddenStream stream;
  EventBuilder before;
  Mallory(before);
  SeenBefore(stream, before);
  int tries = 0;
  while (stream.findings().empty() && tries < 20) {
    EventBuilder event;
    Mallory(event);
    event.Verb("list").Resource(kBurstResources[tries % 6]);
    event.Ns(absl::StrCat("ns", tries / 6)).Code(403);
    event.Message(absl::StrCat("users \"admin", tries,
                               "\" is forbidden: User \"mallory\" cannot "
                               "impersonate resource \"users\" in API group "
                               "\"\" at the cluster scope"));
    stream.Feed(event.At(kForbiddenStart + absl::Seconds(tries++)));
  }
  EXPECT_LE(tries, 6);
}

TEST(ForbiddenBurstTest, GuessedNamesWeighLessThanKindsButSomething) {
  ForbiddenStream stream;
  EventBuilder before;
  Frontend(before);
  SeenBefore(stream, before);
  int tries = 0;
  while (stream.findings().empty() && tries < 50) {
    EventBuilder event;
    Frontend(event);
    event.Verb("get").Resource("secrets").Ns("web").Forbidden();
    event.Name(absl::StrCat("db-", tries));
    stream.Feed(event.At(kForbiddenStart + absl::Seconds(tries++)));
  }
  EXPECT_GT(tries, 5);
  EXPECT_LE(tries, 8);
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_THAT(stream.findings()[0].why[0].value, HasSubstr("object names"));
  EXPECT_THAT(stream.findings()[0].title, HasSubstr("1 refused first attempt"));
}

// Under suspicion, each new kind that succeeds would be a credit.
TEST(ForbiddenBurstTest, SilenceCannotBeBoughtWithWhatOneMayDo) {
  ForbiddenStream stream;
  int found_after = 0;
  for (int i = 0; i < 12; ++i) {
    EventBuilder event;
    Frontend(event);
    Probe(i, event);
    stream.Feed(event.At(kForbiddenStart + absl::Seconds(i)));
    for (int j = 0; j < 100; ++j) {
      EventBuilder allowed;
      Frontend(allowed);
      allowed.Resource("configmaps").Ns(absl::StrCat("mine", i, "-", j));
      stream.Feed(allowed.Allowed().At(kForbiddenStart + absl::Seconds(i)));
    }
    if (found_after == 0 && !stream.findings().empty()) found_after = i + 1;
  }
  EXPECT_GT(found_after, 0);
  EXPECT_LE(found_after, 7);
}

TEST(ForbiddenBurstTest, AnonymousScansNeedMuchMore) {
  auto anonymous = [](EventBuilder& event) { event.Anonymous(); };
  ForbiddenStream stream;
  EXPECT_GT(TriesUntilFound(anonymous, 60, absl::Seconds(1), stream,
                            "forbidden.fanout"),
            16);
  EXPECT_EQ(stream.findings().back().entity, "system:anonymous@10.0.0.1");
}

}  // namespace
}  // namespace oddverb
