// StolenCredential with what it knows of the cluster's network, and of tokens
// that were read in a container.
#include <algorithm>
#include <string>

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

TEST(TokenMapTest, ANodeThatTranslatesSomeOfItsPodsAddressesIsNoTheft) {
  CredentialStream stream;
  Client kubelet = Kubelet(stream, "worker-1", kNodeIp);
  Client pod = Client::Pod(stream, "shop", kInside);
  Client behind_node = pod.At(kNodeIp);
  kubelet.Ask();
  InTurns(pod, behind_node, 3);
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kLow);
  EXPECT_THAT(FeaturesOf(stream.findings()[0]),
              Contains("the address of the pod's own node, and its own "
                       "client"));
}

// As when the log begins: kubelets come within seconds, pods may be sooner.
class UnseenNodeTest : public ::testing::TestWithParam<bool> {
 protected:
  void TakeTurns() {
    Client::Pod(stream_, "a", "10.244.1.2").Ask();
    Client::Pod(stream_, "b", "10.244.1.3").Ask();
    Client::Pod(stream_, "c", "10.244.1.4").Ask();
    Client pod = Client::Pod(stream_, "shop", kInside);
    Client behind_node = pod.At(kNodeIp);
    // Which one is first.
    if (GetParam()) {
      InTurns(pod, behind_node, 3);
    } else {
      InTurns(behind_node, pod, 3);
    }
    EXPECT_EQ(Gravest(), Severity::kLow);
    stream_.Restart();
  }
  // Of all that was ever told.
  Severity Gravest() const {
    Severity gravest = Severity::kInfo;
    for (const Finding& finding : stream_.reports()) {
      gravest = std::max(gravest, finding.severity);
    }
    return gravest;
  }

  CredentialStream stream_;
};

INSTANTIATE_TEST_SUITE_P(OwnFirst, UnseenNodeTest, ::testing::Bool());

TEST_P(UnseenNodeTest, ItsKubeletExplainsThePod) {
  TakeTurns();
  Kubelet(stream_, "worker-1", kNodeIp).Ask();
  stream_.Sleep(absl::Minutes(5));
  stream_.Tick(stream_.NextSecond());
  stream_.End();
  EXPECT_EQ(Gravest(), Severity::kLow);
  EXPECT_TRUE(stream_.loads_ok());
}

TEST_P(UnseenNodeTest, ItsKubeletElsewhereMakesAThief) {
  TakeTurns();
  Kubelet(stream_, "worker-2", kNodeIp).Ask();
  Kubelet(stream_, "worker-1", kOtherNodeIp).Ask();
  EXPECT_EQ(Gravest(), Severity::kLow);
  stream_.Sleep(absl::Minutes(1));
  stream_.Tick(stream_.NextSecond());
  EXPECT_EQ(Gravest(), Severity::kHigh);
  ExpectSound(stream_.findings().back());
  EXPECT_TRUE(stream_.loads_ok());
}

TEST_P(UnseenNodeTest, ANodeThatIsNotSeenWithinAMinuteExplainsNothing) {
  TakeTurns();
  stream_.Sleep(absl::Minutes(1));
  stream_.Tick(stream_.NextSecond());
  EXPECT_EQ(Gravest(), Severity::kHigh);
  ExpectSound(stream_.findings().back());
}

// Both addresses are a NAT's, which takes several pods to be known for one.
TEST_P(UnseenNodeTest, GatewaysShowThemselvesWithinTheMinute) {
  TakeTurns();
  Kubelet(stream_, "worker-1", kOtherNodeIp).Ask();
  for (const char* name : {"d", "e", "f"}) {
    Client::Pod(stream_, name, kInside).Ask();
    Client::Pod(stream_, absl::StrCat(name, "2"), kNodeIp).Ask();
  }
  stream_.Sleep(absl::Minutes(1));
  stream_.Tick(stream_.NextSecond());
  EXPECT_EQ(Gravest(), Severity::kLow);
}

TEST(TokenMapTest, AnotherProgramIsAThiefBeforeItsNodeIsSeen) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  pod.Ask();
  pod.At(kNodeIp).With("curl/8.14.1").Ask();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kCritical);
}

TEST(TokenMapTest, AnotherNodeOrAnotherClientOfItsOwnIsOne) {
  for (bool is_other_node : {true, false}) {
    CredentialStream stream;
    Client own = Kubelet(stream, "worker-1", kNodeIp);
    Client other = Kubelet(stream, "worker-2", kOtherNodeIp);
    Client pod = Client::Pod(stream, "shop", kInside);
    Client thief = is_other_node ? pod.At(kOtherNodeIp)
                                 : pod.At(kNodeIp).With("curl/8.14.1");
    own.Ask();
    other.Ask();
    InTurns(pod, thief, 2);
    ASSERT_THAT(stream.findings(), SizeIs(1)) << is_other_node;
    EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh) << is_other_node;
    if (!is_other_node) continue;
    EXPECT_THAT(FeaturesOf(stream.findings()[0]),
                Contains("the address of another node"));
  }
}

