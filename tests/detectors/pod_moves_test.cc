// token.outside_its_pod where a pod may have moved itself: as far as its node
// has addresses for it, and as it is silent where it was.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "detectors/pod_ranges.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"
#include "tests/support/saved_state.h"

namespace oddverb {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr char kAmongOthers[] = "among the pods of another node";

// Pods of worker-1 are at 10.244.1.x, those of worker-2 at 10.244.2.x.
class PodRangesOfNodesTest : public ::testing::Test {
 protected:
  PodRangesOfNodesTest() {
    Kubelet(stream_, "worker-1", kNodeIp).Ask();
    Kubelet(stream_, "worker-2", kOtherNodeIp).Ask();
  }

  void Come(const std::string& node, const std::string& ip) {
    Client pod = Client::Pod(stream_, absl::StrCat("app-", ++pods_), ip);
    pod.Ask([&](EventBuilder& b) { b.OnNode(node); });
  }
  void ComeToBoth() {
    for (int i = 2; i <= 4; ++i) {
      Come("worker-1", absl::StrCat("10.244.1.", i));
      Come("worker-2", absl::StrCat("10.244.2.", i));
    }
  }
  // The finding about a pod of worker-1 that is seen at `first`, then `second`.
  Finding Moved(const std::string& first, const std::string& second) {
    Client pod = Client::Pod(stream_, "robbed", first);
    pod.Ask();
    pod.At(second).Ask();
    EXPECT_THAT(stream_.findings(), SizeIs(1));
    return stream_.findings().empty() ? Finding() : stream_.findings().back();
  }

