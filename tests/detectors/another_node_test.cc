// token.outside_its_pod where the token of a pod comes from the address of
// another node than the one that it names.
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::Contains;
using testing::SizeIs;

// With a token that names this node.
void AskOn(const std::string& node, Client pod) {
  pod.Ask([&](EventBuilder& b) { b.OnNode(node); });
}

// Nodes that hide their pods behind their own addresses, three pods on each.
class HidingNodes {
 public:
  HidingNodes(CredentialStream& stream, int nodes) : stream_(stream) {
    for (int node = 0; node < nodes; ++node) {
      Kubelet(stream_, NameOf(node), IpOf(node)).Ask();
      for (int i = 0; i < 3; ++i) AskOn(NameOf(node), PodOf(node, i));
    }
  }

  static std::string NameOf(int node) { return absl::StrCat("worker-", node); }
  static std::string IpOf(int node) {
    return absl::StrCat("192.168.0.2", node);
  }
  Client PodOf(int node, int i) const {
    return Client::Pod(stream_, absl::StrCat("p", node, i), IpOf(node));
  }

 private:
  CredentialStream& stream_;
};

// Two nodes that hide their pods, a pod on each, of which the first one is
// robbed.
class BehindNodesTest : public ::testing::Test {
 protected:
  BehindNodesTest() {
    Kubelet(stream_, "worker-1", kNodeIp).Ask();
    Kubelet(stream_, "worker-2", kOtherNodeIp).Ask();
    AskOn("worker-2", Client::Pod(stream_, "other", kOtherNodeIp));
    AskOn("worker-1", robbed_);
  }

  // Through both nodes; through the second one those of `node`.
  void MorePodsCome(const char* node) {
    for (const char* name : {"d", "e", "f"}) {
      AskOn("worker-1", Client::Pod(stream_, absl::StrCat(name, "1"), kNodeIp));
      AskOn(node, Client::Pod(stream_, absl::StrCat(name, "2"), kOtherNodeIp));
    }
  }
  Severity TheOneFinding() const {
    EXPECT_THAT(stream_.findings(), SizeIs(1));
    return stream_.findings().at(0).severity;
  }

  CredentialStream stream_;
  Client robbed_ = Client::Pod(stream_, "shop", kNodeIp);
};

TEST_F(BehindNodesTest, ItsOwnProgramBehindAnotherNodeIsNoRestart) {
  stream_.Restart();
  AskOn("worker-1", robbed_.At(kOtherNodeIp));
  EXPECT_EQ(TheOneFinding(), Severity::kHigh);
  EXPECT_TRUE(stream_.loads_ok());
}

TEST_F(BehindNodesTest, APodThatIsStartedAgainThereHasATokenOfThatNode) {
  stream_.Restart();
  AskOn("worker-2", robbed_.At(kOtherNodeIp));
  EXPECT_EQ(TheOneFinding(), Severity::kLow);
}

// The theft may come before it is known that nodes hide their pods. Pods of a
// third node show that the other one is a gateway.
TEST_F(BehindNodesTest, OnlyPodsOfAThirdNodeExplainATokenBehindAnotherNode) {
  AskOn("worker-1", robbed_.At(kOtherNodeIp));
  EXPECT_EQ(TheOneFinding(), Severity::kHigh);
  stream_.Restart();
  MorePodsCome("worker-2");
  EXPECT_EQ(TheOneFinding(), Severity::kHigh);
  EXPECT_TRUE(stream_.loads_ok());
}

TEST_F(BehindNodesTest, AGatewayOnAnotherNodeExplainsATokenBehindIt) {
  AskOn("worker-1", robbed_.At(kOtherNodeIp));
  EXPECT_EQ(TheOneFinding(), Severity::kHigh);
  stream_.Restart();
  MorePodsCome("worker-3");
  EXPECT_EQ(TheOneFinding(), Severity::kLow);
}

TEST(AnotherNodeTest, AThiefOnANodeMayHaveASecondToken) {
  for (bool is_strange : {true, false}) {
    CredentialStream stream;
    const HidingNodes nodes(stream, 3);
    for (int node : {0, 2}) {
      Client thief = nodes.PodOf(node, 0).At(nodes.IpOf(1));
      AskOn(nodes.NameOf(node), is_strange ? thief.With("curl/8.14.1") : thief);
    }
    // By their own client those of several nodes may leave through it.
    EXPECT_THAT(stream.findings(), SizeIs(is_strange ? 2 : 1));
    for (const Finding& finding : stream.findings()) {
      EXPECT_EQ(finding.severity, Severity::kHigh);
      EXPECT_THAT(FeaturesOf(finding), Contains("the address of another node"));
    }
  }
}

// Thieves with tools of their own are no pods that leave through a gateway.
TEST(AnotherNodeTest, ThievesOnANodeDoNotExplainTheNextOne) {
  CredentialStream stream;
  const HidingNodes nodes(stream, 5);
  for (int node = 1; node < 5; ++node) {
    AskOn(nodes.NameOf(node),
          nodes.PodOf(node, 0).At(nodes.IpOf(0)).With("curl/8.14.1"));
    stream.Restart();
    stream.Sleep(absl::Hours(24));
  }
  ASSERT_THAT(stream.findings(), SizeIs(4));
  for (const Finding& finding : stream.findings()) {
    EXPECT_GE(finding.severity, Severity::kHigh);
  }
  EXPECT_TRUE(stream.loads_ok());
}

