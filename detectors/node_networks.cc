#include "detectors/node_networks.h"

#include <algorithm>
#include <optional>

#include "base/ip_address.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;
constexpr size_t kMaxListed = NodeNetworks::kSure + 1;

uint64_t SiteOfV6(const IpAddress& address) {
  uint64_t site = 0;
  for (size_t i = 0; i < 6; ++i) site = site << 8 | address.bytes[i];
  return site;
}

uint32_t SiteOfV4(const IpAddress& address) { return address.v4() >> 16; }

}  // namespace

NodeNetworks::Fit NodeNetworks::FitOf(std::string_view ip, uint64_t node,
                                      absl::Time now) const {
  const std::optional<IpAddress> address = IpAddress::Parse(ip);
  const auto home = homes_.find(node);
  if (!address.has_value() || !address->is_v4() || !address->is_private() ||
      home == homes_.end()) {
    return Fit::kUnknown;
  }
  const uint32_t site = SiteOfV4(*address);
  bool is_elsewhere = false;
  size_t here = 0;
  for (auto it = networks_.lower_bound({home->second, 0});
       it != networks_.end() && it->first.first == home->second; ++it) {
    const std::vector<uint64_t>& nodes = it->second.nodes;
    const size_t others = nodes.size() - static_cast<size_t>(std::count(
                                             nodes.begin(), nodes.end(), node));
    if (it->first.second == site) {
      here = it->second.IsStale(now) ? 0 : others;
    } else {
      is_elsewhere |= others >= kSure && now - it->second.since >= kKnown;
    }
  }
  if (here >= kSure) return Fit::kUsual;
  return here == 0 && is_elsewhere ? Fit::kForeign : Fit::kUnknown;
}

bool NodeNetworks::Note(std::string_view ip, uint64_t node, absl::Time now) {
  const std::optional<IpAddress> address = IpAddress::Parse(ip);
  if (!address.has_value()) return false;
  const auto home = homes_.find(node);
  if (!address->is_v4()) {
    if (home != homes_.end()) return false;
    if (homes_.size() >= kMost) *this = {};
    homes_.emplace(node, SiteOfV6(*address));
    return false;
  }
  if (home == homes_.end()) return false;
  const Pair pair{home->second, SiteOfV4(*address)};
  if (networks_.size() >= kMost && !networks_.contains(pair)) networks_.clear();
  Network& network = networks_[pair];
  std::vector<uint64_t>& nodes = network.nodes;
  const bool is_listed =
      std::find(nodes.begin(), nodes.end(), node) != nodes.end();
  const bool is_new = !is_listed && nodes.size() < kMaxListed;
  if (is_new && network.IsStale(now)) nodes.clear();
  if (nodes.empty()) network.since = now;
  if (is_new) nodes.push_back(node);
  network.last = now;
  return is_new;
}

void NodeNetworks::Save(StateWriter& out) const {
  out.PutU64(kStateVersion);
  out.PutU64(homes_.size());
  for (const auto& [node, site] : homes_) {
    out.PutFixed64(node);
    out.PutU64(site);
  }
  out.PutU64(networks_.size());
  for (const auto& [pair, network] : networks_) {
    out.PutU64(pair.first);
    out.PutU64(pair.second);
    out.PutTime(network.since);
    out.PutTime(network.last);
    out.PutU64(network.nodes.size());
    for (uint64_t node : network.nodes) out.PutFixed64(node);
  }
}

void NodeNetworks::Load(StateReader& in) {
  NodeNetworks loaded;
  if (in.GetU64() != kStateVersion) in.Fail();
  uint64_t count = in.GetCount(9);
  if (count > kMost) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    const uint64_t node = in.GetFixed64();
    loaded.homes_[node] = in.GetU64();
  }
  count = in.GetCount(5);
  if (count > kMost) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    const uint64_t site = in.GetU64();
    const uint64_t site4 = in.GetU64();
    if (site4 > UINT16_MAX) in.Fail();
    Network& network = loaded.networks_[{site, static_cast<uint32_t>(site4)}];
    network.since = in.GetTime();
    network.last = in.GetTime();
    uint64_t nodes = in.GetU64();
    if (nodes > kMaxListed) in.Fail();
    for (; nodes > 0 && in.status().ok(); --nodes) {
      network.nodes.push_back(in.GetFixed64());
    }
  }
  if (in.status().ok()) *this = std::move(loaded);
}

}  // namespace oddverb
