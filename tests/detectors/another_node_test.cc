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

// Two nodes that hide their pods, a pod on each, of which the first one is
// robbed.
class BehindNodesTest : public ::testing::Test {
 protected:
  BehindNodesTest() {
    Kubelet(stream_, "worker-1", kNodeIp).Ask();
    Kubelet(stream_, "worker-2", kOtherNodeIp).Ask();
    Ask(Client::Pod(stream_, "other", kOtherNodeIp), "worker-2");
    Ask(robbed_, "worker-1");
  }

  // With a token that names this node.
  static void Ask(Client pod, const char* node) {
    pod.Ask([&](EventBuilder& b) { b.OnNode(node); });
  }
  // Through both nodes; through the second one those of `node`.
  void MorePodsCome(const char* node) {
    for (const char* name : {"d", "e", "f"}) {
      Ask(Client::Pod(stream_, absl::StrCat(name, "1"), kNodeIp), "worker-1");
      Ask(Client::Pod(stream_, absl::StrCat(name, "2"), kOtherNodeIp), node);
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
  Ask(robbed_.At(kOtherNodeIp), "worker-1");
  EXPECT_EQ(TheOneFinding(), Severity::kHigh);
  EXPECT_TRUE(stream_.loads_ok());
}

TEST_F(BehindNodesTest, APodThatIsStartedAgainThereHasATokenOfThatNode) {
  stream_.Restart();
  Ask(robbed_.At(kOtherNodeIp), "worker-2");
  EXPECT_EQ(TheOneFinding(), Severity::kLow);
}

// The theft may come before it is known that nodes hide their pods. Pods of a
// third node show that the other one is a gateway.
TEST_F(BehindNodesTest, OnlyPodsOfAThirdNodeExplainATokenBehindAnotherNode) {
  Ask(robbed_.At(kOtherNodeIp), "worker-1");
  EXPECT_EQ(TheOneFinding(), Severity::kHigh);
  stream_.Restart();
  MorePodsCome("worker-2");
  EXPECT_EQ(TheOneFinding(), Severity::kHigh);
  EXPECT_TRUE(stream_.loads_ok());
}

TEST_F(BehindNodesTest, AGatewayOnAnotherNodeExplainsATokenBehindIt) {
  Ask(robbed_.At(kOtherNodeIp), "worker-1");
  EXPECT_EQ(TheOneFinding(), Severity::kHigh);
  stream_.Restart();
  MorePodsCome("worker-3");
  EXPECT_EQ(TheOneFinding(), Severity::kLow);
}

// Nodes hide their pods behind their own addresses.
TEST(AnotherNodeTest, AThiefOnANodeMayHaveASecondToken) {
  for (bool is_strange : {true, false}) {
    CredentialStream stream;
    const std::string nodes[] = {"worker-1", "worker-2", "worker-3"};
    const std::string ips[] = {kNodeIp, kOtherNodeIp, "192.168.0.13"};
    auto ask = [](Client pod, const std::string& node) {
      pod.Ask([&](EventBuilder& b) { b.OnNode(node); });
    };
    auto pod_of = [&](size_t node, size_t i) {
      return Client::Pod(stream, absl::StrCat("p", node, i), ips[node]);
    };
    for (size_t node = 0; node < 3; ++node) {
      Kubelet(stream, nodes[node], ips[node]).Ask();
      for (size_t i = 0; i < 3; ++i) ask(pod_of(node, i), nodes[node]);
    }
    for (size_t node : {0, 2}) {
      Client thief = pod_of(node, 0).At(ips[1]);
      ask(is_strange ? thief.With("curl/8.14.1") : thief, nodes[node]);
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
  const std::string nodes[] = {"worker-0", "worker-1", "worker-2", "worker-3",
                               "worker-4"};
  auto ip_of = [](size_t node) { return absl::StrCat("192.168.0.2", node); };
  auto ask = [](Client pod, const std::string& node) {
    pod.Ask([&](EventBuilder& b) { b.OnNode(node); });
  };
  auto pod_of = [&](size_t node, size_t i) {
    return Client::Pod(stream, absl::StrCat("p", node, i), ip_of(node));
  };
  for (size_t node = 0; node < 5; ++node) {
    Kubelet(stream, nodes[node], ip_of(node)).Ask();
    for (size_t i = 0; i < 3; ++i) ask(pod_of(node, i), nodes[node]);
  }
  for (size_t node = 1; node < 5; ++node) {
    ask(pod_of(node, 0).At(ip_of(0)).With("curl/8.14.1"), nodes[node]);
    stream.Restart();
    stream.Sleep(absl::Hours(24));
  }
  ASSERT_THAT(stream.findings(), SizeIs(4));
  for (const Finding& finding : stream.findings()) {
    EXPECT_GE(finding.severity, Severity::kHigh);
  }
  EXPECT_TRUE(stream.loads_ok());
}

// Some nodes translate addresses for a part of their connections. Not where
// hardly a pod is seen at an address of its own.
TEST(AnotherNodeTest, AnUnknownAddressIsNoPodsWhereNodesHideThem) {
  for (bool all_are_hidden : {false, true}) {
    CredentialStream stream;
    Kubelet(stream, "worker-1", kNodeIp).Ask();
    for (int i = 0; i < 100; ++i) {
      const bool is_direct = i < 3 || (!all_are_hidden && i < 40);
      Client::Pod(stream, absl::StrCat("p", i),
                  is_direct ? absl::StrCat("10.244.1.", 20 + i) : kNodeIp)
          .Ask([](EventBuilder& b) { b.OnNode("worker-1"); });
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

// But the first pod of a node there counts, whoever was robbed before.
TEST(AnotherNodeTest, OnlyAThiefsOwnPodIsTakenBack) {
  CredentialStream stream;
  auto ask = [](Client pod, const std::string& node) {
    pod.Ask([&](EventBuilder& b) { b.OnNode(node); });
  };
  auto ip_of = [](int node) { return absl::StrCat("192.168.0.2", node); };
  for (int node = 0; node < 5; ++node) {
    const std::string name = absl::StrCat("worker-", node);
    Kubelet(stream, name, ip_of(node)).Ask();
    for (int i = 0; i < 3; ++i) {
      ask(Client::Pod(stream, absl::StrCat("p", node, i), ip_of(node)), name);
    }
  }
  Client robbed = Client::Pod(stream, "p10", ip_of(1));
  Client thief = robbed.At(ip_of(0)).With("curl/8.14.1");
  ask(thief, "worker-1");
  // Gateways look so.
  for (int node : {2, 3, 4}) {
    ask(Client::Pod(stream, absl::StrCat("g", node), ip_of(0)),
        absl::StrCat("worker-", node));
    ask(robbed, "worker-1");
    ask(thief, "worker-1");
  }
  ask(Client::Pod(stream, "p20", ip_of(2)).At(ip_of(0)), "worker-2");
  for (const Finding& finding : stream.findings()) {
    if (finding.who.pod.find("p20") == std::string::npos) continue;
    EXPECT_LE(finding.severity, Severity::kLow);
  }
  EXPECT_TRUE(stream.loads_ok());
}

// Pods have addresses of their own; the token names its node.
TEST(AnotherNodeTest, APodDoesNotMoveToAnotherNode) {
  for (bool is_gateway : {false, true}) {
    CredentialStream stream;
    Kubelet(stream, "worker-1", kNodeIp).Ask();
    Kubelet(stream, "worker-2", kOtherNodeIp).Ask();
    auto ask = [](Client pod, const char* node) {
      pod.Ask([&](EventBuilder& b) { b.OnNode(node); });
    };
    for (const char* ip : {"10.244.1.31", "10.244.1.32", "10.244.1.33"}) {
      ask(Client::Pod(stream, absl::StrCat("p", ip), ip), "worker-1");
    }
    if (is_gateway) {
      ask(Client::Pod(stream, "far", kOtherNodeIp), "worker-3");
    }
    Client pod = Client::Pod(stream, "shop", kInside);
    ask(pod, "worker-1");
    stream.Restart();
    ask(pod.At(kOtherNodeIp), "worker-1");
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
    auto ask = [](Client pod, const char* node) {
      pod.Ask([&](EventBuilder& b) { b.OnNode(node); });
    };
    Client first = Kubelet(stream, "worker-1", "fd00:10:1::11");
    Client second = Kubelet(stream, "worker-2", kOtherNodeIp);
    first.Ask();
    first.At(kNodeIp).Ask();
    second.Ask();
    stream.Sleep(absl::Hours(25));
    for (const char* name : {"a", "b", "c"}) {
      ask(Client::Pod(stream, name, "fd00:10:1::11"), "worker-1");
      ask(Client::Pod(stream, absl::StrCat(name, "2"), kOtherNodeIp),
          "worker-2");
    }
    Client pod = Client::Pod(stream, "shop", "fd00:10:1::11");
    ask(pod, "worker-1");
    stream.Restart();
    ask(pod.At(is_own ? kNodeIp : kOtherNodeIp), "worker-1");
    ask(pod, "worker-1");
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
  auto ask = [](Client pod) {
    pod.Ask([](EventBuilder& b) { b.OnNode("worker-1"); });
  };
  Kubelet(stream, "worker-1", kNodeIp).Ask();
  Client other = Kubelet(stream, "worker-2", "fd00:10:1::12");
  other.Ask();
  other.At(kOtherNodeIp).Ask();
  stream.Sleep(absl::Hours(25));
  for (const char* ip : {"10.244.1.31", "10.244.1.32", "10.244.1.33"}) {
    ask(Client::Pod(stream, absl::StrCat("p", ip), ip));
  }
  Client pod = Client::Pod(stream, "shop", kInside);
  ask(pod);
  ask(pod.At(kOtherNodeIp));
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kMedium);
}

}  // namespace
}  // namespace oddverb
