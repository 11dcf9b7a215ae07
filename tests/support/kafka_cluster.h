// Three nodes of a real Apache Kafka as a peer of tests: what is written is on
// all of them, and counts once two have it.
#ifndef ODDVERB_TESTS_SUPPORT_KAFKA_CLUSTER_H_
#define ODDVERB_TESTS_SUPPORT_KAFKA_CLUSTER_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/support/kafka_broker.h"

namespace oddverb {

// One thread.
class KafkaCluster {
 public:
  static constexpr int kNodes = 3;

  // `options`: of each node.
  explicit KafkaCluster(const KafkaBroker::Options& options);

  bool is_running() const;
  // Of all nodes, with commas between them.
  std::string address() const;
  // `node`: as the cluster counts them, from 1.
  KafkaBroker& node(int node) {
    return *nodes_.at(static_cast<size_t>(node) - 1);
  }

 private:
  std::vector<std::unique_ptr<KafkaBroker>> nodes_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_KAFKA_CLUSTER_H_
