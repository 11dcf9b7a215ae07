#include "detectors/cluster_map.h"

#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

using Place = ClusterMap::Place;

const absl::Time kMapBegin = absl::FromUnixSeconds(1'700'000'000);

absl::Time Minute(int minutes) { return kMapBegin + absl::Minutes(minutes); }

constexpr uint64_t kNode1 = 11;
constexpr uint64_t kNode2 = 12;

TEST(ClusterMapTest, AnAddressIsWhatCallsFromThere) {
  ClusterMap map;
  EXPECT_EQ(map.PlaceOf(1), Place::kUnknown);
  map.NoteKubelet(1, kNode1, kMapBegin);
  EXPECT_EQ(map.PlaceOf(1), Place::kNode);
  EXPECT_FALSE(map.NotePod(2, 100, kNode1, kMapBegin));
  EXPECT_EQ(map.PlaceOf(2), Place::kPod);
  // The host network's pods are at their node.
  map.NotePod(1, 101, kNode1, kMapBegin);
  EXPECT_EQ(map.PlaceOf(1), Place::kNode);
  EXPECT_EQ(map.sizes().nodes, 1u);
  EXPECT_EQ(map.sizes().node_addresses, 1u);
  EXPECT_EQ(map.sizes().pod_addresses, 1u);
  EXPECT_EQ(map.sizes().node_pods, 1u);
  EXPECT_EQ(map.sizes().direct_pods, 1u);
  EXPECT_EQ(map.sizes().pods(), 2u);
}

TEST(ClusterMapTest, PodsOfSeveralNodesShareAGateway) {
  ClusterMap map;
  EXPECT_FALSE(map.NotePod(1, 100, kNode1, kMapBegin));
  EXPECT_FALSE(map.NotePod(1, 101, kNode2, Minute(600)));
  EXPECT_TRUE(map.NotePod(1, 102, kNode1, Minute(1200)));
  EXPECT_FALSE(map.NotePod(1, 103, kNode1, Minute(1800)));  // it was already
  EXPECT_EQ(map.PlaceOf(1), Place::kGateway);
  EXPECT_EQ(map.sizes().gateway_pods, 4u);
  EXPECT_EQ(map.sizes().gateway_addresses, 1u);
  EXPECT_EQ(map.sizes().pod_addresses, 0u);
}

// In the course of days, one pod after the other has the address.
TEST(ClusterMapTest, AnAddressThatIsGivenOutAgainIsNoGateway) {
  ClusterMap reused;
  for (int i = 0; i < 7; ++i) {
    reused.NotePod(1, 100 + static_cast<uint64_t>(i), kNode1, Minute(20 * i));
  }
  EXPECT_FALSE(reused.IsShared(1));
  ClusterMap at_once;
  for (int i = 0; i < 3; ++i) {
    at_once.NotePod(1, 100 + static_cast<uint64_t>(i), kNode1, Minute(4 * i));
  }
  EXPECT_TRUE(at_once.IsShared(1));
}

TEST(ClusterMapTest, AFurtherAddressOfANodeIsBelievedAfterADay) {
  ClusterMap map;
  map.NoteKubelet(1, kNode1, kMapBegin);
  map.NoteKubelet(2, kNode1, kMapBegin);
  map.NoteKubelet(3, kNode2, kMapBegin);
  EXPECT_TRUE(map.IsOfNode(1, kNode1, kMapBegin));
  EXPECT_FALSE(map.IsOfNode(2, kNode1, Minute(24 * 60)));
  EXPECT_TRUE(map.IsOfNode(2, kNode1, Minute(24 * 60 + 1)));
  EXPECT_FALSE(map.IsOfNode(3, kNode1, Minute(24 * 60 + 1)));
  EXPECT_FALSE(map.IsOfNode(1, 0, kMapBegin));
  map.Distrust(2);
  EXPECT_FALSE(map.IsOfNode(2, kNode1, Minute(24 * 60 + 1)));
  EXPECT_EQ(map.sizes().nodes, 2u);
}

TEST(ClusterMapTest, AKubeletInAPodDoesNotMakeItANode) {
  ClusterMap map;
  map.NoteKubelet(1, kNode1, kMapBegin);
  map.NotePod(2, 100, kNode1, kMapBegin);
  map.NoteKubelet(2, kNode1, kMapBegin);
  EXPECT_EQ(map.PlaceOf(2), Place::kPod);
}

TEST(ClusterMapTest, IsReadyWhenEnoughPodsCallInOneWay) {
  ClusterMap map;
  for (uint64_t node = 0; node < 3; ++node) {
    map.NoteKubelet(static_cast<EntityId>(node), node + 1, kMapBegin);
  }
  for (uint64_t pod = 0; pod < 50; ++pod) {
    EXPECT_FALSE(map.sizes().IsReady()) << pod;
    map.NotePod(static_cast<EntityId>(10 + pod), 100 + pod, 1, kMapBegin);
  }
  EXPECT_TRUE(map.sizes().IsReady());
  EXPECT_EQ(SizesText(map.sizes()),
            "3 nodes, 50 pods: 100 % call from an address of their own");
  for (uint64_t pod = 0; pod < 5; ++pod)
    map.NotePod(0, 900 + pod, 1, kMapBegin);
  EXPECT_FALSE(map.sizes().IsReady());
  EXPECT_EQ(SizesText(map.sizes()),
            "3 nodes, 55 pods: 91 % call from an address of their own");
}

TEST(ClusterMapTest, WhatIsForgottenLeavesTheSums) {
  ClusterMap map;
  map.NoteKubelet(1, kNode1, kMapBegin);
  map.NoteKubelet(2, kNode1, kMapBegin);
  for (uint64_t pod = 0; pod < 4; ++pod) map.NotePod(3, pod + 1, 1, kMapBegin);
  map.NotePod(4, 50, 1, kMapBegin);
  map.Distrust(4);
  for (EntityId id = 0; id < 9; ++id) {
    map.Forget(id);
    EXPECT_FALSE(map.Knows(id));
  }
  EXPECT_EQ(map.sizes(), ClusterMapSizes());
}

TEST(ClusterMapTest, SavesAndLoadsUnderOtherIds) {
  ClusterMap map;
  map.NoteKubelet(1, kNode1, kMapBegin);
  map.NoteKubelet(2, kNode1, Minute(1));
  for (uint64_t pod = 0; pod < 4; ++pod) map.NotePod(3, pod + 1, 1, kMapBegin);
  map.NotePod(4, 50, kNode1, kMapBegin);
  map.NotePod(4, 51, kNode1, kMapBegin);
  map.NotePod(5, 60, kNode1, kMapBegin);
  map.NoteKubelet(6, kNode2, kMapBegin);
  map.Distrust(6);
  ClusterMap loaded;
  for (EntityId id = 0; id < 8; ++id) {
    StateWriter saved;
    map.Save(id, saved);
    StateReader reader(saved.bytes());
    loaded.Load(20 - id, reader);
    ASSERT_TRUE(reader.status().ok() && reader.AtEnd()) << id;
    EXPECT_EQ(loaded.PlaceOf(20 - id), map.PlaceOf(id)) << id;
    EXPECT_EQ(loaded.Knows(20 - id), map.Knows(id)) << id;
    for (size_t size = 0; size < saved.bytes().size(); ++size) {
      ClusterMap victim;
      const std::string cut = std::string(saved.bytes()).substr(0, size);
      StateReader damaged(cut);
      victim.Load(0, damaged);
      EXPECT_FALSE(damaged.status().ok()) << size;
      EXPECT_EQ(victim.sizes(), ClusterMapSizes());
    }
  }
  EXPECT_EQ(loaded.sizes(), map.sizes());
  EXPECT_TRUE(loaded.IsOfNode(18, kNode1, Minute(24 * 60 + 2)));
  EXPECT_FALSE(loaded.IsOfNode(18, kNode1, Minute(2)));
  // A third pod at the same time goes on from what was saved.
  EXPECT_TRUE(loaded.NotePod(16, 52, kNode1, Minute(2)));
}

}  // namespace
}  // namespace oddverb