// That one of the same node was robbed takes nothing from it.
TEST(AnotherNodeTest, AnHonestPodThereGoesOnToShowAGateway) {
  for (bool is_there : {true, false}) {
    CredentialStream stream;
    const HidingNodes nodes(stream, 3);
    if (is_there) {
      AskOn(nodes.NameOf(1), Client::Pod(stream, "honest", nodes.IpOf(0)));
    }
    AskOn(nodes.NameOf(1),
          nodes.PodOf(1, 0).At(nodes.IpOf(0)).With("curl/8.14.1"));
    EXPECT_THAT(stream.findings(), SizeIs(1));
    AskOn(nodes.NameOf(2), nodes.PodOf(2, 0).At(nodes.IpOf(0)));
    int high = 0;
    for (const Finding& finding : stream.findings()) {
      if (finding.severity >= Severity::kHigh) ++high;
    }
    EXPECT_EQ(high, is_there ? 1 : 2);
    EXPECT_TRUE(stream.loads_ok());
  }
}

// Some nodes translate addresses for a part of their connections. Not where
// hardly a pod is seen at an address of its own.
TEST(AnotherNodeTest, AnUnknownAddressIsNoPodsWhereNodesHideThem) {
  for (bool all_are_hidden : {false, true}) {
    CredentialStream stream;
    Kubelet(stream, "worker-1", kNodeIp).Ask();
    for (int i = 0; i < 100; ++i) {
      const bool is_direct = i < 3 || (!all_are_hidden && i < 40);
      AskOn(
          "worker-1",
          Client::Pod(stream, absl::StrCat("p", i),
                      is_direct ? absl::StrCat("10.244.1.", 20 + i) : kNodeIp));
    }
    Client pod = Client::Pod(stream, "shop", kNodeIp);
    Client other = pod.At("10.9.7.7");
    stream.Restart();
    InTurns(pod, other, 3);
    ASSERT_THAT(stream.findings(), SizeIs(1));
    EXPECT_EQ(stream.findings()[0].severity,
              all_are_hidden ? Severity::kHigh : Severity::kLow);
    EXPECT_TRUE(stream.loads_ok());
  }
}

// Pods have addresses of their own; the token names its node.
TEST(AnotherNodeTest, APodDoesNotMoveToAnotherNode) {
  for (bool is_gateway : {false, true}) {
    CredentialStream stream;
    Kubelet(stream, "worker-1", kNodeIp).Ask();
    Kubelet(stream, "worker-2", kOtherNodeIp).Ask();
    for (const char* ip : {"10.244.1.31", "10.244.1.32", "10.244.1.33"}) {
      AskOn("worker-1", Client::Pod(stream, absl::StrCat("p", ip), ip));
    }
    if (is_gateway) {
      AskOn("worker-3", Client::Pod(stream, "far", kOtherNodeIp));
    }
    Client pod = Client::Pod(stream, "shop", kInside);
    AskOn("worker-1", pod);
    stream.Restart();
    AskOn("worker-1", pod.At(kOtherNodeIp));
    ASSERT_THAT(stream.findings(), SizeIs(1));
    EXPECT_EQ(stream.findings()[0].severity,
              is_gateway ? Severity::kLow : Severity::kMedium);
    EXPECT_TRUE(stream.loads_ok());
  }
}

// Where its own node has one, too.
TEST(AnotherNodeTest, TheOtherFamilyIsNoExcuseThere) {
  for (bool is_own : {true, false}) {
    CredentialStream stream;
    Client first = Kubelet(stream, "worker-1", "fd00:10:1::11");
    Client second = Kubelet(stream, "worker-2", kOtherNodeIp);
    first.Ask();
    first.At(kNodeIp).Ask();
    second.Ask();
    stream.Sleep(absl::Hours(25));
    for (const char* name : {"a", "b", "c"}) {
      AskOn("worker-1", Client::Pod(stream, name, "fd00:10:1::11"));
      AskOn("worker-2",
            Client::Pod(stream, absl::StrCat(name, "2"), kOtherNodeIp));
    }
    Client pod = Client::Pod(stream, "shop", "fd00:10:1::11");
    AskOn("worker-1", pod);
    stream.Restart();
    AskOn("worker-1", pod.At(is_own ? kNodeIp : kOtherNodeIp));
    AskOn("worker-1", pod);
    ASSERT_THAT(stream.findings(), SizeIs(is_own ? 0 : 1));
    EXPECT_TRUE(stream.loads_ok());
    if (is_own) continue;
    EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
    ExpectSound(stream.findings()[0]);
  }
}

// An address that its kubelet has had for a day before the thief came, beside
// the one that it had first.
TEST(AnotherNodeTest, ItsSecondAddressIsOneOfANode) {
  CredentialStream stream;
  Kubelet(stream, "worker-1", kNodeIp).Ask();
  Client other = Kubelet(stream, "worker-2", "fd00:10:1::12");
  other.Ask();
  other.At(kOtherNodeIp).Ask();
  stream.Sleep(absl::Hours(25));
  for (const char* ip : {"10.244.1.31", "10.244.1.32", "10.244.1.33"}) {
    AskOn("worker-1", Client::Pod(stream, absl::StrCat("p", ip), ip));
  }
  Client pod = Client::Pod(stream, "shop", kInside);
  AskOn("worker-1", pod);
  AskOn("worker-1", pod.At(kOtherNodeIp));
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kMedium);
}

}  // namespace
}  // namespace oddverb
