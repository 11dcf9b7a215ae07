// How much of the cluster's network is known. Plain data; thread-safe.
#ifndef ODDVERB_MODEL_CLUSTER_MAP_SIZES_H_
#define ODDVERB_MODEL_CLUSTER_MAP_SIZES_H_

#include <cstdint>

namespace oddverb {

// What is known, for people and metrics.
struct ClusterMapSizes {
  uint64_t nodes = 0;
  // Addresses by what calls from there.
  uint64_t node_addresses = 0;
  uint64_t pod_addresses = 0;
  uint64_t gateway_addresses = 0;
  // Pods by where their first requests came from: an address of their own, a
  // node's (host network, or the node translates addresses), a gateway's.
  uint64_t direct_pods = 0;
  uint64_t node_pods = 0;
  uint64_t gateway_pods = 0;

  uint64_t pods() const { return direct_pods + node_pods + gateway_pods; }
  // Of its pods, the share that calls in the way that most do; 0 without pods.
  double LargestShare() const;
  // Enough is known to tell how this cluster's pods reach the API server: 3
  // nodes, 50 pods, 95 % of them in one way.
  bool IsReady() const;

  friend bool operator==(const ClusterMapSizes&,
                         const ClusterMapSizes&) = default;
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_CLUSTER_MAP_SIZES_H_
