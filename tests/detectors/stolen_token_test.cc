// StolenCredential on tokens that are bound to a pod: token.outside_its_pod.
// Long because: each honest way to look like a theft is a case of its own.
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

TEST(TokenOutsideItsPodTest, FirstRequestFromOutsideIsCritical) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  Client thief = pod.At(kOutside).With("curl/8.14.1");
  pod.Ask(3);
  EXPECT_THAT(stream.reports(), IsEmpty());
  thief.Ask();
  ASSERT_THAT(stream.reports(), SizeIs(1));
  const Finding& finding = stream.reports()[0];
  ExpectSound(finding);
  EXPECT_EQ(finding.rule, "token.outside_its_pod");
  EXPECT_EQ(finding.detector, "stolen_credential");
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.state, FindingState::kOpen);
  EXPECT_EQ(finding.entity, "system:serviceaccount:web:shop");
  EXPECT_EQ(finding.entity_kind, "serviceaccount");
  EXPECT_EQ(finding.who.pod, "shop-0");
  EXPECT_EQ(finding.where.source_ip, kOutside);
  EXPECT_EQ(finding.where.user_agent, "curl/8.14.1");
  EXPECT_EQ(finding.count, 1);
  EXPECT_THAT(finding.what.verbs, ElementsAre("list"));
  EXPECT_THAT(finding.what.resources, ElementsAre("secrets"));
  EXPECT_EQ(finding.summary,
            "system:serviceaccount:web:shop: the token of pod shop-0 is used "
            "from 203.0.113.66 (curl/8.14.1), but the pod is at 10.244.1.5.");
  EXPECT_EQ(finding.normal,
            "A bound token is used by its own pod only, from one address: "
            "10.244.1.5 (Go-http-client/2.0), 3 requests so far.");
  EXPECT_THAT(
      FeaturesOf(finding),
      ElementsAre("one pod's token at two addresses", "another client program",
                  "from outside of private networks",
                  "an address that no other credential uses"));
  EXPECT_THAT(finding.next, Contains("kubectl -n web delete pod shop-0"));
}

TEST(TokenOutsideItsPodTest, WhereTheThiefIsFirstTheOutsideAddressIsNamed) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  Client thief = pod.At(kOutside).With("curl/8.14.1");
  thief.Ask(3);
  pod.Ask([](EventBuilder& b) { b.SourceIps({"1.2.3.4", kInside}); });
  ASSERT_THAT(stream.reports(), SizeIs(1));
  const Finding& finding = stream.reports()[0];
  ExpectSound(finding);
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.where.source_ip, kOutside);
  EXPECT_EQ(finding.where.user_agent, "curl/8.14.1");
  EXPECT_EQ(finding.count, 3);
  // What the pod claimed is nothing of the thief's.
  EXPECT_THAT(finding.where.claimed_ips, IsEmpty());
  EXPECT_THAT(IdsOf(finding),
              ElementsAre(StartsWith(std::string("from ") + kOutside)));
  EXPECT_EQ(finding.evidence[0].uri, "/api/v1/namespaces/web/secrets");
  // The thief goes on, the pod goes on: still one finding, of the thief.
  InTurns(pod, thief, 20);
  ASSERT_THAT(stream.findings(), SizeIs(1));
  ExpectSound(stream.findings()[0]);
}

TEST(TokenOutsideItsPodTest, OneInsideWithThePodsClientIsHighOncePodSpeaks) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  Client thief = pod.At(kInside2);
  Client::Person(stream, "system:node:worker-1", "192.168.0.11").Ask();
  pod.Ask();
  thief.Ask(2);
  // Until now it may be the pod itself, restarted.
  ASSERT_THAT(stream.reports(), SizeIs(1));
  EXPECT_EQ(stream.reports()[0].severity, Severity::kLow);
  EXPECT_THAT(stream.reports()[0].benign_checks,
              Contains(HasSubstr("after a restart of the pod")));
  ExpectSound(stream.reports()[0]);
  pod.Ask();
  ASSERT_THAT(stream.reports(), SizeIs(2));
  const Finding& raised = stream.reports()[1];
  ExpectSound(raised);
  EXPECT_EQ(raised.id, stream.reports()[0].id);
  EXPECT_EQ(raised.state, FindingState::kUpdate);
  EXPECT_EQ(raised.severity, Severity::kHigh);
  EXPECT_EQ(raised.where.source_ip, kInside2);
  EXPECT_EQ(raised.count, 2);
  EXPECT_EQ(raised.first_seen, stream.reports()[0].first_seen);
  EXPECT_THAT(raised.evidence, SizeIs(2));
  InTurns(thief, pod, 3);
  EXPECT_THAT(stream.reports(), SizeIs(2));
}

