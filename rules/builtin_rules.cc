#include "rules/builtin_rules.h"

#include <array>
#include <cstdint>

// What CMakeLists.txt embeds of rules/content/.
extern "C" {
extern const unsigned char oddverb_rules_cloud[];
extern const std::uint64_t oddverb_rules_cloud_size;
extern const unsigned char oddverb_rules_correlations[];
extern const std::uint64_t oddverb_rules_correlations_size;
extern const unsigned char oddverb_rules_filters[];
extern const std::uint64_t oddverb_rules_filters_size;
extern const unsigned char oddverb_rules_monitoring[];
extern const std::uint64_t oddverb_rules_monitoring_size;
extern const unsigned char oddverb_rules_namespaces[];
extern const std::uint64_t oddverb_rules_namespaces_size;
extern const unsigned char oddverb_rules_network[];
extern const std::uint64_t oddverb_rules_network_size;
extern const unsigned char oddverb_rules_nodes[];
extern const std::uint64_t oddverb_rules_nodes_size;
extern const unsigned char oddverb_rules_pods[];
extern const std::uint64_t oddverb_rules_pods_size;
extern const unsigned char oddverb_rules_rbac[];
extern const std::uint64_t oddverb_rules_rbac_size;
extern const unsigned char oddverb_rules_upgrade[];
extern const std::uint64_t oddverb_rules_upgrade_size;
extern const unsigned char oddverb_rules_workloads[];
extern const std::uint64_t oddverb_rules_workloads_size;
}

namespace oddverb {
namespace {

BuiltinRuleFile File(std::string_view name, const unsigned char* bytes,
                     std::uint64_t size) {
  return {name, {reinterpret_cast<const char*>(bytes), size}};
}

}  // namespace

std::span<const BuiltinRuleFile> BuiltinRuleFiles() {
  static const std::array<BuiltinRuleFile, 11> files = {
      File("builtin/cloud.yaml", oddverb_rules_cloud, oddverb_rules_cloud_size),
      File("builtin/correlations.yaml", oddverb_rules_correlations,
           oddverb_rules_correlations_size),
      File("builtin/filters.yaml", oddverb_rules_filters,
           oddverb_rules_filters_size),
      File("builtin/monitoring.yaml", oddverb_rules_monitoring,
           oddverb_rules_monitoring_size),
      File("builtin/namespaces.yaml", oddverb_rules_namespaces,
           oddverb_rules_namespaces_size),
      File("builtin/network.yaml", oddverb_rules_network,
           oddverb_rules_network_size),
      File("builtin/nodes.yaml", oddverb_rules_nodes, oddverb_rules_nodes_size),
      File("builtin/pods.yaml", oddverb_rules_pods, oddverb_rules_pods_size),
      File("builtin/rbac.yaml", oddverb_rules_rbac, oddverb_rules_rbac_size),
      File("builtin/upgrade.yaml", oddverb_rules_upgrade,
           oddverb_rules_upgrade_size),
      File("builtin/workloads.yaml", oddverb_rules_workloads,
           oddverb_rules_workloads_size)};
  return files;
}

}  // namespace oddverb
