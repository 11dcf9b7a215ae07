// credential.two_networks for nodes with addresses of both families, of which a
// log shows one long before the other.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "detectors/node_networks.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"
#include "tests/support/saved_state.h"

namespace oddverb {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Fit = NodeNetworks::Fit;

const absl::Time kNoted = absl::FromUnixSeconds(1'700'000'000);
const absl::Time kKnownSince = kNoted + NodeNetworks::kKnown;

// Nodes known by IPv6 addresses, four of which show their IPv4 addresses.
class DualStackNodesTest : public ::testing::Test {
 protected:
  DualStackNodesTest() {
    for (int i = 1; i <= 4; ++i) {
      Node(i).Ask();
      Node(i).At(absl::StrCat("10.0.1.", i)).Ask();
    }
    robbed_.Ask();
    stream_.Sleep(NodeNetworks::kKnown);
  }

  Client Node(int i) {
    return Kubelet(stream_, absl::StrCat("worker-", i),
                   absl::StrCat("fd00:10:1::", i));
  }

  CredentialStream stream_;
  Client robbed_ = Node(9);
};

TEST_F(DualStackNodesTest, ACredentialWhereNoNodeIsIsHighAtOnce) {
  robbed_.At("10.9.89.149").Ask();
  ASSERT_THAT(stream_.reports(), SizeIs(1));
  const Finding& finding = stream_.reports()[0];
  ExpectSound(finding);
  EXPECT_EQ(finding.rule, kCredentialRule);
  EXPECT_EQ(finding.severity, Severity::kHigh);
  EXPECT_EQ(finding.where.source_ip, "10.9.89.149");
  EXPECT_THAT(finding.summary, HasSubstr("where no node is"));
  EXPECT_THAT(finding.next, testing::Contains(HasSubstr("drain worker-9 ")));
}

// As of a node whose name somebody had a certificate issued for.
TEST_F(DualStackNodesTest, SoIsAnotherCredentialOfTheNode) {
  robbed_.Credential("X509SHA256=stolen").At("10.9.89.149").Ask();
  ASSERT_THAT(stream_.reports(), SizeIs(1));
  EXPECT_EQ(stream_.reports()[0].severity, Severity::kHigh);
}

TEST_F(DualStackNodesTest, TheNodesOwnOtherFamilyIsNoFinding) {
  Client other = robbed_.At("10.0.1.9");
  InTurns(robbed_, other, 5);
  stream_.End();
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(DualStackNodesTest, AnotherProgramIsNoneOfTheNode) {
  Client thief = robbed_.At("10.0.77.7").With("curl/8");
  InTurns(robbed_, thief, 3);
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_EQ(stream_.findings()[0].where.source_ip, "10.0.77.7");
  EXPECT_GE(stream_.findings()[0].severity, Severity::kHigh);
}

TEST_F(DualStackNodesTest, NorIsItBehindAThiefThatCameFirst) {
  Client thief = robbed_.At("10.9.89.149"), other = robbed_.At("10.0.1.9");
  InTurns(robbed_, thief, 3);
  stream_.Restart();
  EXPECT_TRUE(stream_.loads_ok());
  InTurns(robbed_, other, 5);
  for (const Finding& finding : stream_.findings()) {
    EXPECT_EQ(finding.where.source_ip, "10.9.89.149");
  }
  EXPECT_THAT(stream_.findings(), testing::Not(IsEmpty()));
}

TEST_F(DualStackNodesTest, TheAddressOfAnotherNodeIsNoneOfItsOwn) {
  Client thief = robbed_.At("10.9.89.149"), second = robbed_.At("10.0.1.2");
  InTurns(robbed_, thief, 3);
  InTurns(robbed_, second, 5);
  bool is_told = false;
  for (const Finding& finding : stream_.findings()) {
    is_told |= finding.where.source_ip == "10.0.1.2";
  }
  EXPECT_TRUE(is_told);
}

// Its own IPv4 address was seen before, so that it goes back and forth, too.
TEST_F(DualStackNodesTest, OneTheftIsOneFinding) {
  robbed_.At("10.0.1.9").Ask();
  Client thief = robbed_.At("10.9.89.149");
  InTurns(robbed_, thief, 9);
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  ExpectSound(stream_.findings()[0]);
  EXPECT_GT(stream_.findings()[0].count, 1);
}

// Nodes of a new site of IPv4, with IPv6 addresses of the old one.
TEST_F(DualStackNodesTest, OfANewSiteOnlyTheFirstNodeIsInDoubt) {
  for (int i = 20; i < 26; ++i) {
    Node(i).Ask();
    Node(i).At(absl::StrCat("10.9.0.", i)).Ask();
  }
  stream_.End();
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_EQ(stream_.findings()[0].where.source_ip, "10.9.0.20");
}

// Its certificate is renewed, and its machine has a second address.
TEST_F(DualStackNodesTest, TheOnlyNodeOfANewSiteIsInDoubtOnce) {
  Client first = Node(20);
  first.Ask();
  for (const char* certificate : {"X509SHA256=old", "X509SHA256=new"}) {
    for (const char* ip : {"10.9.0.20", "10.9.0.21"}) {
      first.Credential(certificate).At(ip).Ask();
      stream_.Sleep(absl::Hours(24));
    }
  }
  stream_.End();
  EXPECT_THAT(stream_.findings(), SizeIs(1));
}

// In a network that is no node's, with the credentials of one after the other.
TEST_F(DualStackNodesTest, ThievesDaysApartMakeNoSite) {
  for (int i = 1; i <= 4; ++i) {
    Node(i).At(absl::StrCat("10.9.", i, ".1")).Ask();
    stream_.Sleep(absl::Hours(36));
    EXPECT_THAT(stream_.findings(), SizeIs(i));
  }
}

// A site of its own, whose first node shows its IPv4 address.
TEST_F(DualStackNodesTest, NodesOfAnotherIPv6NetworkMayBeAnywhere) {
  Client far = Kubelet(stream_, "far-1", "fd00:10:2::1");
  far.Ask();
  far.At("10.77.0.1").Ask();
  stream_.End();
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST(NodeNetworksTest, ItTakesThreeNeighboursToTellWhereANodeBelongs) {
  NodeNetworks networks;
  networks.Note("fd00:1::9", 9, kNoted);
  for (uint64_t node = 1; node <= 3; ++node) {
    EXPECT_EQ(networks.FitOf("10.9.0.1", 9, kKnownSince), Fit::kUnknown)
        << node;
    EXPECT_EQ(networks.FitOf("10.0.7.7", 9, kKnownSince), Fit::kUnknown)
        << node;
    networks.Note("fd00:1::1", node, kNoted);
    networks.Note("10.0.1.1", node, kNoted);
    networks.Note("10.0.1.2", node, kNoted);  // one node all the same
  }
  EXPECT_EQ(networks.FitOf("10.9.0.1", 9, kKnownSince), Fit::kForeign);
  EXPECT_EQ(networks.FitOf("10.0.7.7", 9, kKnownSince), Fit::kUsual);
  // Of a node that is not known, from outside, of its own family, no address.
  EXPECT_EQ(networks.FitOf("10.9.0.1", 8, kKnownSince), Fit::kUnknown);
  for (const char* ip : {"9.9.9.9", "fd00:1::7", "fd00:2::7", "", "here"}) {
    EXPECT_EQ(networks.FitOf(ip, 9, kKnownSince), Fit::kUnknown) << ip;
  }
}

TEST(NodeNetworksTest, WhereOneNeighbourIsANodeMayBe) {
  NodeNetworks networks;
  for (uint64_t node = 1; node <= 5; ++node) {
    networks.Note("fd00:1::1", node, kNoted);
  }
  for (uint64_t node = 1; node <= 3; ++node) {
    networks.Note("10.0.1.1", node, kNoted);
  }
  networks.Note("10.9.0.1", 4, kNoted);
  EXPECT_EQ(networks.FitOf("10.9.0.2", 5, kKnownSince), Fit::kUnknown);
  EXPECT_EQ(networks.FitOf("10.9.0.2", 4, kKnownSince),
            Fit::kForeign);  // it alone is there
}

// Nodes of three networks show them in any order when a log begins.
TEST(NodeNetworksTest, NobodyIsForeignOnTheFirstDay) {
  NodeNetworks networks;
  for (uint64_t node = 1; node <= 4; ++node) {
    networks.Note("fd00:1::1", node, kNoted);
  }
  for (uint64_t node = 1; node <= 3; ++node) {
    networks.Note("10.0.1.1", node, kNoted + absl::Minutes(node));
  }
  const absl::Time known = kNoted + absl::Minutes(1) + NodeNetworks::kKnown;
  EXPECT_EQ(networks.FitOf("10.9.0.1", 4, known - absl::Seconds(1)),
            Fit::kUnknown);
  EXPECT_EQ(networks.FitOf("10.9.0.1", 4, known), Fit::kForeign);
  EXPECT_EQ(networks.FitOf("10.0.9.9", 4, kNoted), Fit::kUsual);
}

TEST(NodeNetworksTest, FewAreNeighboursForADay) {
  NodeNetworks networks;
  for (uint64_t node = 1; node <= 9; ++node) {
    networks.Note("fd00:1::1", node, kNoted);
  }
  for (uint64_t node = 1; node <= 3; ++node) {
    networks.Note("10.0.1.1", node, kNoted);
  }
  auto fit = [&](absl::Duration after) {
    return networks.FitOf("10.9.0.1", 9, kKnownSince + after);
  };
  networks.Note("10.9.0.1", 4, kKnownSince);
  EXPECT_EQ(fit(absl::Hours(24)), Fit::kUnknown);
  EXPECT_EQ(fit(absl::Hours(25)), Fit::kForeign);
  networks.Note("10.9.0.1", 4, kKnownSince + absl::Hours(25));  // it stays
  EXPECT_EQ(fit(absl::Hours(49)), Fit::kUnknown);
  // Two more within a day of each other, and of the first.
  networks.Note("10.9.0.1", 5, kKnownSince + absl::Hours(40));
  networks.Note("10.9.0.1", 6, kKnownSince + absl::Hours(60));
  EXPECT_EQ(fit(absl::Hours(1000)), Fit::kUsual);
}

TEST(NodeNetworksTest, TellsOfTheFirstTimeInANetworkOfIPv4) {
  NodeNetworks networks;
  EXPECT_FALSE(networks.Note("10.9.0.1", 1, kNoted));  // of which family?
  EXPECT_FALSE(networks.Note("fd00:1::1", 1, kNoted));
  EXPECT_TRUE(networks.Note("10.9.0.1", 1, kNoted));
  EXPECT_FALSE(networks.Note("10.9.0.2", 1, kNoted));
  EXPECT_TRUE(networks.Note("10.0.0.1", 1, kNoted));
}

// Whoever is in the list of a network is no neighbour of its own.
TEST(NodeNetworksTest, ANodeIsNotItsOwnNeighbour) {
  NodeNetworks networks;
  for (uint64_t node = 1; node <= 3; ++node) {
    networks.Note("fd00:1::1", node, kNoted);
    networks.Note("10.0.1.1", node, kNoted);
  }
  EXPECT_EQ(networks.FitOf("10.0.1.7", 3, kKnownSince), Fit::kUnknown);
  EXPECT_EQ(networks.FitOf("10.9.1.7", 3, kKnownSince), Fit::kUnknown);
}

// As where nodes come and go for years.
TEST(NodeNetworksTest, LearnsAnewWhenItIsFull) {
  NodeNetworks networks;
  for (uint64_t node = 1; node <= NodeNetworks::kMost; ++node) {
    networks.Note("fd00:1::1", node, kNoted);
  }
  for (uint64_t node = 1; node <= 3; ++node) {
    networks.Note("10.0.1.1", node, kNoted);
  }
  EXPECT_EQ(networks.FitOf("10.9.0.1", NodeNetworks::kMost, kKnownSince),
            Fit::kForeign);
  for (uint64_t node = 1; node <= 4; ++node) {
    networks.Note("fd00:1::1", NodeNetworks::kMost + node, kNoted);
    EXPECT_EQ(networks.FitOf("10.9.0.1", NodeNetworks::kMost, kKnownSince),
              Fit::kUnknown);
    if (node > 1) networks.Note("10.0.1.1", NodeNetworks::kMost + node, kNoted);
  }
  EXPECT_EQ(networks.FitOf("10.9.0.1", NodeNetworks::kMost + 1, kKnownSince),
            Fit::kForeign);
}

TEST(NodeNetworksTest, PairsOfNetworksAreBounded) {
  NodeNetworks networks;
  const std::string own = "fd00:ffff::1";
  for (uint64_t node = 1; node <= 4; ++node) networks.Note(own, node, kNoted);
  for (uint64_t node = 1; node <= 3; ++node) {
    networks.Note("10.0.1.1", node, kNoted);
  }
  EXPECT_EQ(networks.FitOf("10.9.0.1", 4, kKnownSince), Fit::kForeign);
  for (uint64_t i = 0; i < NodeNetworks::kMost - 10; ++i) {
    const std::string net = absl::StrCat("fd00:", absl::Hex(i), "::1");
    networks.Note(net, 100 + i, kNoted);
    networks.Note("10.0.1.1", 100 + i, kNoted);
  }
  EXPECT_EQ(networks.FitOf("10.9.0.1", 4, kKnownSince), Fit::kForeign);
  for (uint32_t i = 0; i < 255; ++i) {
    networks.Note(absl::StrCat("11.", i, ".0.1"), 4, kNoted);
  }
  EXPECT_EQ(networks.FitOf("10.9.0.1", 4, kKnownSince),
            Fit::kUnknown);  // learned anew
}

TEST(NodeNetworksTest, ComesBackWholeAndRefusesWhatIsDamaged) {
  NodeNetworks networks;
  for (uint64_t node = 1; node <= 4; ++node) {
    networks.Note("fd00:1::1", node, kNoted);
    networks.Note("10.0.1.1", node, kNoted);
  }
  const NodeNetworks loaded = ExpectComesBackWhole(networks);
  EXPECT_EQ(loaded.FitOf("10.9.0.1", 4, kKnownSince), Fit::kForeign);
}

}  // namespace
}  // namespace oddverb
