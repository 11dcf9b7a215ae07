#include "tests/support/kafka_cluster.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "tests/support/free_port.h"

namespace oddverb {

KafkaCluster::KafkaCluster(const KafkaBroker::Options& options) {
  KafkaBroker::Options of_node = options;
  of_node.settings.insert(
      of_node.settings.end(),
      {"offsets.topic.replication.factor=3",
       "transaction.state.log.replication.factor=3",
       "transaction.state.log.min.isr=2", "min.insync.replicas=2",
       // Who is gone is missed soon.
       "broker.heartbeat.interval.ms=500", "broker.session.timeout.ms=3000",
       "replica.lag.time.max.ms=5000"});
  for (int i = 0; i < kNodes; ++i) {
    of_node.controller_ports.push_back(FreePort());
  }
  for (int i = 1; i <= kNodes; ++i) {
    of_node.node = i;
    nodes_.push_back(std::make_unique<KafkaBroker>(of_node));
    nodes_.back()->Launch();
  }
  for (const auto& node : nodes_) node->AwaitStart();
}

bool KafkaCluster::is_running() const {
  return std::all_of(nodes_.begin(), nodes_.end(),
                     [](const auto& node) { return node->is_running(); });
}

std::string KafkaCluster::address() const {
  return absl::StrJoin(nodes_, ",", [](std::string* out, const auto& node) {
    out->append(node->address());
  });
}

}  // namespace oddverb