TEST(TokenMapTest, AFindingSaysHowMuchIsKnown) {
  CredentialStream stream;
  Client kubelet = Kubelet(stream, "worker-1", kNodeIp);
  Client pod = Client::Pod(stream, "shop", kInside);
  Client thief = pod.At(kOutside).With("curl/8.14.1");
  kubelet.Ask();
  pod.Ask();
  stream.Restart();
  thief.Ask();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_THAT(stream.findings()[0].benign_checks,
              Contains(HasSubstr("Known of the cluster's network: 1 node, 2 "
                                 "pods: 100 % call from an address of their "
                                 "own; too few")));
  EXPECT_TRUE(stream.loads_ok());
}

TEST(TokenMapTest, AKubeletsCertificateInAPodIsStolen) {
  CredentialStream stream;
  Client kubelet = Kubelet(stream, "worker-1", kNodeIp);
  Client pod = Client::Pod(stream, "shop", kInside);
  Client thief = kubelet.At(kInside).With("curl/8.14.1");
  kubelet.Ask();
  pod.Ask();
  stream.Restart();
  InTurns(thief, kubelet, 2);
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].rule, "credential.two_networks");
  EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
  EXPECT_THAT(FeaturesOf(stream.findings()[0]),
              Contains("a node's credential at the address of a pod"));
}

// As the kubelet names itself, right after it went from one of its families to
// the other.
TEST(TokenMapTest, ADualStackNodeDoesNotRoamEither) {
  for (const char* first : {"fd00:10:1::11", "10.0.1.11"}) {
    CredentialStream stream;
    Client kubelet = Kubelet(stream, "worker-1", first);
    Client v6 = kubelet.At("fd00:10:1::11");
    Client v4 = kubelet.At("10.0.1.11");
    Client thief = kubelet.At(kOutside);
    kubelet.Ask();
    InTurns(v4, v6, 3);
    EXPECT_THAT(stream.findings(), IsEmpty());
    v4.Ask();
    thief.Ask();
    v4.Ask();
    ASSERT_THAT(stream.findings(), SizeIs(1));
    EXPECT_GE(stream.findings()[0].severity, Severity::kHigh) << first;
  }
}

// Nothing of it is comparable, but one address is inside and one is not.
TEST(TokenMapTest, ANodeWithoutIpv4DoesNotRoamToTheInternet) {
  CredentialStream stream;
  Client kubelet = Kubelet(stream, "worker-1", "fd00:10:1::11");
  Client thief = kubelet.At(kOutside);
  kubelet.Ask();
  thief.Ask();
  kubelet.Ask();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_GE(stream.findings()[0].severity, Severity::kHigh);
}

// Reads the token of shop-0 by a command in it.
void ReadToken(CredentialStream& stream) {
  Client::Person(stream, "ivan", kOffice).Ask([](EventBuilder& b) {
    b.Verb("create").Resource("pods").Ns("web").Name("shop-0").Sub("exec");
    b.Code(101).Stage(Stage::kResponseStarted);
    b.Uri(
        "/api/v1/namespaces/web/pods/shop-0/exec?command=cat&command="
        "%2Fvar%2Frun%2Fsecrets%2Fkubernetes.io%2Fserviceaccount%2Ftoken");
  });
}

Finding TokenFindingOf(const CredentialStream& stream) {
  for (const Finding& finding : stream.findings()) {
    if (finding.rule == "token.outside_its_pod") return finding;
  }
  return Finding();
}

TEST(TokenMapTest, ATokenThatWasReadAndIsUsedElsewhereIsCritical) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  // Not critical by itself: somebody honest is at that address.
  Client office = Client::Person(stream, "olga", kOffice);
  Client thief = pod.At(kOffice).With("curl/8.14.1");
  pod.Ask();
  office.Ask();
  ReadToken(stream);
  stream.Restart();
  stream.Sleep(absl::Hours(23));
  thief.Ask();
  Finding finding = TokenFindingOf(stream);
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_THAT(FeaturesOf(finding),
              Contains("a command in the pod read its token before"));
  ASSERT_THAT(finding.evidence, SizeIs(2));
  EXPECT_THAT(finding.evidence[0].uri, HasSubstr("/exec?command=cat"));
  EXPECT_THAT(finding.next[0], HasSubstr("ivan"));
  EXPECT_TRUE(stream.loads_ok());
}

TEST(TokenMapTest, WhatWasReadLongAgoOrInAnotherPodIsNoReason) {
  for (bool is_long_ago : {true, false}) {
    CredentialStream stream;
    Client pod = Client::Pod(stream, is_long_ago ? "shop" : "cart", kInside);
    Client office = Client::Person(stream, "olga", kOffice);
    Client thief = pod.At(kOffice).With("curl/8.14.1");
    pod.Ask();
    office.Ask();
    ReadToken(stream);
    if (is_long_ago) stream.Sleep(absl::Hours(25));
    thief.Ask();
    EXPECT_EQ(TokenFindingOf(stream).severity, Severity::kHigh) << is_long_ago;
  }
}

TEST(TokenMapTest, ALookIntoAPodThatIsThenRestartedStaysLow) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  Client restarted = pod.At(kInside2);
  pod.Ask();
  ReadToken(stream);
  restarted.Ask(3);
  EXPECT_EQ(TokenFindingOf(stream).severity, Severity::kLow);
}

}  // namespace
}  // namespace oddverb
