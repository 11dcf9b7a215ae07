#include "detectors/cluster_map.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "detectors/finding_text.h"

namespace oddverb {
namespace {

// Nodes with their own credentials at one address; a gateway of kubelets has
// more, and then they do not matter.
constexpr size_t kMaxKubelets = 4;
constexpr uint32_t kMaxPods = 8;
constexpr uint32_t kMaxNodes = 4;
// An address at which this many pods' tokens were seen is a gateway or a node
// that hides its pods: of several nodes at any time, of one node at about the
// same time. In a long time one pod after the other has had any address.
constexpr uint32_t kSharedPods = 3;
constexpr int64_t kSharedMicros = int64_t{10} * 60 * 1'000'000;
// A node that gets a second address is believed after a day without doubts.
constexpr int64_t kProbationMicros = int64_t{24} * 3600 * 1'000'000;

// Whether `now` is more than `span` behind `then`; both from a log.
bool IsLaterThan(int64_t now, int64_t then, int64_t span) {
  int64_t difference = 0;
  if (__builtin_sub_overflow(now, then, &difference)) return now > then;
  return difference > span;
}

}  // namespace

std::string SizesText(const ClusterMapSizes& sizes) {
  std::string text = absl::StrCat(Counted(sizes.nodes, "node", "nodes"), ", ",
                                  Counted(sizes.pods(), "pod", "pods"));
  if (sizes.pods() == 0) return text;
  const auto percent = std::lround(sizes.LargestShare() * 100);
  std::string_view how = "behind a gateway";
  if (sizes.direct_pods >= std::max(sizes.node_pods, sizes.gateway_pods)) {
    how = "from an address of their own";
  } else if (sizes.node_pods >= sizes.gateway_pods) {
    how = "from their node's address";
  }
  absl::StrAppend(&text, ": ", percent, " % call ", std::string(how));
  return text;
}

ClusterMap::Address& ClusterMap::AddressOf(EntityId id) {
  if (addresses_.size() <= id) addresses_.resize(id + size_t{1});
  if (addresses_[id] == nullptr) addresses_[id] = std::make_unique<Address>();
  return *addresses_[id];
}

const ClusterMap::Address* ClusterMap::Find(EntityId id) const {
  return id < addresses_.size() ? addresses_[id].get() : nullptr;
}

ClusterMap::Place ClusterMap::PlaceOf(const Address& address) {
  const bool has_pods = address.pod_count > 0;
  // The first of one or two pods.
  const int64_t first_pod = address.pod_count > 2
                                ? INT64_MIN
                                : address.recent_micros[address.pod_count == 1];
  const bool is_home = std::any_of(
      address.kubelets.begin(), address.kubelets.end(),
      [first_pod](const Kubelet& kubelet) {
        return kubelet.is_first ||
               IsLaterThan(first_pod, kubelet.since_micros, kProbationMicros);
      });
  // A kubelet that comes to where a pod was is none of there.
  const bool is_node = !address.kubelets.empty() && !address.is_distrusted &&
                       (is_home || !has_pods || address.is_shared);
  if (is_node) return Place::kNode;
  if (address.is_shared) return Place::kGateway;
  return has_pods ? Place::kPod : Place::kUnknown;
}

uint64_t* ClusterMap::PodsAt(Place place) {
  if (place == Place::kNode) return &sizes_.node_pods;
  if (place == Place::kGateway) return &sizes_.gateway_pods;
  return &sizes_.direct_pods;
}

uint64_t* ClusterMap::AddressesAt(Place place) {
  if (place == Place::kNode) return &sizes_.node_addresses;
  if (place == Place::kGateway) return &sizes_.gateway_addresses;
  return place == Place::kPod ? &sizes_.pod_addresses : nullptr;
}

void ClusterMap::AddToSums(const Address& address) {
  const Place place = PlaceOf(address);
  *PodsAt(place) += address.pod_count;
  if (uint64_t* count = AddressesAt(place); count != nullptr) ++*count;
}

void ClusterMap::TakeFromSums(const Address& address) {
  const Place place = PlaceOf(address);
  *PodsAt(place) -= address.pod_count;
  if (uint64_t* count = AddressesAt(place); count != nullptr) --*count;
}

void ClusterMap::NoteKubelet(EntityId id, uint64_t node, absl::Time now) {
  Address& address = AddressOf(id);
  auto known =
      std::find_if(address.kubelets.begin(), address.kubelets.end(),
                   [node](const Kubelet& k) { return k.node == node; });
  if (known != address.kubelets.end() ||
      address.kubelets.size() >= kMaxKubelets) {
    return;
  }
  TakeFromSums(address);
  uint32_t& count = nodes_[node];
  address.kubelets.push_back({.node = node,
                              .since_micros = absl::ToUnixMicros(now),
                              .is_first = count == 0});
  ++count;
  sizes_.nodes = nodes_.size();
  AddToSums(address);
}

bool ClusterMap::NotePod(EntityId id, uint64_t pod, uint64_t node,
                         absl::Time now) {
  Address& address = AddressOf(id);
  if (!address.pods.Add(pod, kMaxPods)) return false;
  TakeFromSums(address);
  if (node != 0) address.nodes.Add(node, kMaxNodes);
  const int64_t micros = absl::ToUnixMicros(now);
  const bool at_once =
      address.recent_micros[0] != INT64_MIN &&
      !IsLaterThan(micros, address.recent_micros[0], kSharedMicros);
  address.recent_micros[0] = address.recent_micros[1];
  address.recent_micros[1] = micros;
  ++address.pod_count;
  const bool was_shared = address.is_shared;
  address.is_shared |= address.pods.size() >= kSharedPods &&
                       (at_once || address.nodes.size() > 1);
  AddToSums(address);
  return address.is_shared && !was_shared;
}

void ClusterMap::Distrust(EntityId id) {
  Address& address = AddressOf(id);
  TakeFromSums(address);
  address.is_distrusted = true;
  AddToSums(address);
}

ClusterMap::Place ClusterMap::PlaceOf(EntityId id) const {
  const Address* address = Find(id);
  return address != nullptr ? PlaceOf(*address) : Place::kUnknown;
}

bool ClusterMap::IsShared(EntityId id) const {
  const Address* address = Find(id);
  return address != nullptr && address->is_shared;
}

bool ClusterMap::HasOthers(EntityId id, uint64_t pod) const {
  const Address* address = Find(id);
  return address != nullptr &&
         (!address->kubelets.empty() ||
          address->pods.size() > (address->pods.Contains(pod) ? 1U : 0U));
}

bool ClusterMap::IsOfNode(EntityId id, uint64_t node, absl::Time now) const {
  if (node == 0 || PlaceOf(id) != Place::kNode) return false;
  const std::vector<Kubelet>& kubelets = Find(id)->kubelets;
  return std::any_of(kubelets.begin(), kubelets.end(), [&](const Kubelet& k) {
    return k.node == node &&
           (k.is_first || IsLaterThan(absl::ToUnixMicros(now), k.since_micros,
                                      kProbationMicros));
  });
}

uint64_t ClusterMap::OnlyNodeAt(EntityId id) const {
  const Address* address = Find(id);
  const bool is_one = address != nullptr && PlaceOf(*address) == Place::kNode &&
                      address->kubelets.size() == 1;
  return is_one ? address->kubelets.front().node : 0;
}

bool ClusterMap::IsOnAnotherNode(EntityId home, EntityId away, uint64_t node,
                                 uint32_t most_nodes) const {
  const uint64_t other = OnlyNodeAt(away);
  return node != 0 && other != 0 && other != node && OnlyNodeAt(home) == node &&
         HasPodsOfNodes(away, most_nodes) && Find(away)->nodes.Contains(other);
}

bool ClusterMap::LeavesForAnotherNode(EntityId home, EntityId away,
                                      uint64_t node) const {
  const uint64_t other = OnlyNodeAt(away);
  return node != 0 && other != 0 && other != node &&
         PlaceOf(home) == Place::kPod &&
         HasPodsOfNodes(away, HasPodsOf(away, other) ? 2 : 1);
}

bool ClusterMap::IsOnlyAnotherNodes(EntityId id, uint64_t node) const {
  const uint64_t other = OnlyNodeAt(id);
  if (other == 0 || other == node || !KnowsNode(node)) return false;
  return Find(id)->nodes.size() == (HasPodsOf(id, other) ? 1 : 0);
}

bool ClusterMap::HasPodsOf(EntityId id, uint64_t node) const {
  const Address* address = Find(id);
  return address != nullptr && address->nodes.Contains(node);
}

void ClusterMap::TakeBackPodsOf(EntityId id, uint64_t node) {
  if (HasPodsOf(id, node)) AddressOf(id).nodes.Remove(node);
}

bool ClusterMap::HasPodsOfNodes(EntityId id, uint32_t most) const {
  const Address* address = Find(id);
  return address != nullptr && address->nodes.size() > 0 &&
         address->nodes.size() <= most;
}

bool ClusterMap::Knows(EntityId id) const {
  const Address* address = Find(id);
  return address != nullptr &&
         (address->pod_count > 0 || !address->kubelets.empty() ||
          address->is_distrusted);
}

void ClusterMap::Forget(EntityId id) {
  const Address* address = Find(id);
  if (address == nullptr) return;
  TakeFromSums(*address);
  for (const Kubelet& kubelet : address->kubelets) {
    auto node = nodes_.find(kubelet.node);
    if (node != nodes_.end() && --node->second == 0) nodes_.erase(node);
  }
  sizes_.nodes = nodes_.size();
  addresses_[id].reset();
}

void ClusterMap::SaveAddress(const Address& address, StateWriter& out) {
  out.PutU64(address.kubelets.size());
  for (const Kubelet& kubelet : address.kubelets) {
    out.PutFixed64(kubelet.node);
    out.PutMicros(kubelet.since_micros);
    out.PutU64(kubelet.is_first ? 1 : 0);
  }
  address.pods.Save(out);
  address.nodes.Save(out);
  for (int64_t micros : address.recent_micros) out.PutMicros(micros);
  out.PutU64(address.pod_count);
  out.PutU64((address.is_shared ? 1U : 0U) | (address.is_distrusted ? 2U : 0U));
}

// Failures show in in.status().
ClusterMap::Address ClusterMap::LoadAddress(StateReader& in) {
  Address loaded;
  uint64_t kubelets = in.GetCount(10);
  if (kubelets > kMaxKubelets) in.Fail();
  for (; kubelets > 0 && in.status().ok(); --kubelets) {
    Kubelet& kubelet = loaded.kubelets.emplace_back();
    kubelet.node = in.GetFixed64();
    kubelet.since_micros = in.GetMicros();
    kubelet.is_first = in.GetU64() != 0;
  }
  loaded.pods.Load(in);
  loaded.nodes.Load(in);
  for (int64_t& micros : loaded.recent_micros) micros = in.GetMicros();
  const uint64_t pods = in.GetU64();
  const uint64_t flags = in.GetU64();
  if (pods > UINT32_MAX || flags > 3) in.Fail();
  loaded.pod_count = static_cast<uint32_t>(pods);
  loaded.is_shared = (flags & 1) != 0;
  loaded.is_distrusted = (flags & 2) != 0;
  return loaded;
}

void ClusterMap::Save(EntityId id, StateWriter& out) const {
  const Address* address = Find(id);
  const Address nothing;
  SaveAddress(address != nullptr ? *address : nothing, out);
}

void ClusterMap::Load(EntityId id, StateReader& in) {
  Forget(id);
  Address loaded = LoadAddress(in);
  if (!in.status().ok()) return;
  for (const Kubelet& kubelet : loaded.kubelets) ++nodes_[kubelet.node];
  sizes_.nodes = nodes_.size();
  Address& address = AddressOf(id) = std::move(loaded);
  AddToSums(address);
}

void ClusterMap::Rest(EntityId id, StateWriter& out) {
  const Address* address = Find(id);
  out.PutU64(address != nullptr ? 1 : 0);
  if (address == nullptr) return;
  SaveAddress(*address, out);
  addresses_[id].reset();
}

void ClusterMap::Wake(EntityId id, StateReader& in) {
  if (in.GetU64() == 0) return;
  Address loaded = LoadAddress(in);
  if (in.status().ok()) AddressOf(id) = std::move(loaded);
}

}  // namespace oddverb
