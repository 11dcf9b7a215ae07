// StolenCredential on tokens that outlive their pods: token.deleted_pod.
#include "detectors/deleted_pod.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class DeletedPodTest : public ::testing::Test {
 protected:
  // One request about the pod web/NAME.
  template <class Change>
  void About(Client who, const std::string& name, Change change) {
    who.Ask([&](EventBuilder& b) {
      b.Verb("delete").Resource("pods").Ns("web").Name(name);
      change(b);
    });
  }
  void Ask(const std::string& name) {
    About(person_, name, [](EventBuilder&) {});
  }
  void End(const std::string& name) {
    About(kubelet_, name, [](EventBuilder&) {});
  }
  size_t CountOfRule() const {
    size_t count = 0;
    for (const Finding& finding : stream_.findings()) {
      if (finding.rule == kDeletedPodRule) ++count;
    }
    return count;
  }

  CredentialStream stream_;
  Client kubelet_ =
      Client::Person(stream_, "system:node:worker-1", "192.168.0.11")
          .With("kubelet/v1.37.2 (linux/amd64) kubernetes/abcdef0");
  Client person_ = Client::Person(stream_, "olga", kOffice);
  Client pod_ = Client::Pod(stream_, "shop", kInside);
};

TEST_F(DeletedPodTest, ATokenThatIsUsedWhenItsPodIsGoneWasCopied) {
  pod_.Ask(3);
  Ask("shop-0");
  stream_.Restart();
  pod_.Ask(3);
  End("shop-0");
  stream_.Restart();
  stream_.Sleep(absl::Minutes(5));
  EXPECT_THAT(stream_.reports(), IsEmpty());
  // Behind the same gateway, by the same program.
  pod_.Ask();
  ASSERT_THAT(stream_.reports(), SizeIs(1));
  const Finding& finding = stream_.reports()[0];
  ExpectSound(finding);
  EXPECT_EQ(finding.rule, "token.deleted_pod");
  EXPECT_EQ(finding.detector, "stolen_credential");
  EXPECT_EQ(finding.severity, Severity::kHigh);
  EXPECT_EQ(finding.entity, "system:serviceaccount:web:shop");
  EXPECT_EQ(finding.who.pod, "shop-0");
  EXPECT_EQ(finding.where.source_ip, kInside);
  EXPECT_EQ(finding.summary,
            "system:serviceaccount:web:shop: the token of pod shop-0 is used "
            "from 10.244.1.5, 5m1s after its kubelet had ended the pod.");
  EXPECT_THAT(FeaturesOf(finding), Contains("used after its pod was gone"));
  EXPECT_TRUE(stream_.loads_ok());
}

