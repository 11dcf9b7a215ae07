// A group on a cluster of three brokers, of which one dies that the members
// work with: what they find is what one scan finds, each once.
#include "tests/support/kafka_cluster.h"

#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/kafka_group.h"
#include "tests/support/demo_log.h"
#include "tests/support/sanitizers.h"

namespace oddverb {
namespace {

using ::testing::ContainerEq;

TEST_F(KafkaGroupTest, CoordinatorsDieInTheMiddle) {
  // Three brokers beside it, and a minute for each step.
  if (UnderAddressSanitizer()) GTEST_SKIP() << "too slow for its deadlines";
  const std::vector<std::string> lines = DemoLogLines();
  const size_t part = lines.size() / 3;
  KafkaCluster cluster(BrokerOptions());
  ASSERT_TRUE(cluster.is_running());
  replicas_ = KafkaCluster::kNodes;
  KafkaTopics topics(cluster.address(), replicas_);
  topics.Create(kUnkeyed, kPartitions);
  topics.Create(kKeyedTopic, kPartitions);

  LoopbackService first(Member(cluster.address()));
  LoopbackService second(Member(cluster.address()));
  for (LoopbackService* member : {&first, &second}) {
    ASSERT_TRUE(member->Started());
    ASSERT_TRUE(member->process().ReadErrors("took over a share"))
        << member->process().errors();
  }
  ForwardMore(topics, cluster.address(), lines, 0, part);

  EXPECT_TRUE(AreJudged(topics, 500)) << first.process().errors();
  // What comes while a node is away is judged without it.
  const int of_group = topics.GroupCoordinator("g");
  cluster.node(of_group).Kill();
  ForwardMore(topics, cluster.address(), lines, part, 2 * part);
  EXPECT_TRUE(AreJudged(topics, part + 500)) << first.process().errors();
  cluster.node(of_group).Start();
  // Whoever had the partition of the first judge's transactions died, or not.
  const int of_judge = topics.TransactionCoordinator("g-0");
  cluster.node(of_judge).Kill();
  ForwardMore(topics, cluster.address(), lines, 2 * part, lines.size());
  EXPECT_TRUE(AreJudged(topics, 2 * part + 500)) << first.process().errors();
  cluster.node(of_judge).Start();

  EXPECT_TRUE(AreJudged(topics, lines.size())) << first.process().errors();
  const std::set<std::string> expected = IdsOfScan(lines);
  EXPECT_TRUE(
      BecomesTrue([&] { return IdsOf(Published(topics)) == expected; }));
  const std::vector<std::string> published = Published(topics);
  EXPECT_THAT(IdsOf(published), ContainerEq(expected));
  EXPECT_EQ(Distinct(published), published.size());
  for (LoopbackService* member : {&first, &second}) {
    member->process().Signal(SIGTERM);
    EXPECT_EQ(member->process().Wait().exit_code, 128 + SIGTERM)
        << member->process().errors();
  }
}

}  // namespace
}  // namespace oddverb
