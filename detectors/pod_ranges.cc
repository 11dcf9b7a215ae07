#include "detectors/pod_ranges.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;
constexpr uint32_t kHostBits = 32 - PodRanges::kBits;
static_assert(kHostBits == 128 - PodRanges::kBits6);
constexpr uint8_t kHostMask = (1U << kHostBits) - 1;

uint8_t HostOf(const IpAddress& address) {
  return static_cast<uint8_t>(address.bytes.back() & kHostMask);
}

IpAddress BlockOf(IpAddress address) {
  address.bytes.back() &= static_cast<uint8_t>(~kHostMask);
  return address;
}

// What most networks give to a node at once: 24 bits of IPv4, 64 of IPv6.
IpAddress RangeOf(IpAddress address) {
  const std::ptrdiff_t kept = address.is_v4() ? 15 : 8;
  std::fill(address.bytes.begin() + kept, address.bytes.end(), uint8_t{0});
  return address;
}

}  // namespace

// A range is given to another node as a whole.
void PodRanges::Forget(const IpAddress& address, uint64_t node) {
  const IpAddress range = RangeOf(address);
  for (auto it = blocks_.lower_bound(range);
       it != blocks_.end() && RangeOf(it->first) == range;) {
    it = it->second.node == node ? blocks_.erase(it) : std::next(it);
  }
}

void PodRanges::Note(std::string_view ip, uint64_t node) {
  const std::optional<IpAddress> address = IpAddress::Parse(ip);
  if (!address.has_value()) return;
  const IpAddress first = BlockOf(*address);
  auto found = blocks_.find(first);
  if (found != blocks_.end() && found->second.node != node) {
    Forget(first, found->second.node);
    found = blocks_.end();
  }
  if (found == blocks_.end()) {
    if (blocks_.size() >= kMaxBlocks) blocks_.clear();
    found = blocks_.emplace(first, Block{.node = node}).first;
  }
  Block& block = found->second;
  const auto end = block.addresses.begin() + block.size;
  const uint8_t host = HostOf(*address);
  if (std::find(block.addresses.begin(), end, host) != end) return;
  if (block.size < kSure) block.addresses[block.size++] = host;
}

uint64_t PodRanges::NodeOf(std::string_view ip) const {
  const std::optional<IpAddress> address = IpAddress::Parse(ip);
  if (!address.has_value()) return 0;
  const auto found = blocks_.find(BlockOf(*address));
  const bool is_sure = found != blocks_.end() && found->second.size >= kSure;
  return is_sure ? found->second.node : 0;
}

void PodRanges::Save(StateWriter& out) const {
  out.PutU64(kStateVersion);
  out.PutU64(blocks_.size());
  for (const auto& [first, block] : blocks_) {
    for (uint8_t byte : first.bytes) out.PutU64(byte);
    out.PutFixed64(block.node);
    out.PutU64(block.size);
    for (size_t i = 0; i < block.size; ++i) out.PutU64(block.addresses[i]);
  }
}

void PodRanges::Load(StateReader& in) {
  if (in.GetU64() != kStateVersion) in.Fail();
  absl::btree_map<IpAddress, Block> loaded;
  const uint64_t count = in.GetCount(25);
  if (count > kMaxBlocks) in.Fail();
  for (uint64_t left = count; left > 0 && in.status().ok(); --left) {
    IpAddress first;
    for (uint8_t& byte : first.bytes) byte = static_cast<uint8_t>(in.GetU64());
    if (first != BlockOf(first)) in.Fail();
    Block& block = loaded[first];
    block.node = in.GetFixed64();
    const uint64_t size = in.GetU64();
    if (size > kSure) in.Fail();
    for (; block.size < size && in.status().ok(); ++block.size) {
      const uint64_t address = in.GetU64();
      if (address > kHostMask) in.Fail();
      block.addresses[block.size] = static_cast<uint8_t>(address);
    }
  }
  if (in.status().ok()) blocks_ = std::move(loaded);
}

}  // namespace oddverb