TEST(TokenOutsideItsPodTest, AnotherProgramInsideIsHighOrCritical) {
  for (bool shared : {false, true}) {
    CredentialStream stream;
    Client pod = Client::Pod(stream, "shop", kInside);
    Client neighbour = Client::Pod(stream, "other", kInside2);
    if (shared) neighbour.Ask();
    pod.Ask();
    pod.At(kInside2).With("python-requests/2.31.0").Ask();
    ASSERT_THAT(stream.reports(), SizeIs(1));
    ExpectSound(stream.reports()[0]);
    EXPECT_EQ(stream.reports()[0].severity,
              shared ? Severity::kHigh : Severity::kCritical);
  }
}

TEST(TokenOutsideItsPodTest, CountsGrowAndAreToldAtEachDoubling) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  Client thief = pod.At(kOutside).With("curl/8.14.1");
  pod.Ask();
  thief.Ask(100);
  std::vector<int64_t> counts;
  for (const Finding& report : stream.reports()) {
    ExpectSound(report);
    counts.push_back(report.count);
  }
  EXPECT_THAT(counts, ElementsAre(1, 8, 16, 32, 64));
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kOpen), 1u);
  std::set<std::string> ids;
  for (const std::string& id : IdsOf(stream.reports().back())) ids.insert(id);
  EXPECT_EQ(ids.size(), Finding::kMaxEvidence);  // the first eight, all told
  thief.Ask(10'000);
  EXPECT_LT(stream.observations(), 150u);
  stream.End();
  EXPECT_GT(stream.findings()[0].count, 9'000);
}

TEST(TokenFirstUseTest, EachTokenOfAPodIsToldOnceThoughTheyOverlap) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  pod.Ask(3);
  const size_t first = stream.observations();
  Client renewed = pod.Credential("JTI=renewed");
  renewed.Ask();
  const size_t second = stream.observations();
  EXPECT_EQ(second, first + 1);
  for (int i = 0; i < 3; ++i) {
    pod.Ask();
    renewed.Ask();
  }
  EXPECT_EQ(stream.observations(), second);
}

TEST(TokenOutsideItsPodTest, SlowThiefIsNotTakenForGone) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  Client thief = pod.At(kOutside).With("curl/8.14.1");
  pod.Ask();
  for (int i = 0; i < 60; ++i) {
    thief.Ask();
    stream.Sleep(absl::Minutes(5));
  }
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kFinal), 0u);
  stream.End();
  EXPECT_EQ(stream.reports().back().count, 60);
}

TEST(TokenOutsideItsPodTest, EndsExactlyOnce) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  Client thief = pod.At(kOutside).With("curl/8.14.1");
  pod.Ask();
  thief.Ask(3);
  stream.Sleep(absl::Minutes(29));
  pod.Ask();
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kFinal), 0u);
  stream.Sleep(absl::Minutes(2));
  pod.Ask();
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kFinal), 1u);
  EXPECT_EQ(stream.reports().back().count, 3);
  stream.End();
  stream.End();
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kFinal), 1u);
}

TEST(TokenOutsideItsPodTest, WhatIsOpenEndsWithTheLog) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  pod.Ask();
  pod.At(kOutside).Ask();
  pod.At("203.0.113.67").Ask();
  stream.End();
  stream.End();
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kOpen), 2u);
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kFinal), 2u);
}

TEST(TokenOutsideItsPodTest, ThiefBehindManyAddressesIsNoFloodOfFindings) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  pod.Ask();
  for (int i = 0; i < 200; ++i) {
    pod.At(absl::StrCat("203.0.113.", i)).With("curl/8").Ask();
    pod.Ask();
  }
  stream.End();
  std::vector<Finding> findings = stream.findings();
  EXPECT_THAT(findings, SizeIs(8));
  EXPECT_LT(stream.reports().size(), 40u);
  // The newest stands for all that came after, and says so.
  EXPECT_GT(findings.back().count, 100);
  EXPECT_THAT(FeaturesOf(findings.back()),
              Contains("from a further address too"));
  for (const Finding& finding : findings) {
    EXPECT_NE(finding.where.source_ip, kInside);
    EXPECT_LE(finding.why.size(), Finding::kMaxListed);
    EXPECT_THAT(IdsOf(finding),
                Each(Not(HasSubstr(absl::StrCat(kInside, " ")))));
  }
}

