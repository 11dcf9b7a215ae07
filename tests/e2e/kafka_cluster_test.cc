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
  KafkaCluster cluster(BrokerOptions());
  ASSERT_TRUE(cluster.is_running());
  replicas_ = KafkaCluster::kNodes;
  KafkaTopics topics(cluster.address(), replicas_);
  topics.Create(kUnkeyed, kPartitions);
  topics.Create(kKeyedTopic, kPartitions);
  topics.WriteInTurns(kUnkeyed, kPartitions, lines, 0, lines.size());
  LoopbackService forward(Forward(cluster.address()));
  ASSERT_TRUE(forward.Started("msg=forwarding"));
  ASSERT_TRUE(BecomesTrue([&] {
    return topics.CommittedMessages("forward", kUnkeyed) >= lines.size();
  })) << forward.process().errors();

  LoopbackService first(Member(cluster.address()));
  LoopbackService second(Member(cluster.address()));
  for (LoopbackService* member : {&first, &second}) {
    ASSERT_TRUE(member->Started());
    ASSERT_TRUE(member->process().ReadErrors("took over a share"))
        << member->process().errors();
  }
  auto judges_on = [&](uint64_t more) {
    const double before = Judged(first) + Judged(second);
    return BecomesTrue([&] {
      return Judged(first) + Judged(second) >=
             before + static_cast<double>(more);
    });
  };
  EXPECT_TRUE(judges_on(500)) << first.process().errors();
  const int of_group = topics.GroupCoordinator("g");
  cluster.node(of_group).Kill();
  EXPECT_TRUE(judges_on(500)) << first.process().errors();
  cluster.node(of_group).Start();
  // Whoever had the partition of the first judge's transactions died, or not.
  const int of_judge = topics.TransactionCoordinator("g-0");
  cluster.node(of_judge).Kill();
  EXPECT_TRUE(judges_on(500)) << first.process().errors();
  EXPECT_LT(topics.CommittedMessages("g", kKeyedTopic), lines.size());
  cluster.node(of_judge).Start();

  EXPECT_TRUE(AllIsJudged(topics, lines.size())) << first.process().errors();
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
