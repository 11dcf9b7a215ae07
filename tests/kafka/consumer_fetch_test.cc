// That messages keep coming, however little a queue may hold.
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kafka/kafka_consumer.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

constexpr char kFetchTopic[] = "events";

using ConsumerFetchTest = KafkaTest;

// A fetch a second would take six minutes for them.
TEST_F(ConsumerFetchTest, AQueueThatWasEmptiedIsFilledAtOnce) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kFetchTopic, 1);
  constexpr size_t kMessages = 3000;
  const std::string two_kib(2048, 'x');
  topics.Write(kFetchTopic, 0, std::vector<std::string>(kMessages, two_kib));
  KafkaConsumerOptions options;
  options.client.brokers = {broker.address()};
  options.client.properties = {{"queued.max.messages.kbytes", "1"},
                               {"fetch.message.max.bytes", "16384"}};
  options.topic = kFetchTopic;
  options.group = "oddverb";
  auto made = KafkaConsumer::Make(options);
  ASSERT_THAT(made, IsOk());
  KafkaConsumer& consumer = **made;
  consumer.Start({});
  size_t taken = 0;
  const absl::Time give_up = SteadyNow() + absl::Minutes(2);
  while (taken < kMessages && SteadyNow() < give_up) {
    for (int32_t partition : consumer.Partitions()) {
      KafkaRecord record;
      while (consumer.Take(partition, record) == KafkaConsumer::Step::kRecord) {
        ++taken;
      }
    }
    consumer.Wait(SteadyNow() + absl::Milliseconds(20));
  }
  EXPECT_EQ(taken, kMessages);
}

}  // namespace
}  // namespace oddverb