TEST(TokenOutsideItsPodTest, OneThiefWithTokensOfTwoReplicasIsTwoFindings) {
  CredentialStream stream;
  // The client chooses its audit ID, and replicas have one name.
  for (const char* pod : {"shop-1", "shop-2"}) {
    for (const char* ip : {kInside, kOutside}) {
      Client::Pod(stream, "shop", ip).Ask([&](EventBuilder& b) {
        b.Pod(pod, absl::StrCat("uid-of-", pod))
            .At(kStart)
            .AuditId(absl::StrCat("from ", ip, " same"));
      });
    }
  }
  EXPECT_THAT(stream.findings(), SizeIs(2));
}

// Honest pods.

TEST(TokenOutsideItsPodTest, RenewedTokensOfOnePodAreNoFinding) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  for (int hour = 0; hour < 48; ++hour) {
    pod.Credential(absl::StrCat("JTI=", hour)).Ask(2);
    stream.Sleep(absl::Minutes(50));
  }
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(TokenOutsideItsPodTest, DaemonSetIsNoFinding) {
  CredentialStream stream;
  for (int round = 0; round < 5; ++round) {
    for (int pod = 0; pod < 12; ++pod) {
      Client::Pod(stream, "agent", absl::StrCat("10.244.", pod, ".5"))
          .Ask([&](EventBuilder& b) {
            b.Pod(absl::StrCat("agent-", pod), absl::StrCat("uid-", pod));
            b.CredentialId(absl::StrCat("JTI=", pod));
          });
    }
  }
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(TokenOutsideItsPodTest, PodRestartedOnAnotherAddressIsLow) {
  CredentialStream stream;
  // A rebooted node: all its pods keep their uid and get other addresses.
  for (int i = 0; i < 10; ++i) {
    Client::Pod(stream, absl::StrCat("p", i), absl::StrCat("10.244.1.", i))
        .Ask(20);
  }
  for (int i = 0; i < 10; ++i) {
    Client::Pod(stream, absl::StrCat("p", i), absl::StrCat("10.244.1.", 9 - i))
        .Ask(20);
  }
  stream.End();
  for (const Finding& finding : stream.findings()) {
    EXPECT_EQ(finding.severity, Severity::kLow) << finding.summary;
    EXPECT_LT(finding.confidence, 0.5);
  }
}

TEST(TokenOutsideItsPodTest, DualStackPodIsNoFinding) {
  for (bool v6_first : {false, true}) {
    CredentialStream stream;
    Client v4 = Client::Pod(stream, "shop", kInside);
    Client v6 = v4.At("fd00:10:244::5");
    if (v6_first) {
      InTurns(v6, v4, 10);
    } else {
      InTurns(v4, v6, 10);
    }
    stream.End();
    EXPECT_THAT(stream.reports(), IsEmpty());
  }
}

TEST(TokenOutsideItsPodTest, DualStackExcusesNeitherClientsNorTheInternet) {
  struct Case {
    const char* what;
    const char* ip;
    const char* agent;
  };
  for (const Case& test :
       {Case{"other family, another client", "fd00:10:244::5", "curl/8"},
        Case{"other family, same client, outside", "2001:db8::66",
             "Go-http-client/2.0"}}) {
    CredentialStream stream;
    Client pod = Client::Pod(stream, "shop", kInside);
    pod.Ask();
    pod.At(test.ip).With(test.agent).Ask();
    ASSERT_THAT(stream.reports(), SizeIs(1)) << test.what;
    EXPECT_EQ(stream.reports()[0].severity, Severity::kCritical) << test.what;
  }
  // A second address of a family is one too many.
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  pod.Ask();
  pod.At("fd00:10:244::5").Ask();
  EXPECT_THAT(stream.reports(), IsEmpty());
  pod.At("fd00:10:244::6").Ask();
  EXPECT_THAT(stream.reports(), SizeIs(1));
}

TEST(TokenOutsideItsPodTest, TheOtherFamilyIsExcusedBehindAThiefOfThatFamily) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", "fd00:10:244::5");
  pod.Ask();
  pod.At(kInside2).With("curl/8").Ask();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  pod.At(kInside).Ask(3);
  EXPECT_THAT(stream.findings(), SizeIs(1));
  // A second thief has the pod's program, too.
  pod.At("10.244.9.9").Ask();
  EXPECT_THAT(stream.findings(), SizeIs(2));
}

