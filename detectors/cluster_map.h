// Where the cluster's own programs call from, as the audit log itself shows:
// the addresses of nodes (their kubelets), of pods (their bound tokens), and of
// gateways that hide many pods. Findings about stolen credentials are weighed
// with it, and say how much of the cluster it knows.
//
// Learned from the first contacts of credentials with addresses alone. State is
// by address, in the correlator's table, which bounds it: what is evicted there
// is taken out of the sums here. One thread.
#ifndef ODDVERB_DETECTORS_CLUSTER_MAP_H_
#define ODDVERB_DETECTORS_CLUSTER_MAP_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/cluster_map_sizes.h"
#include "stats/entity_table.h"
#include "stats/fingerprint_set.h"
#include "stats/state_prefetch.h"

namespace oddverb {

// "3 nodes, 152 pods: 98 % call from their own address", for a finding.
std::string SizesText(const ClusterMapSizes& sizes);

class ClusterMap {
 public:
  enum class Place : uint8_t {
    kUnknown,  // people, or nobody
    kPod,
    kNode,
    kGateway,
  };

  // Hints the cache that NotePod() comes soon, or the like.
  void Prefetch(PrefetchStep step, EntityId address) const {
    const Address* known = PrefetchOwned(step, addresses_, address);
    if (known == nullptr) return;
    known->pods.Prefetch();
    known->nodes.Prefetch();
  }

  // A kubelet's credential was seen there for the first time; `node` is a hash
  // of its name.
  void NoteKubelet(EntityId address, uint64_t node, absl::Time now);
  // So was the token of a pod; `node` is the one that the token names, 0 = it
  // names none. Whether the address turned out to be shared by this.
  bool NotePod(EntityId address, uint64_t pod, uint64_t node, absl::Time now);
  // A kubelet's credential is in doubt here: it is no node's address.
  void Distrust(EntityId address);

  Place PlaceOf(EntityId address) const;
  // Many pods' tokens were seen there: a gateway, or a node that hides its
  // pods. Stays so.
  bool IsShared(EntityId address) const;
  // The node's kubelet calls from there: its first address at once, a further
  // one after a day.
  bool IsOfNode(EntityId address, uint64_t node, absl::Time now) const;
  // Some address of its kubelet is known.
  bool KnowsNode(uint64_t node) const { return nodes_.contains(node); }
  // Pods are seen with the addresses of their nodes, the token of a pod at
  // `home` on its own, `node`; and at `away` on another one's, where pods of at
  // most `most_nodes` are seen, its own among them. False at what several nodes
  // share: gateways, tunnels.
  bool IsOnAnotherNode(EntityId home, EntityId away, uint64_t node,
                       uint32_t most_nodes) const;
  // The same of a pod that is seen at an address of its own, `home`; no pod but
  // those of `node` and of that other node is seen at `away`.
  bool LeavesForAnotherNode(EntityId home, EntityId away, uint64_t node) const;
  // It is the address of another node than `node`, which is known elsewhere,
  // and the only pods that are seen there are that other node's.
  bool IsOnlyAnotherNodes(EntityId address, uint64_t node) const;
  // Pods of one to `most` nodes are seen there.
  bool HasPodsOfNodes(EntityId address, uint32_t most) const;
  // A pod of the node is.
  bool HasPodsOf(EntityId address, uint64_t node) const;
  // The only one of the node's pods there was no pod.
  void TakeBackPodsOf(EntityId address, uint64_t node);
  // A kubelet, or the token of another pod than `pod`, was seen there.
  bool HasOthers(EntityId address, uint64_t pod) const;
  const ClusterMapSizes& sizes() const { return sizes_; }

  void Forget(EntityId address);
  // Keeps what it says of the address in `out` alone, until Wake(); it goes on
  // being one of those in sizes().
  void Rest(EntityId address, StateWriter& out);
  void Wake(EntityId address, StateReader& in);
  bool Knows(EntityId address) const;
  void Save(EntityId address, StateWriter& out) const;
  // Failures show in in.status(); then nothing is known of the address.
  void Load(EntityId address, StateReader& in);

 private:
  struct Kubelet {
    uint64_t node = 0;
    int64_t since_micros = 0;
    bool is_first = false;  // address of its node
  };
  struct Address {
    std::vector<Kubelet> kubelets;
    FingerprintSet pods;
    FingerprintSet nodes;  // that the pods' tokens name
    // When the two pods before the last were seen first.
    int64_t recent_micros[2] = {INT64_MIN, INT64_MIN};
    uint32_t pod_count = 0;
    bool is_shared = false;
    bool is_distrusted = false;
  };

  // The one whose kubelet alone is there; 0 = none, or several.
  uint64_t OnlyNodeAt(EntityId id) const;
  Address& AddressOf(EntityId id);
  const Address* Find(EntityId id) const;
  static void SaveAddress(const Address& address, StateWriter& out);
  static Address LoadAddress(StateReader& in);
  static Place PlaceOf(const Address& address);
  void AddToSums(const Address& address);
  void TakeFromSums(const Address& address);
  uint64_t* PodsAt(Place place);
  uint64_t* AddressesAt(Place place);

  std::vector<std::unique_ptr<Address>> addresses_;  // by id; null: unknown
  // Addresses of each node that is known: of as many as addresses_ hold.
  std::map<uint64_t, uint32_t> nodes_;
  ClusterMapSizes sizes_;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_CLUSTER_MAP_H_
