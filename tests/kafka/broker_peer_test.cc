// The peer of the other tests: each version starts, keeps its data, lets in who
// may come in.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/raw_client.h"

namespace oddverb {
namespace {

class BrokerPeerTest : public KafkaTest,
                       public ::testing::WithParamInterface<std::string_view> {
 protected:
  BrokerPeerTest() : KafkaTest(GetParam()) {}
};

TEST_P(BrokerPeerTest, KeepsMessagesWhileItIsDown) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create("events", 2);
  topics.Write("events", 1, {"one", "two"});
  broker.Stop();
  EXPECT_FALSE(broker.is_running());
  broker.Start();
  std::vector<StoredMessage> messages = topics.Read("events", 2);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1].partition, 1);
  EXPECT_EQ(messages[1].offset, 1);
  EXPECT_EQ(messages[1].payload, "two");
}

TEST_P(BrokerPeerTest, AnswersOnceItIsStartedAgain) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  broker.Kill();
  EXPECT_FALSE(RawClient(broker.address()).connected());
  broker.Start();
  EXPECT_TRUE(RawClient(broker.address()).connected());
}

INSTANTIATE_TEST_SUITE_P(Versions, BrokerPeerTest,
                         ::testing::Values(kKafka3, kKafka4),
                         [](const auto& version) {
                           return "Kafka" +
                                  std::string(version.param.substr(0, 1));
                         });

}  // namespace
}  // namespace oddverb