TEST(TokenOutsideItsPodTest, LoopbackIsTheServersOwn) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  Client local = pod.At("127.0.0.1").With("curl/8");
  Client local_v6 = pod.At("::1").With("curl/8");
  InTurns(local, pod, 5);
  InTurns(local_v6, pod, 5);
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(TokenOutsideItsPodTest, NatGatewaysHideTheirPods) {
  CredentialStream stream;
  for (int i = 0; i < 3; ++i) {
    Client::Pod(stream, absl::StrCat("a", i), "198.51.100.1").Ask();
    Client::Pod(stream, absl::StrCat("b", i), "198.51.100.2").Ask();
  }
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 3; ++i) {
      Client a = Client::Pod(stream, absl::StrCat("a", i), "198.51.100.2");
      Client b = Client::Pod(stream, absl::StrCat("b", i), "198.51.100.1");
      a.Ask();
      b.Ask();
      a.At("198.51.100.1").Ask();
    }
  }
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

// The first pods are seen before it is known that the addresses are gateways.
TEST(TokenOutsideItsPodTest, NatGatewaysInAColdLogEndAsLowAtMost) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937_64 random(seed);
    CredentialStream stream;
    for (int i = 0; i < 200; ++i) {
      Client::Pod(stream, absl::StrCat("p", random() % 10),
                  absl::StrCat("198.51.100.", random() % 2))
          .Ask();
    }
    stream.End();
    for (const Finding& finding : stream.findings()) {
      EXPECT_LE(finding.severity, Severity::kLow) << "seed " << seed;
      ExpectSound(finding);
    }
  }
}

TEST(TokenOutsideItsPodTest, GatewayDoesNotHideAThiefElsewhere) {
  CredentialStream stream;
  for (int i = 0; i < 5; ++i) {
    Client::Pod(stream, absl::StrCat("p", i), "198.51.100.1").Ask();
  }
  Client::Pod(stream, "p0", kOutside).With("curl/8").Ask();
  ASSERT_THAT(stream.reports(), SizeIs(1));
  EXPECT_GE(stream.reports()[0].severity, Severity::kHigh);
}

TEST(TokenOutsideItsPodTest, RequestReceivedIsNoUse) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  pod.Ask();
  pod.At(kOutside).Ask(
      [](EventBuilder& b) { b.Stage(Stage::kRequestReceived); });
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(TokenOutsideItsPodTest, BothLinesOfAWatchAreOneRequest) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  Client thief = pod.At(kOutside);
  pod.Ask();
  for (int i = 0; i < 5; ++i) {
    absl::Time received;
    thief.Ask([&](EventBuilder& b) {
      b.Verb("watch").Stage(Stage::kResponseStarted);
      received = b.Build().received;
    });
    thief.Ask([&](EventBuilder& b) { b.Verb("watch").Received(received); });
  }
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].count, 5);
  EXPECT_THAT(stream.findings()[0].evidence, SizeIs(5));
}

// A policy with omitStages: [ResponseStarted].
TEST(TokenOutsideItsPodTest, LastLinesCountWhereFirstOnesAreLeftOut) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  Client thief = pod.At(kOutside);
  pod.Ask();
  for (int i = 0; i < 5; ++i) {
    thief.Ask([](EventBuilder& b) { b.Verb("watch"); });
  }
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].count, 5);
}

TEST(TokenOutsideItsPodTest, TokensThatWereMintedBeforeTheLogAreFine) {
  CredentialStream stream;
  for (int i = 0; i < 20; ++i) {
    Client pod =
        Client::Pod(stream, absl::StrCat("p", i), absl::StrCat("10.244.1.", i));
    pod.Ask(3);  // never minted in this log
    // The kubelet renews it, and the new one is used.
    Client::Person(stream, "system:node:worker-1", "10.0.1.1")
        .Ask([&](EventBuilder& b) {
          b.Verb("create").Resource("serviceaccounts").Sub("token");
          b.IssuedCredentialId(absl::StrCat("JTI=new", i));
        });
    pod.Credential(absl::StrCat("JTI=new", i)).Ask(3);
  }
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(TokenOutsideItsPodTest, OnlyTheTrustedAddressCounts) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  for (int i = 0; i < 20; ++i) {
    pod.Ask([&](EventBuilder& b) {
      b.SourceIps({absl::StrCat("203.0.113.", i), "1.1.1.1", kInside});
    });
  }
  EXPECT_THAT(stream.reports(), IsEmpty());
  // Nor does the thief hide behind a claim of the pod's address.
  pod.At(kOutside).Ask([&](EventBuilder& b) {
    b.SourceIps({kInside, kOutside});
  });
  ASSERT_THAT(stream.reports(), SizeIs(1));
  EXPECT_EQ(stream.reports()[0].where.source_ip, kOutside);
  EXPECT_THAT(stream.reports()[0].where.claimed_ips, ElementsAre(kInside));
}

}  // namespace
}  // namespace oddverb
