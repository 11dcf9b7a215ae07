#include "detectors/node_identity.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/actor_stream.h"

namespace oddverb {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Change = std::function<void(EventBuilder&)>;

ActorStream NodeStream() {
  return ActorStream([](const DetectorContext& context) {
    return std::make_unique<NodeIdentity>(context);
  });
}

void FeedNode(ActorStream& stream, const Change& change,
              const std::string& node = "n1") {
  EventBuilder event;
  event.Node(node).Resource("pods").Ns("web").Name("p");
  change(event);
  stream.Feed(event);
}

const Change kByCurl = [](EventBuilder& b) { b.UserAgent("curl/7.88.1"); };
const Change kListsSecrets = [](EventBuilder& b) {
  b.Verb("list").Resource("secrets").Ns("kube-system").Name("").Code(403);
};
const Change kOtherNode = [](EventBuilder& b) {
  b.Verb("patch").Resource("nodes").Ns("").Name("n2").Code(403);
  b.Decision(Decision::kAllow);
  b.Message(
      R"(nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2")");
};
// What a kubelet asks for, too.
const Change kAsksForCertificate = [](EventBuilder& b) {
  b.Verb("create").Resource("certificatesigningrequests").Ns("").Name("");
};
const Change kAsksForToken = [](EventBuilder& b) {
  b.Verb("create").Resource("serviceaccounts").Sub("token").Name("a");
};
const Change kOwnWork = [](EventBuilder& b) {
  b.Verb("watch").Resource("secrets").Ns("web").Name("cart-db");
};

Change By(const char* agent, const Change& change) {
  return [=](EventBuilder& b) {
    change(b);
    b.UserAgent(agent);
  };
}

Change Guess(int i) {
  return [i](EventBuilder& b) {
    b.Resource("secrets").Ns("ns" + std::to_string(i % 3));
    b.Name("s" + std::to_string(i)).Code(403).Decision(Decision::kForbid);
    b.AuthorizationReason(
        "no relationship found between node 'n1' and this object");
  };
}

TEST(NodeIdentityTest, OneClueIsNoneTwoAreAndAnotherNodesObjectIsAlone) {
  struct Case {
    const char* what;
    std::vector<Change> changes;
    size_t findings;
  };
  for (const Case& c : std::vector<Case>{
           {"a kubelet at work", {kOwnWork, kOwnWork}, 0},
           {"kubectl with kubelet.conf", {kByCurl}, 0},
           {"a list of secrets", {kListsSecrets}, 0},
           {"both", {kByCurl, kListsSecrets}, 1},
           {"another node", {kOtherNode}, 1},
           {"a kubelet that renews what it has",
            {kAsksForCertificate, kAsksForToken},
            0},
           {"a certificate by curl",
            {By("curl/8.14.1", kAsksForCertificate)},
            1},
           {"a token by kubectl", {By("kubectl/v1.30.0", kAsksForToken)}, 1},
           {"race of a new pod", {Guess(0), Guess(1), Guess(2)}, 0},
           {"guesses by a kubelet that starts",
            {Guess(0), Guess(1), Guess(2), Guess(3), Guess(4), Guess(5)},
            0},
           {"guesses by curl",
            {kByCurl, Guess(0), Guess(1), Guess(2), Guess(3), Guess(4)},
            1},
       }) {
    SCOPED_TRACE(c.what);
    ActorStream stream = NodeStream();
    for (const Change& change : c.changes) FeedNode(stream, change);
    ASSERT_THAT(stream.findings(), SizeIs(c.findings));
    if (c.findings == 0) continue;
    const Finding finding = stream.findings()[0];
    EXPECT_EQ(finding.rule, "node.identity_misuse");
    EXPECT_GE(finding.severity, Severity::kHigh);
    EXPECT_EQ(finding.entity, "system:node:n1");
    double sum = 0;
    for (const FindingReason& reason : finding.why) sum += reason.contribution;
    EXPECT_DOUBLE_EQ(sum, finding.score);
  }
}

TEST(NodeIdentityTest, CluesOfTwoNodesOrTwoHoursDoNotAddUp) {
  ActorStream nodes = NodeStream();
  FeedNode(nodes, kByCurl, "n1");
  FeedNode(nodes, kListsSecrets, "n2");
  EXPECT_THAT(nodes.findings(), IsEmpty());
  ActorStream hours = NodeStream();
  FeedNode(hours, kByCurl);
  hours.Sleep(absl::Hours(1));
  FeedNode(hours, kListsSecrets);
  EXPECT_THAT(hours.findings(), IsEmpty());
}

TEST(NodeIdentityTest, OnlyNodesAreLookedAt) {
  ActorStream stream = NodeStream();
  for (const Change& change : {kByCurl, kListsSecrets, kOtherNode}) {
    FeedNode(stream, [&](EventBuilder& b) {
      change(b);
      b.User("system:node:n1").Groups({"system:authenticated"});
    });
  }
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(NodeIdentityTest, FurtherCluesRaiseTheFindingAlsoOverARestart) {
  ActorStream stream = NodeStream();
  for (const Change& change : {kByCurl, kListsSecrets, kOtherNode}) {
    FeedNode(stream, [&](EventBuilder& b) {
      b.UserAgent("curl/7.88.1");
      change(b);
    });
    stream.Restart();
  }
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  const Finding finding = stream.findings()[0];
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.score, 9);
  EXPECT_THAT(finding.why, SizeIs(3));
  EXPECT_THAT(finding.next.at(1), HasSubstr("kubectl drain n1"));
}

TEST(NodeIdentityTest, AProgramThatIsNewOnTheNodeWeighsWithWhatItDoes) {
  struct Case {
    const char* what;
    const char* agent;
    int hours;  // that the node is known
    size_t findings;
  };
  for (const Case& c : {
           Case{"the kubelet", "kubelet/v1.30.0 (linux/amd64)", 25, 0},
           Case{"another program", "implant/1.0", 25, 1},
           Case{"on a new node", "implant/1.0", 23, 0},
       }) {
    SCOPED_TRACE(c.what);
    ActorStream stream = NodeStream();
    FeedNode(stream, kOwnWork);
    stream.Sleep(absl::Hours(c.hours));
    stream.Restart();
    for (int i = 0; i < 6; ++i) FeedNode(stream, By(c.agent, Guess(i)));
    ASSERT_THAT(stream.findings(), SizeIs(c.findings));
    if (c.findings == 0) continue;
    EXPECT_EQ(stream.findings()[0].why.back().feature,
              "by a program that is new on this node");
  }
}

TEST(NodeIdentityTest, ANewProgramThatDoesNothingStrangeIsAnInstallation) {
  ActorStream stream = NodeStream();
  FeedNode(stream, kOwnWork);
  stream.Sleep(absl::Hours(25));
  for (int i = 0; i < 5; ++i) FeedNode(stream, By("agent/1.0", kOwnWork));
  // Nor is an administrator with kubectl.
  for (int i = 0; i < 5; ++i) FeedNode(stream, By("kubectl/v1.30.0", kOwnWork));
  // After a day it is one of the node's own.
  stream.Sleep(absl::Hours(25));
  for (int i = 0; i < 6; ++i) FeedNode(stream, By("agent/1.0", Guess(i)));
  EXPECT_THAT(stream.findings(), IsEmpty());
}

Change With(const char* certificate, const Change& change) {
  return [=](EventBuilder& b) {
    change(b);
    b.CredentialId(certificate);
  };
}

TEST(NodeIdentityTest, TwoCertificatesAtOnceAreOneTooMany) {
  const Change old = With("X509SHA256=old", kByCurl);
  const Change fresh = With("X509SHA256=fresh", kOwnWork);
  for (int minutes : {10, 20}) {
    ActorStream stream = NodeStream();
    FeedNode(stream, With("X509SHA256=old", kOwnWork));
    FeedNode(stream, fresh);
    stream.Restart();
    stream.Sleep(absl::Minutes(minutes));
    FeedNode(stream, fresh);
    FeedNode(stream, old);
    ASSERT_THAT(stream.findings(), SizeIs(minutes == 20 ? 1 : 0)) << minutes;
    if (minutes == 10) continue;
    EXPECT_EQ(stream.findings()[0].why.back().feature,
              "two certificates in use, long after the newer one came");
    EXPECT_EQ(stream.findings()[0].score, 5);
  }
}

Change FromAddress(const std::string& ip, const Change& change) {
  return [=](EventBuilder& b) {
    change(b);
    b.SourceIp(ip);
  };
}

// Somebody has got a certificate in the node's name, and acts as a kubelet.
TEST(NodeIdentityTest, TwoCertificatesOnTwoMachinesAreTwoKubelets) {
  struct Case {
    const char* what;
    std::string ip;
    std::string newer_ip;
    bool goes_on;  // the older one
    size_t findings;
  };
  for (const Case& c :
       {Case{"a second machine", "10.0.1.7", "10.9.7.7", true, 1},
        Case{"installed anew elsewhere", "10.0.1.7", "10.9.7.7", false, 0},
        Case{"of the other family", "10.0.1.7", "fd00::7", true, 0},
        Case{"dual stack, as in clouds", "10.0.1.7", "2001:db8::7", true, 0},
        Case{"inside and outside", "fd00::7", "203.0.113.7", true, 1},
        Case{"renewed at home", "10.0.1.7", "10.0.1.7", true, 0}}) {
    ActorStream stream = NodeStream();
    const Change old = FromAddress(c.ip, With("X509SHA256=old", kOwnWork));
    FeedNode(stream, old);
    FeedNode(stream,
             FromAddress(c.newer_ip, With("X509SHA256=fresh", kOwnWork)));
    stream.Restart();
    stream.Sleep(absl::Minutes(20));
    if (c.goes_on) FeedNode(stream, old);
    ASSERT_THAT(stream.findings(), SizeIs(c.findings)) << c.what;
    if (c.findings == 0) continue;
    EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
    EXPECT_THAT(stream.findings()[0].summary,
                HasSubstr(c.newer_ip + " and " + c.ip));
  }
}

// Version 2: a clue less, and not where the newest certificate was used.
TEST(NodeIdentityTest, WhatWasSavedBeforeIsRead) {
  constexpr int kCluesThen = 7;
  const KeyedHash hash;
  for (bool has_clue : {true, false}) {
    ActorStream stream = NodeStream();
    StateWriter saved;
    saved.PutU64(2);
    saved.PutTime(stream.now() - absl::Hours(2));  // known since
    KnownPlaces().Save(saved);                     // its programs
    saved.PutFixed64(hash.Hash("X509SHA256=fresh"));
    saved.PutFixed64(hash.Hash("X509SHA256=old"));
    saved.PutTime(stream.now() - absl::Hours(1));  // the newest
    saved.PutU64(has_clue ? 1 : 0);
    for (int clue = 0; has_clue && clue < kCluesThen; ++clue) {
      saved.PutTime(clue == 0 ? stream.now() : absl::InfinitePast());
      saved.PutString(clue == 0 ? "curl" : "");
    }
    if (has_clue) {
      saved.PutTime(absl::InfinitePast());  // guesses
      FingerprintSet().Save(saved);
      FingerprintSet().Save(saved);
      saved.PutU64(0);  // cases
    }
    EventBuilder node;
    node.Node("n1");
    stream.Load(node, saved.bytes());
    FeedNode(stream,
             FromAddress("10.9.7.7", With("X509SHA256=old", kListsSecrets)));
    ASSERT_THAT(stream.findings(), SizeIs(1));
    // Secrets without a name 3, a certificate of before 3, the client 2.
    EXPECT_EQ(stream.findings()[0].score, has_clue ? 8 : 6);
  }
}

TEST(NodeIdentityTest, ARenewedCertificateIsHonest) {
  ActorStream stream = NodeStream();
  for (const char* certificate : {"a", "b", "c", "d"}) {
    const std::string id = std::string("X509SHA256=") + certificate;
    for (int i = 0; i < 20; ++i) {
      FeedNode(stream, With(id.c_str(), By("kubectl/v1.30.0", kOwnWork)));
      stream.Sleep(absl::Minutes(5));
    }
  }
  // What began before the renewal ends late.
  EventBuilder watch;
  watch.Node("n1").Resource("secrets").Ns("web").Name("cart-db");
  watch.Verb("watch");
  watch.CredentialId("X509SHA256=c").UserAgent("kubectl/v1.30.0");
  stream.Feed(watch, absl::Minutes(95));
  EXPECT_THAT(stream.findings(), IsEmpty());
}

}  // namespace
}  // namespace oddverb
