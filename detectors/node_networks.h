// Where the nodes of a dual-stack cluster are. One that is known by its IPv6
// address may call from its IPv4 address any time, which looks as if somebody
// had its credential; but that is in the network in which its neighbours of
// IPv6 have theirs.
//
// Learned from where kubelets call from. Networks are those of one site: 16
// bits of IPv4, and 48 of IPv6 (RFC 6177, RFC 4193). Bounded: beyond kMost
// nodes or pairs of networks all is learned anew, as nodes come and go. One
// thread.
#ifndef ODDVERB_DETECTORS_NODE_NETWORKS_H_
#define ODDVERB_DETECTORS_NODE_NETWORKS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "base/state_io.h"

namespace oddverb {

class NodeNetworks {
 public:
  static constexpr size_t kSure = 3;  // nodes
  // How long a network of nodes is known before others are in doubt elsewhere:
  // when a log begins, nodes show their networks in any order.
  static constexpr absl::Duration kKnown = absl::Hours(24);
  // Nodes of the largest cluster that Kubernetes is tested with, twice.
  static constexpr size_t kMost = 10'000;

  enum class Fit : uint8_t {
    kUnknown,
    kUsual,    // its neighbours are there
    kForeign,  // they are elsewhere, since kKnown, and none of them is there
  };

  // Of an inside IPv4 address for a node (a hash) that Note() knows by an IPv6
  // address; else kUnknown.
  Fit FitOf(std::string_view ip, uint64_t node, absl::Time now) const;
  // A credential of its kubelet was seen there. Whether that is an IPv4 network
  // that the node was not seen in before.
  bool Note(std::string_view ip, uint64_t node, absl::Time now);

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  // Of IPv6, then of IPv4.
  using Pair = std::pair<uint64_t, uint32_t>;
  struct Network {
    // The first ones, which are other ones: one more than kSure.
    std::vector<uint64_t> nodes;
    absl::Time since;  // the first one was seen
    absl::Time last;   // one of them was

    // Fewer than kSure are neighbours while they come one after the other, as
    // nodes of a new site do; what was seen once, days ago, may be a thief's.
    bool IsStale(absl::Time now) const {
      return nodes.size() < kSure && now - last > kKnown;
    }
  };

  absl::btree_map<uint64_t, uint64_t> homes_;  // network of IPv6, by node
  absl::btree_map<Pair, Network> networks_;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_NODE_NETWORKS_H_