  CredentialStream stream_;
  int pods_ = 0;
};

TEST_F(PodRangesOfNodesTest, NoRestartTakesAPodAmongThoseOfAnotherNode) {
  ComeToBoth();
  const Finding finding = Moved("10.244.1.9", "10.244.2.9");
  ExpectSound(finding);
  EXPECT_EQ(finding.severity, Severity::kMedium);
  EXPECT_THAT(FeaturesOf(finding), Contains(kAmongOthers));
}

TEST_F(PodRangesOfNodesTest, WhatWasLearnedOutlastsARestart) {
  ComeToBoth();
  stream_.Restart();
  EXPECT_TRUE(stream_.loads_ok());
  EXPECT_EQ(Moved("10.244.1.9", "10.244.2.9").severity, Severity::kMedium);
}

TEST_F(PodRangesOfNodesTest, InTheRangeOfItsNodeItMayHaveBeenRestarted) {
  ComeToBoth();
  const Finding finding = Moved("10.244.1.9", "10.244.1.31");
  EXPECT_EQ(finding.severity, Severity::kLow);
  EXPECT_THAT(FeaturesOf(finding), Not(Contains(kAmongOthers)));
}

TEST_F(PodRangesOfNodesTest, ABlockThatNobodyWasSeenInMayBeAnyNodes) {
  ComeToBoth();
  EXPECT_EQ(Moved("10.244.1.9", "10.244.2.200").severity, Severity::kLow);
}

TEST_F(PodRangesOfNodesTest, WhereTheTokenBelongsHasToBeKnown) {
  ComeToBoth();
  EXPECT_EQ(Moved("10.244.9.9", "10.244.2.9").severity, Severity::kLow);
}

TEST_F(PodRangesOfNodesTest, WhereNodesShareASubnetNoneHasARange) {
  for (int i = 2; i < 20; i += 2) {
    Come("worker-1", absl::StrCat("10.0.1.", i));
    Come("worker-2", absl::StrCat("10.0.1.", i + 1));
    Come("worker-2", absl::StrCat("10.0.2.", i));
    Come("worker-1", absl::StrCat("10.0.2.", i + 1));
  }
  EXPECT_EQ(Moved("10.0.1.40", "10.0.2.40").severity, Severity::kLow);
}

// Three thieves with tokens of worker-1 among the pods of worker-2.
TEST_F(PodRangesOfNodesTest, ThievesMakeNoRangeTheirs) {
  ComeToBoth();
  for (int i = 0; i < 4; ++i) {
    Client pod = Client::Pod(stream_, absl::StrCat("victim-", i),
                             absl::StrCat("10.244.1.1", i));
    pod.Ask();
    pod.At(absl::StrCat("10.244.2.1", i)).Ask();
    EXPECT_EQ(stream_.findings().back().severity, Severity::kMedium) << i;
  }
}

TEST(PodRangesTest, ABlockOfSixBitsIsANodesAfterThreeAddresses) {
  for (const char* net : {"10.244.3.", "fd00:10:244:3::"}) {
    PodRanges ranges;
    for (const char* host : {"40", "41", "41", "40"}) {
      ranges.Note(absl::StrCat(net, host), 7);
    }
    EXPECT_EQ(ranges.NodeOf(absl::StrCat(net, "42")), 0u);
    ranges.Note(absl::StrCat(net, "43"), 7);
    EXPECT_EQ(ranges.NodeOf(absl::StrCat(net, "42")), 7u);
    EXPECT_EQ(ranges.NodeOf(absl::StrCat(net, "99")), 0u);  // another block
    EXPECT_EQ(ranges.NodeOf("10.244.4.42"), 0u);
  }
}

TEST(PodRangesTest, AnotherNodesPodMakesItDoubtful) {
  PodRanges ranges;
  for (const char* ip : {"10.1.1.1", "10.1.1.2", "10.1.1.3"}) {
    ranges.Note(ip, 7);
  }
  EXPECT_EQ(ranges.NodeOf("10.1.1.9"), 7u);
  ranges.Note("10.1.1.4", 8);
  EXPECT_EQ(ranges.NodeOf("10.1.1.9"), 0u);
  ranges.Note("10.1.1.5", 8);
  ranges.Note("10.1.1.6", 8);
  EXPECT_EQ(ranges.NodeOf("10.1.1.9"), 8u);  // it is that one's now
}

// A range of IPv4 is 24 bits, one of IPv6 64.
TEST(PodRangesTest, ANodeThatLostABlockLostItsOthersOfTheRange) {
  for (const char* net : {"10.244.", "fd00:10:244:"}) {
    const std::string_view sep = net[0] == '1' ? "." : "::";
    const auto at = [&](int range, int host) {
      return absl::StrCat(net, range, std::string(sep), host);
    };
    PodRanges ranges;
    for (int host : {1, 2, 3}) {
      ranges.Note(at(3, 100 + host), 7);
      ranges.Note(at(3, 200 + host), 7);
      ranges.Note(at(3, 10 + host), 9);
      ranges.Note(at(4, 200 + host), 7);
    }
    EXPECT_EQ(ranges.NodeOf(at(3, 209)), 7u);
    ranges.Note(at(3, 109), 8);
    EXPECT_EQ(ranges.NodeOf(at(3, 209)), 0u);
    EXPECT_EQ(ranges.NodeOf(at(3, 19)), 9u);
    EXPECT_EQ(ranges.NodeOf(at(4, 209)), 7u);
  }
}

TEST(PodRangesTest, WhatIsNoAddressIsInNone) {
  PodRanges ranges;
  for (const char* ip : {"", "here", "10.1.1", "10.1.1.1.1"}) {
    for (int i = 0; i < 4; ++i) ranges.Note(ip, 7);
    EXPECT_EQ(ranges.NodeOf(ip), 0u) << ip;
  }
}

// As of a node that came after the one that had it.
TEST(PodRangesTest, ARangeIsGivenToAnotherNodeAsAWhole) {
  for (const char* range : {"10.1.1.", "fd00:1:1:1::"}) {
    PodRanges ranges;
    auto note = [&](int first, uint64_t node) {
      for (int host = first; host < first + 3; ++host) {
        ranges.Note(absl::StrCat(range, host), node);
      }
    };
    auto node_of = [&](int host) {
      return ranges.NodeOf(absl::StrCat(range, host));
    };
    note(10, 7);
    note(70, 7);
    note(130, 5);  // the next one's block, as Calico gives them
    EXPECT_EQ(node_of(79), 7u);
    note(10, 8);
    EXPECT_EQ(node_of(19), 8u);
    EXPECT_EQ(node_of(79), 0u);
    EXPECT_EQ(node_of(139), 5u);
  }
}

// As where nodes come and go for years.
TEST(PodRangesTest, LearnsAnewWhenItIsFull) {
  PodRanges ranges;
  auto net_of = [](uint32_t block) {
    return absl::StrCat("10.", block >> 10 & 255, ".", block >> 2 & 255, ".");
  };
  auto note = [&](uint32_t block) {
    for (uint32_t host = 1; host <= 3; ++host) {
      ranges.Note(absl::StrCat(net_of(block), (block & 3) * 64 + host), 7);
    }
  };
  auto node_of = [&](uint32_t block) {
    return ranges.NodeOf(absl::StrCat(net_of(block), (block & 3) * 64 + 9));
  };
  for (uint32_t block = 0; block < PodRanges::kMaxBlocks; ++block) note(block);
  EXPECT_EQ(node_of(0), 7u);
  EXPECT_EQ(node_of(PodRanges::kMaxBlocks - 1), 7u);
  note(PodRanges::kMaxBlocks);
  EXPECT_EQ(node_of(PodRanges::kMaxBlocks), 7u);
  EXPECT_EQ(node_of(0), 0u);
}

TEST(PodRangesTest, ComesBackWholeAndRefusesWhatIsDamaged) {
  PodRanges ranges;
  for (const char* ip : {"10.1.1.1", "10.1.1.2", "10.1.1.3", "fd00::1"}) {
    ranges.Note(ip, 7);
  }
  EXPECT_EQ(ExpectComesBackWhole(ranges).NodeOf("10.1.1.9"), 7u);
}

// A pod asks `uses` times with `pause`; then its token comes from another
// address, `away_uses` times, two minutes apart; after a further `silence` the
// pod asks again.
struct Return {
  const char* what;
  int uses;
  absl::Duration pause;
  int away_uses;
  absl::Duration silence;
  Severity severest;
};

void AskEvery(CredentialStream& stream, Client client, int uses,
              absl::Duration pause) {
  for (int i = 0; i < uses; ++i) {
    client.Ask();
    stream.Sleep(pause);
  }
}

Severity Severest(const CredentialStream& stream) {
  Severity severest = Severity::kInfo;
  for (const Finding& finding : stream.reports()) {
    severest = std::max(severest, finding.severity);
  }
  return severest;
}

constexpr absl::Duration kOften = absl::Minutes(2);

TEST(MovedBackTest, OnlyAPodThatFellSilentAllTheWhileWasStartedAgainTwice) {
  const Return kReturns[] = {
      {"silent for eight hours", 40, kOften, 240, {}, Severity::kLow},
      {"silent for five hours", 40, kOften, 150, {}, Severity::kHigh},
      {"hardly known", 19, kOften, 240, {}, Severity::kHigh},
      {"often silent for long",
       40,
       absl::Minutes(10),
       240,
       {},
       Severity::kHigh},
      {"nobody went on elsewhere", 40, kOften, 3, absl::Hours(8),
       Severity::kHigh},
  };
  for (const Return& back : kReturns) {
    CredentialStream stream;
    Client pod = Client::Pod(stream, "shop", kInside);
    AskEvery(stream, pod, back.uses, back.pause);
    AskEvery(stream, pod.At("10.244.1.77"), back.away_uses, kOften);
    stream.Sleep(back.silence);
    pod.Ask();
    EXPECT_EQ(Severest(stream), back.severest) << back.what;
  }
}

TEST(MovedBackTest, AThiefIsFoundWhenThePodGoesOnBesideHim) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  Client away = pod.At("10.244.1.77");
  AskEvery(stream, pod, 40, kOften);
  AskEvery(stream, away, 240, kOften);
  InTurns(pod, away, 2);
  EXPECT_EQ(Severest(stream), Severity::kHigh);
}

