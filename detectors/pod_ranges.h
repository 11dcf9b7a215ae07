// Which node's pods have which addresses. Where each node has blocks of its own
// to give to its pods, as most networks of pods do (Kubernetes:
// --node-cidr-mask-size, 24 and 64 bits; Calico: blocks of 26 and 122), a pod
// never gets an address out of another node's, however often it is restarted:
// only who took its token has one.
//
// Learned from where tokens of pods are used first. A block is a node's while
// the last three addresses of it that pods showed were its pods', so where
// nodes share their subnets, as in Amazon's clusters, or pods their nodes'
// addresses, none is. When another node's pod is seen in a block, its former
// node's blocks of that range are forgotten, too.
//
// Bounded: beyond kMaxBlocks all is learned anew. One thread.
#ifndef ODDVERB_DETECTORS_POD_RANGES_H_
#define ODDVERB_DETECTORS_POD_RANGES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/container/btree_map.h"
#include "base/ip_address.h"
#include "base/state_io.h"

namespace oddverb {

class PodRanges {
 public:
  // The smallest of the blocks above: a larger one consists of these.
  static constexpr int kBits = 26, kBits6 = 122;
  static constexpr size_t kSure = 3;  // addresses
  // Four of each node, of as many as Kubernetes is tested with.
  static constexpr size_t kMaxBlocks = 20'000;

  // A pod of `node` (a hash, not 0) was seen for the first time, there.
  void Note(std::string_view ip, uint64_t node);
  // 0 = of none that is known.
  uint64_t NodeOf(std::string_view ip) const;

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  void Forget(const IpAddress& address, uint64_t node);

  struct Block {
    uint64_t node = 0;
    // Of the node's pods; the last bytes, as the block has the others. The
    // oldest first.
    std::array<uint8_t, kSure> addresses{};
    uint8_t size = 0;
  };
  absl::btree_map<IpAddress, Block> blocks_;  // by their first address
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_POD_RANGES_H_
