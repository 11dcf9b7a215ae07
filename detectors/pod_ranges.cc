#include "detectors/pod_ranges.h"

#include <algorithm>
#include <utility>

#include "base/ip_address.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;
constexpr uint32_t kHostBits = 32 - PodRanges::kBits;
static_assert(kHostBits == 128 - PodRanges::kBits6);
constexpr uint8_t kHostMask = (1U << kHostBits) - 1;

// Spreads 64 bits over 64 bits, one to one (splitmix64, Steele et al. 2014).
uint64_t Mix(uint64_t bits) {
  bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
  return bits ^ bits >> 31;
}

}  // namespace

std::optional<PodRanges::Place> PodRanges::PlaceOf(std::string_view ip) {
  const std::optional<IpAddress> address = IpAddress::Parse(ip);
  if (!address.has_value()) return std::nullopt;
  const auto host =
      static_cast<uint8_t>(address->bytes[address->bytes.size() - 1]);
  Place place{.address = static_cast<uint8_t>(host & kHostMask)};
  uint64_t halves[2] = {};
  for (size_t i = 0; i < address->bytes.size(); ++i) {
    halves[i / 8] = halves[i / 8] << 8 | address->bytes[i];
  }
  place.block = Mix(Mix(halves[0]) ^ halves[1] >> kHostBits);
  return place;
}

void PodRanges::Note(std::string_view ip, uint64_t node) {
  const std::optional<Place> place = PlaceOf(ip);
  if (!place.has_value()) return;
  auto found = blocks_.find(place->block);
  if (found == blocks_.end()) {
    if (blocks_.size() >= kMaxBlocks) return;
    found = blocks_.emplace(place->block, Block()).first;
  }
  Block& block = found->second;
  if (block.node != node) block = {.node = node};
  const auto end = block.addresses.begin() + block.size;
  if (std::find(block.addresses.begin(), end, place->address) != end) return;
  if (block.size < kSure) block.addresses[block.size++] = place->address;
}

uint64_t PodRanges::NodeOf(std::string_view ip) const {
  const std::optional<Place> place = PlaceOf(ip);
  if (!place.has_value()) return 0;
  const auto found = blocks_.find(place->block);
  const bool is_sure = found != blocks_.end() && found->second.size >= kSure;
  return is_sure ? found->second.node : 0;
}

void PodRanges::Save(StateWriter& out) const {
  out.PutU64(kStateVersion);
  out.PutU64(blocks_.size());
  for (const auto& [key, block] : blocks_) {
    out.PutFixed64(key);
    out.PutFixed64(block.node);
    out.PutU64(block.size);
    for (size_t i = 0; i < block.size; ++i) out.PutU64(block.addresses[i]);
  }
}

void PodRanges::Load(StateReader& in) {
  if (in.GetU64() != kStateVersion) in.Fail();
  absl::btree_map<uint64_t, Block> loaded;
  const uint64_t count = in.GetCount(17);
  if (count > kMaxBlocks) in.Fail();
  for (uint64_t left = count; left > 0 && in.status().ok(); --left) {
    const uint64_t key = in.GetFixed64();
    Block& block = loaded[key];
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