TEST_F(DeletedPodTest, AnHonestPodCallsUntilItsKubeletHasEndedIt) {
  pod_.Ask(3);
  Ask("shop-0");
  // A long grace period.
  for (int i = 0; i < 60; ++i) {
    pod_.Ask();
    stream_.Sleep(absl::Seconds(59));
  }
  End("shop-0");
  pod_.Ask();  // was on its way
  stream_.End();
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(DeletedPodTest, OnlyItsKubeletsSuccessfulDeleteIsTheEnd) {
  struct Case {
    const char* what;
    bool by_kubelet;
    int code;
    const char* sub;
    const char* body;
    const char* uri;
    bool is_end;
  };
  const char* kUri = "/api/v1/namespaces/web/pods/shop-0";
  for (const Case& c : {
           Case{"its kubelet", true, 200, "", "", kUri, true},
           Case{"its kubelet, with grace 0", true, 200, "",
                R"({"gracePeriodSeconds":0})", kUri, true},
           Case{"with a grace period", true, 200, "",
                R"({"gracePeriodSeconds":30})", kUri, false},
           Case{"somebody by force", false, 200, "",
                R"({"gracePeriodSeconds":0})", kUri, false},
           Case{"not found", true, 404, "", "", kUri, false},
           Case{"not allowed", true, 403, "", "", kUri, false},
           Case{"only tried", true, 200, "", "",
                "/api/v1/namespaces/web/pods/shop-0?dryRun=All", false},
           Case{"only tried, in the body", true, 200, "",
                R"({"dryRun":["All"]})", kUri, false},
           Case{"something of it", true, 200, "status", "", kUri, false},
       }) {
    CredentialStream stream;
    Client pod = Client::Pod(stream, "shop", kInside);
    Client kubelet =
        Client::Person(stream, "system:node:worker-1", "192.168.0.11");
    Client person = Client::Person(stream, "olga", kOffice);
    pod.Ask();
    (c.by_kubelet ? kubelet : person).Ask([&](EventBuilder& b) {
      b.Verb("delete").Resource("pods").Ns("web").Name("shop-0").Sub(c.sub);
      b.Code(c.code).RequestObject(c.body).Uri(c.uri);
    });
    stream.Sleep(absl::Minutes(5));
    pod.Ask();
    EXPECT_THAT(stream.findings(), SizeIs(c.is_end ? 1 : 0)) << c.what;
  }
}

TEST_F(DeletedPodTest, TheEndOfALongRequestIsNoUse) {
  pod_.Ask();
  const absl::Time begin = stream_.NextSecond();
  End("shop-0");
  stream_.Sleep(absl::Minutes(5));
  pod_.Ask([&](EventBuilder& b) { b.Verb("watch").Received(begin); });
  stream_.End();
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(DeletedPodTest, WithoutTheTimeOfARequestAWatchIsNoUseAndAGetIsOne) {
  for (const char* verb : {"watch", "get"}) {
    CredentialStream stream;
    Client pod = Client::Pod(stream, "shop", kInside);
    Client kubelet =
        Client::Person(stream, "system:node:worker-1", "192.168.0.11");
    pod.Ask();
    About(kubelet, "shop-0", [](EventBuilder&) {});
    stream.Sleep(absl::Minutes(5));
    pod.Ask(
        [&](EventBuilder& b) { b.Verb(verb).Received(absl::InfinitePast()); });
    EXPECT_THAT(stream.findings(), SizeIs(verb[0] == 'g' ? 1 : 0)) << verb;
  }
}

// Pods of a StatefulSet have one name, one after the other.
TEST_F(DeletedPodTest, TheNextPodOfTheNameIsAlive) {
  auto uses = [&](const std::string& uid) {
    pod_.Ask([&](EventBuilder& b) { b.Pod("shop-0", uid); });
  };
  for (int i = 0; i < 5; ++i) {
    uses(absl::StrCat("uid-", i));
    stream_.Sleep(absl::Minutes(3));
    uses(absl::StrCat("uid-", i));
    Ask("shop-0");
    End("shop-0");
    stream_.Restart();
  }
  stream_.Sleep(absl::Minutes(3));
  EXPECT_THAT(stream_.reports(), IsEmpty());
  // A copy of any of them is found, the last one's, too.
  uses("uid-2");
  uses("uid-4");
  EXPECT_EQ(CountOfRule(), 2u);
}

TEST_F(DeletedPodTest, WhereTheEndIsLoggedLateItIsNotTheNextPods) {
  auto uses = [&](const std::string& uid) {
    pod_.Ask([&](EventBuilder& b) { b.Pod("shop-0", uid); });
  };
  uses("uid-1");
  stream_.Sleep(absl::Minutes(10));
  uses("uid-2");  // of another API server's log
  End("shop-0");
  stream_.Sleep(absl::Minutes(10));
  uses("uid-2");
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(DeletedPodTest, BodiesSayWhichPodItIsAlsoOneThatNeverCalled) {
  for (bool by_precondition : {true, false}) {
    CredentialStream stream;
    Client pod = Client::Pod(stream, "shop", kInside);
    Client kubelet =
        Client::Person(stream, "system:node:worker-1", "192.168.0.11");
    About(kubelet, "shop-0", [&](EventBuilder& b) {
      if (by_precondition) {
        b.RequestObject(R"({"preconditions":{"uid":"uid-of-shop-0"}})");
      } else {
        b.ResponseObject(R"({"metadata":{"uid":"uid-of-shop-0"}})");
      }
    });
    stream.Restart();
    stream.Sleep(absl::Minutes(5));
    pod.Ask();
    EXPECT_THAT(stream.findings(), SizeIs(1)) << by_precondition;
  }
}

TEST_F(DeletedPodTest, AThiefWhoNeverPausesIsFoundWithinTenMinutes) {
  pod_.Ask();
  End("shop-0");
  for (int i = 0; i < 11; ++i) {
    pod_.Ask();
    stream_.Sleep(absl::Seconds(58));
  }
  EXPECT_EQ(CountOfRule(), 1u);
}

TEST_F(DeletedPodTest, IsOneFindingThatGrowsAndEndsOnce) {
  pod_.Ask();
  End("shop-0");
  for (int i = 0; i < 100; ++i) {
    stream_.Sleep(absl::Minutes(5));
    pod_.Ask();
  }
  stream_.Restart();
  stream_.End();
  ASSERT_EQ(CountOfRule(), 1u);
  EXPECT_EQ(stream_.findings()[0].count, 100);
  EXPECT_EQ(CountOf(stream_.reports(), FindingState::kFinal), 1u);
  EXPECT_LT(stream_.reports().size(), 10u);
}

TEST_F(DeletedPodTest, IsForgottenAfterTwoDays) {
  for (absl::Duration later : {absl::Hours(47), absl::Hours(49)}) {
    CredentialStream stream;
    Client pod = Client::Pod(stream, "shop", kInside);
    Client kubelet =
        Client::Person(stream, "system:node:worker-1", "192.168.0.11");
    pod.Ask();
    About(kubelet, "shop-0", [](EventBuilder&) {});
    stream.Sleep(later);
    stream.Tick(stream.NextSecond());
    stream.Restart();
    pod.Ask();
    EXPECT_THAT(stream.findings(), SizeIs(later < absl::Hours(48) ? 1 : 0));
  }
}

TEST_F(DeletedPodTest, ElsewhereAfterADeleteItIsNoRestart) {
  for (bool is_asked : {false, true}) {
    CredentialStream stream;
    Client pod = Client::Pod(stream, "shop", kInside);
    Client person = Client::Person(stream, "olga", kOffice);
    Client neighbour = Client::Pod(stream, "cart", kInside2);
    pod.Ask();
    neighbour.Ask();
    if (is_asked) {
      About(person, "shop-0", [](EventBuilder& b) {
        b.Verb("create").Sub("eviction").Code(201);
      });
    }
    stream.Restart();
    pod.At(kInside2).Ask();  // as after a restart
    ASSERT_THAT(stream.findings(), SizeIs(1));
    const Finding finding = stream.findings()[0];
    ExpectSound(finding);
    EXPECT_EQ(finding.rule, "token.outside_its_pod");
    EXPECT_EQ(finding.severity, is_asked ? Severity::kHigh : Severity::kLow);
    const char* reason = "its pod was to end before, and is not started again";
    if (is_asked) {
      EXPECT_THAT(FeaturesOf(finding), Contains(reason));
    } else {
      EXPECT_THAT(FeaturesOf(finding), Not(Contains(reason)));
    }
  }
}

// Its node was rebooted, and nothing was heard of it since.
TEST_F(DeletedPodTest, InItsLastMinuteItMayComeFromWhereItWasStartedAgain) {
  for (absl::Duration later : {absl::Seconds(9), absl::Seconds(70)}) {
    CredentialStream stream;
    Client pod = Client::Pod(stream, "shop", kInside);
    Client person = Client::Person(stream, "olga", kOffice);
    pod.Ask();
    stream.Restart();
    About(person, "shop-0", [](EventBuilder&) {});
    stream.Sleep(later);
    pod.At(kInside2).Ask();
    ASSERT_THAT(stream.findings(), SizeIs(1));
    EXPECT_EQ(stream.findings()[0].rule, "token.outside_its_pod");
    EXPECT_EQ(stream.findings()[0].severity,
              later < absl::Minutes(1) ? Severity::kLow : Severity::kHigh);
  }
}

// Where its node translates addresses for some of its connections.
TEST_F(DeletedPodTest, InItsLastMinuteItMayComeFromItsNodeAndFromItself) {
  for (absl::Duration later : {absl::Seconds(3), absl::Seconds(70)}) {
    CredentialStream stream;
    Client::Person(stream, "system:node:worker-1", "192.168.0.11")
        .With("kubelet/v1.37.2 (linux/amd64) kubernetes/abcdef0")
        .Ask();
    Client person = Client::Person(stream, "olga", kOffice);
    for (int i : {2, 3, 4}) {
      Client::Pod(stream, absl::StrCat("pod-", i), absl::StrCat("10.244.1.", i))
          .Ask();
    }
    Client pod = Client::Pod(stream, "shop", kInside);
    pod.At("192.168.0.11").Ask();
    About(person, "shop-0", [](EventBuilder&) {});
    stream.Sleep(later);
    pod.Ask();
    stream.End();
    ASSERT_THAT(stream.findings(), SizeIs(1));
    const Finding finding = stream.findings()[0];
    EXPECT_EQ(finding.rule, "token.outside_its_pod");
    EXPECT_EQ(finding.severity,
              later < absl::Minutes(1) ? Severity::kLow : Severity::kHigh);
  }
}

TEST_F(DeletedPodTest, ElsewhereAfterTheEndItIsOneFindingAndCritical) {
  Client neighbour = Client::Pod(stream_, "cart", kInside2);
  pod_.Ask();
  neighbour.Ask();
  End("shop-0");
  stream_.Sleep(absl::Minutes(5));
  Client thief = pod_.At(kInside2);
  thief.Ask(3);
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_EQ(stream_.findings()[0].rule, "token.outside_its_pod");
  EXPECT_EQ(stream_.findings()[0].severity, Severity::kCritical);
  EXPECT_THAT(FeaturesOf(stream_.findings()[0]),
              Contains("used after its pod was gone"));
}

TEST_F(DeletedPodTest, FailedAuthenticationsAtTheAddressAreEvidence) {
  pod_.Ask();
  End("shop-0");
  stream_.Sleep(absl::Minutes(5));
  pod_.Ask();
  for (const char* ip : {kOutside, kInside, kInside}) {
    Observation fails;
    fails.kind = ObservationKind::kAuthenticationFails;
    fails.source_ip = ip;
    fails.draft.emplace();
    Emit out;
    stream_.cross().Observe(fails, {}, out);
    // Told once.
    const bool is_first = std::string(ip) == kInside && !out.findings.empty();
    if (!is_first) continue;
    EXPECT_THAT(FeaturesOf(out.findings[0]),
                Contains("failed authentications there as well"));
    EXPECT_EQ(out.changed.size(), 1u);
  }
  stream_.End();
  EXPECT_DOUBLE_EQ(stream_.findings()[0].score, 6);
}

TEST_F(DeletedPodTest, NamesOfTheLogAreQuotedInWhatToDo) {
  pod_.Ask([](EventBuilder& b) { b.Pod("x; rm -rf /", "uid"); });
  About(kubelet_, "x; rm -rf /", [](EventBuilder&) {});
  stream_.Sleep(absl::Minutes(5));
  pod_.Ask([](EventBuilder& b) { b.Pod("x; rm -rf /", "uid"); });
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_THAT(stream_.findings()[0].next, Contains(HasSubstr("'x; rm -rf /'")));
}

}  // namespace
}  // namespace oddverb