// A pod that was started again is no longer where it was first.
class MovedPodTest : public ::testing::Test {
 protected:
  MovedPodTest() {
    AskEvery(stream_, Client::Pod(stream_, "shop", kInside), 40, kOften);
    AskEvery(stream_, pod_, 40, kOften);
  }

  CredentialStream stream_;
  Client pod_ = Client::Pod(stream_, "shop", "10.244.1.77");
};

TEST_F(MovedPodTest, AThiefIsFoundWhenItGoesOnBesideHimWhereItIsNow) {
  EXPECT_EQ(Severest(stream_), Severity::kLow);
  AskEvery(stream_, pod_.At("10.244.2.9"), 1, kOften);
  pod_.Ask();
  ASSERT_EQ(Severest(stream_), Severity::kHigh);
  const Finding& told = stream_.reports().back();
  ExpectSound(told);
  EXPECT_EQ(told.where.source_ip, "10.244.2.9");
  EXPECT_THAT(told.normal, HasSubstr("10.244.1.77"));
}

// Was called from the first two in turns, and is from the others since it was
// started again.
struct Restart {
  const char* what;
  std::vector<std::string> before, after;
};

TEST(MovedBackTest, OfItsOwnNewAddressesNoneIsAThief) {
  const Restart kRestarts[] = {
      {"of both families",
       {"10.244.1.5", "fd00::5"},
       {"10.244.1.77", "fd00::77"}},
      {"of both families, one of them not seen before",
       {"10.244.1.5"},
       {"fd00::77", "10.244.1.77"}},
      {"its node got another IPv4 address and kept the other",
       {"10.0.1.5", "fd00::5"},
       {"10.0.1.77", "fd00::5"}},
      {"its node translates some calls",
       {"10.244.1.5"},
       {"10.0.1.4", "10.244.1.77"}},
  };
  for (const Restart& restart : kRestarts) {
    CredentialStream stream;
    const Client pod = Client::Pod(stream, "shop", kInside);
    for (const auto* ips : {&restart.before, &restart.after}) {
      for (int i = 0; i < 40; ++i) {
        for (const std::string& ip : *ips) {
          AskEvery(stream, pod.At(ip), 1, kOften);
        }
      }
    }
    EXPECT_LE(Severest(stream), Severity::kLow) << restart.what;
  }
}

