#include "model/cluster_map_sizes.h"

#include <algorithm>

namespace oddverb {
namespace {

constexpr uint64_t kMinNodes = 3;
constexpr uint64_t kMinPods = 50;
constexpr double kClearShare = 0.95;

}  // namespace

double ClusterMapSizes::LargestShare() const {
  if (pods() == 0) return 0;
  return static_cast<double>(std::max({direct_pods, node_pods, gateway_pods})) /
         static_cast<double>(pods());
}

bool ClusterMapSizes::IsReady() const {
  return nodes >= kMinNodes && pods() >= kMinPods &&
         LargestShare() >= kClearShare;
}

}  // namespace oddverb
