// token.outside_its_pod where a thief uses a pod's token before the pod is ever
// seen: at the address of another node than the token names.
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// With a token that names this node.
void AskNaming(int node, Client pod) {
  pod.Ask([&](EventBuilder& b) { b.OnNode(absl::StrCat("worker-", node)); });
}

std::string IpOf(int node) { return absl::StrCat("192.168.0.", node); }

// Three nodes, and 60 pods that call from addresses of their own: enough to
// tell how this cluster's pods call.
class FirstUseElsewhereTest : public ::testing::Test {
 protected:
  FirstUseElsewhereTest() {
    for (int node = 1; node <= 3; ++node) {
      Kubelet(stream_, absl::StrCat("worker-", node), IpOf(node)).Ask();
    }
  }

  void PodsCome(int pods = 60) {
    for (int i = 0; i < pods; ++i) {
      AskNaming(1 + i % 3, Client::Pod(stream_, absl::StrCat("p", i),
                                       absl::StrCat("10.244.1.", 20 + i)));
    }
  }
  Client Pod(const std::string& ip) { return Client::Pod(stream_, "shop", ip); }

  CredentialStream stream_;
};

TEST_F(FirstUseElsewhereTest, ATokenAtAnotherNodeIsToldAtItsFirstUse) {
  PodsCome();
  AskNaming(1, Pod(IpOf(2)));
  ASSERT_THAT(stream_.reports(), SizeIs(1));
  const Finding& finding = stream_.reports()[0];
  ExpectSound(finding);
  EXPECT_EQ(finding.rule, kTokenRule);
  EXPECT_EQ(finding.severity, Severity::kMedium);
  EXPECT_EQ(finding.where.source_ip, IpOf(2));
  EXPECT_THAT(finding.summary, HasSubstr("shop-0 on node worker-1"));
  EXPECT_THAT(finding.next, testing::Contains(HasSubstr("delete pod shop-0 ")));
  // Once, however often it calls.
  AskNaming(1, Pod(IpOf(2)));
  EXPECT_THAT(stream_.reports(), SizeIs(1));
}

TEST_F(FirstUseElsewhereTest, ThePodThatShowsItselfLaterIsNotAccused) {
  PodsCome();
  AskNaming(1, Pod(IpOf(2)).With("curl/8.14.1"));
  stream_.Restart();
  for (int i = 0; i < 3; ++i) {
    AskNaming(1, Pod("10.244.1.200"));
    AskNaming(1, Pod(IpOf(2)).With("curl/8.14.1"));
  }
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  const Finding finding = stream_.findings()[0];
  ExpectSound(finding);
  EXPECT_EQ(finding.where.source_ip, IpOf(2));
  EXPECT_EQ(finding.severity, Severity::kHigh);
  EXPECT_TRUE(stream_.loads_ok());
}

// Once the pod was seen, a further address is the next thief's.
TEST_F(FirstUseElsewhereTest, AThirdAddressIsAFindingOfItsOwn) {
  PodsCome();
  AskNaming(1, Pod(IpOf(2)).With("curl/8.14.1"));
  AskNaming(1, Pod("10.244.1.200"));
  AskNaming(1, Pod(kOutside).With("python-requests/2.32"));
  EXPECT_THAT(stream_.findings(), SizeIs(2));
  EXPECT_EQ(stream_.findings().back().where.source_ip, kOutside);
}

// Nor is it the pod that shows itself: the thief, or a second one.
TEST_F(FirstUseElsewhereTest, AnAddressOutsideIsNotThePods) {
  PodsCome();
  AskNaming(1, Pod(IpOf(2)).With("curl/8.14.1"));
  AskNaming(1, Pod(kOutside).With("curl/8.14.1"));
  EXPECT_THAT(stream_.findings(), SizeIs(2));
  EXPECT_EQ(stream_.findings()[0].severity, Severity::kMedium);
  EXPECT_EQ(stream_.findings().back().where.source_ip, kOutside);
  // The pod itself is, at last.
  AskNaming(1, Pod("10.244.1.200"));
  EXPECT_THAT(stream_.findings(), SizeIs(2));
  EXPECT_EQ(stream_.findings()[0].severity, Severity::kHigh);
}

TEST_F(FirstUseElsewhereTest, ItsOwnNodeIsNoOtherOne) {
  PodsCome();
  AskNaming(2, Pod(IpOf(2)));
  EXPECT_THAT(stream_.findings(), IsEmpty());
}

TEST_F(FirstUseElsewhereTest, NothingIsToldWhileLittleIsKnown) {
  PodsCome(30);
  AskNaming(1, Pod(IpOf(2)));
  EXPECT_THAT(stream_.findings(), IsEmpty());
}

// It may have been given the address of a node that is gone.
TEST_F(FirstUseElsewhereTest, NorOfANodeThatWasNeverSeen) {
  PodsCome();
  AskNaming(9, Pod(IpOf(2)));
  EXPECT_THAT(stream_.findings(), IsEmpty());
}

TEST_F(FirstUseElsewhereTest, NorWhereItsNodeHasTakenOverTheAddress) {
  PodsCome();
  Kubelet(stream_, "worker-1", IpOf(2)).Ask();
  AskNaming(1, Pod(IpOf(2)));
  for (const Finding& finding : stream_.findings()) {
    EXPECT_NE(finding.rule, kTokenRule);
  }
}

TEST_F(FirstUseElsewhereTest, NorWherePodsOfAThirdNodeLeaveThroughThatOne) {
  AskNaming(3, Client::Pod(stream_, "far", IpOf(2)));
  PodsCome();
  AskNaming(1, Pod(IpOf(2)));
  EXPECT_THAT(stream_.findings(), IsEmpty());
}

// The first one looks stolen, until more come.
TEST_F(FirstUseElsewhereTest, AGatewayThatIsNewThereMakesItLow) {
  PodsCome();
  AskNaming(1, Pod(IpOf(2)));
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  stream_.Restart();
  AskNaming(3, Client::Pod(stream_, "far", IpOf(2)));
  AskNaming(1, Client::Pod(stream_, "farther", IpOf(2)));
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_EQ(stream_.findings()[0].severity, Severity::kLow);
  ExpectSound(stream_.findings()[0]);
  EXPECT_TRUE(stream_.loads_ok());
}

}  // namespace
}  // namespace oddverb
