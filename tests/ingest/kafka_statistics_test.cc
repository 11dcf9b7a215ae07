#include "ingest/kafka_statistics.h"

#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(KafkaStatisticsTest, ReadsWhatPeopleAskFor) {
  // As of STATISTICS.md, shortened; the second broker is the coordinator.
  const std::string json = R"({"name":"rdkafka#consumer-1","brokers":{
    "k-0:9092/1":{"state":"UP","rtt":{"p99":2500},"throttle":{"max":0}},
    "GroupCoordinator":{"state":"UP","rtt":{"p99":900},"throttle":{"max":40}},
    "k-1:9092/2":{"state":"DOWN","rtt":{"p99":-1}}},
    "topics":{"events":{"partitions":{
      "0":{"fetchq_size":1000},"1":{"fetchq_size":24},
      "-1":{"fetchq_size":0}}}}})";
  const KafkaStatistics read = ReadKafkaStatistics(json);
  EXPECT_EQ(read.brokers_up, 2u);
  EXPECT_EQ(read.round_trip, absl::Microseconds(2500));
  EXPECT_EQ(read.throttle, absl::Milliseconds(40));
  EXPECT_EQ(read.queued_bytes, 1024u);
}

TEST(KafkaStatisticsTest, OfNothingAreZero) {
  for (const char* json : {"", "[]", "{}", "{\"brokers\":3}", "{\"brok"}) {
    const KafkaStatistics read = ReadKafkaStatistics(json);
    EXPECT_EQ(read.brokers_up, 0u) << json;
    EXPECT_EQ(read.queued_bytes, 0u) << json;
    EXPECT_EQ(read.round_trip, absl::ZeroDuration()) << json;
  }
}

}  // namespace
}  // namespace oddverb