TEST(MovedBackTest, StartedAgainThreeTimesItMayBeBack) {
  CredentialStream stream;
  Client pod = Client::Pod(stream, "shop", kInside);
  AskEvery(stream, pod, 40, kOften);
  AskEvery(stream, pod.At("10.244.1.77"), 150, kOften);
  AskEvery(stream, pod.At("10.244.1.78"), 600, kOften);
  pod.Ask();
  EXPECT_EQ(Severest(stream), Severity::kLow);
}

TEST_F(MovedPodTest, StartedAgainOnceMoreItIsNoThief) {
  AskEvery(stream_, pod_.At("10.244.1.78"), 40, kOften);
  AskEvery(stream_, pod_.At("10.244.1.79"), 40, kOften);
  EXPECT_EQ(Severest(stream_), Severity::kLow);
}

// Of an API server whose log stood still for long.
TEST_F(MovedPodTest, WhatItAskedBeforeItWasStartedAgainAccusesNobody) {
  const absl::Time before = stream_.NextSecond();
  AskEvery(stream_, pod_.At("10.244.1.78"), 300, kOften);
  pod_.Ask([&](EventBuilder& b) { b.At(before).Received(before); });
  AskEvery(stream_, pod_.At("10.244.1.78"), 3, kOften);
  EXPECT_EQ(Severest(stream_), Severity::kLow);
}

// Then many pods come from both, as from a gateway's addresses.
TEST_F(MovedPodTest, WhereManyPodsComeFromBothItIsTakenBack) {
  const std::string gateways[] = {"10.244.1.77", "10.244.2.9"};
  AskEvery(stream_, pod_.At(gateways[1]), 1, kOften);
  pod_.Ask();
  ASSERT_EQ(Severest(stream_), Severity::kHigh);
  for (int i = 0; i < 6; ++i) {
    Client other = Client::Pod(stream_, absl::StrCat("p", i), gateways[i % 2]);
    other.Ask([&](EventBuilder& b) { b.OnNode(absl::StrCat("worker-", i)); });
  }
  const Finding& told = stream_.reports().back();
  EXPECT_EQ(told.where.source_ip, gateways[1]);
  EXPECT_EQ(told.severity, Severity::kLow);
}

TEST_F(MovedPodTest, AThiefWhoWasToldOfAccusesNobody) {
  Client thief = pod_.At("10.9.9.9").With("curl/8");
  InTurns(thief, pod_, 2);
  ASSERT_EQ(Severest(stream_), Severity::kCritical);
  Client again = pod_.At("10.244.1.78");
  InTurns(again, thief, 2);
  for (const Finding& finding : stream_.reports()) {
    if (finding.where.source_ip != "10.9.9.9") {
      EXPECT_EQ(finding.severity, Severity::kLow) << finding.where.source_ip;
    }
  }
}

}  // namespace
}  // namespace oddverb
