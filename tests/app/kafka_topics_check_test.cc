// Which topics a checkpoint in Kafka accepts, and what is told of the others.
#include "app/kafka_topics_check.h"

#include <tuple>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_service_config.h"
#include "tests/support/kafka_topics.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

KafkaTopicFacts GoodFacts(KafkaTopicUse use) {
  return {.partitions = 1,
          .replicas = 3,
          .settings = {{"cleanup.policy",
                        use == KafkaTopicUse::kState ? "compact" : "delete"},
                       {"min.insync.replicas", "2"},
                       {"max.message.bytes", "1048588"}}};
}

TEST(KafkaTopicsCheckTest, TellsWhatIsWrongWithTheCommandThatMendsIt) {
  struct Case {
    KafkaTopicUse use;
    void (*spoil)(KafkaTopicFacts&);
    std::string problem, warning;
  };
  using Use = KafkaTopicUse;
  const Case cases[] = {
      {Use::kState, [](KafkaTopicFacts&) {}, "", ""},
      {Use::kFindings, [](KafkaTopicFacts& f) { f.partitions = 12; }, "", ""},
      {Use::kDeadLetters, [](KafkaTopicFacts&) {}, "", ""},
      {Use::kState,
       [](KafkaTopicFacts& f) { f.settings["cleanup.policy"] = "delete"; },
       "--add-config cleanup.policy=compact", ""},
      {Use::kState,
       [](KafkaTopicFacts& f) {
         f.settings["cleanup.policy"] = "compact,delete";
       },
       "--add-config cleanup.policy=compact", ""},
      {Use::kFindings,
       [](KafkaTopicFacts& f) { f.settings["cleanup.policy"] = "compact"; },
       "--add-config cleanup.policy=delete", ""},
      {Use::kState, [](KafkaTopicFacts& f) { f.partitions = 6; }, "",
       "only the first"},
      {Use::kState, [](KafkaTopicFacts& f) { f.replicas = 1; },
       "min.insync.replicas is 2, but it has 1 replicas", ""},
      {Use::kState,
       [](KafkaTopicFacts& f) {
         f.replicas = 1;
         f.settings["min.insync.replicas"] = "1";
       },
       "", "lost with its broker"},
      {Use::kFindings,
       [](KafkaTopicFacts& f) { f.settings["min.insync.replicas"] = "1"; }, "",
       "--add-config min.insync.replicas=2"},
      {Use::kState, [](KafkaTopicFacts& f) { f.replicas = 2; }, "",
       "nothing is judged while one broker is away"},
      {Use::kState,
       [](KafkaTopicFacts& f) { f.settings["max.message.bytes"] = "1000"; },
       "--add-config max.message.bytes=", ""},
  };
  for (const Case& one : cases) {
    KafkaTopicFacts facts = GoodFacts(one.use);
    one.spoil(facts);
    KafkaTopicsReport report;
    CheckKafkaTopic("t", one.use, facts, report);
    for (const auto& [told, wanted] :
         {std::tie(report.problems, one.problem),
          std::tie(report.warnings, one.warning)}) {
      if (wanted.empty()) {
        EXPECT_THAT(told, IsEmpty());
      } else {
        EXPECT_THAT(
            told, ElementsAre(AllOf(HasSubstr("topic t"), HasSubstr(wanted))));
      }
    }
  }
}

TEST(KafkaTopicsCheckTest, AGroupThatSharesATopicNeedsTheRightPartitions) {
  using Use = KafkaTopicUse;
  for (const auto& [use, wanted] :
       {std::pair(Use::kState, 7), std::pair(Use::kObservations, 1)}) {
    for (int partitions : {1, 6, 7, 8}) {
      KafkaTopicFacts facts = GoodFacts(use);
      facts.partitions = partitions;
      KafkaTopicsReport report;
      CheckKafkaTopic("t", use, facts, report, wanted);
      EXPECT_EQ(report.problems.empty(), partitions == wanted) << partitions;
      EXPECT_THAT(report.warnings, IsEmpty());
    }
  }
  KafkaTopicFacts compacted = GoodFacts(Use::kObservations);
  compacted.settings["cleanup.policy"] = "compact";
  KafkaTopicsReport report;
  CheckKafkaTopic("t", Use::kObservations, compacted, report, 1);
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("keeps one message")));
}

TEST(KafkaTopicsCheckTest, ACopyNeedsTombstonesThatOutliveIt) {
  KafkaTopicFacts facts = GoodFacts(KafkaTopicUse::kState);
  KafkaTopicsReport report;
  CheckKafkaCopies("t", facts, report);  // the broker does not say
  facts.settings["delete.retention.ms"] = "86400000";
  CheckKafkaCopies("t", facts, report);
  EXPECT_THAT(report.problems, IsEmpty());
  facts.settings["delete.retention.ms"] = "86399999";
  CheckKafkaCopies("t", facts, report);
  EXPECT_THAT(
      report.problems,
      ElementsAre(HasSubstr("--add-config delete.retention.ms=86400000")));
}

class KafkaTopicsBrokerTest : public KafkaTest {
 protected:
  static ServiceConfig ConfigFor(const std::string& address) {
    ServiceConfig config = KafkaServiceConfig(address);
    config.checkpoint_kafka->dead_letters_topic = "oddverb.dlq";
    return config;
  }
  static KafkaTopicsReport Check(const ServiceConfig& config,
                                 MissingTopics missing) {
    auto report = CheckCheckpointTopics(config, missing, absl::Seconds(20));
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(KafkaTopicsReport());
  }
};

TEST_F(KafkaTopicsBrokerTest, AsksTheBrokersAndMakesWhatItIsToldTo) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create("oddverb.state", 3, {{"cleanup.policy", "delete"}});
  ServiceConfig config = ConfigFor(broker.address());
  KafkaTopicsReport report = Check(config, MissingTopics::kMade);
  EXPECT_THAT(report.made, IsEmpty());
  EXPECT_THAT(report.problems,
              ElementsAre(HasSubstr("cleanup.policy is delete"),
                          HasSubstr("kafka-topics.sh --create --topic "
                                    "oddverb.findings"),
                          HasSubstr("--topic oddverb.dlq")));
  config.checkpoint_kafka->create_topics = true;
  config.checkpoint_kafka->state_topic = "other.state";
  report = Check(config, MissingTopics::kTold);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.made, IsEmpty());
  EXPECT_THAT(report.warnings.size(), 3u);
  report = Check(config, MissingTopics::kMade);
  EXPECT_THAT(report.made,
              ElementsAre("other.state", "oddverb.findings", "oddverb.dlq"));
  for (const std::string& made : report.made) topics.Await(made, 1);
  // What it makes is what it wants, but for the replicas.
  report = Check(config, MissingTopics::kMade);
  EXPECT_THAT(report.made, IsEmpty());
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.warnings, ::testing::Each(HasSubstr("one replica")));
  broker.Kill();
  EXPECT_EQ(
      CheckCheckpointTopics(config, MissingTopics::kTold, absl::Seconds(1))
          .status()
          .code(),
      absl::StatusCode::kUnavailable);
}

// Brokers by default make each topic that a producer asks them about, with
// their own settings: a state that would be deleted after a week.
TEST_F(KafkaTopicsBrokerTest, MakesNothingByLookingAtIt) {
  KafkaBroker broker(
      {.version = version_, .settings = {"auto.create.topics.enable=true"}});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  ServiceConfig config = ConfigFor(broker.address());
  config.checkpoint_kafka->create_topics = true;
  for (int look = 0; look < 3; ++look) {
    KafkaTopicsReport report = Check(config, MissingTopics::kTold);
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_THAT(report.warnings,
                ::testing::Each(HasSubstr("the service makes it")));
    absl::SleepFor(absl::Milliseconds(500));  // they would be made meanwhile
  }
  KafkaTopicsReport report = Check(config, MissingTopics::kMade);
  EXPECT_EQ(report.made.size(), 3u);
  for (const std::string& made : report.made) topics.Await(made, 1);
  EXPECT_THAT(Check(config, MissingTopics::kTold).problems, IsEmpty());
}

TEST_F(KafkaTopicsBrokerTest, MakesAStateWithOnePartitionMoreThanTheSource) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  ServiceConfig config = ConfigFor(broker.address());
  config.sources.front().kafka.topic = "oddverb.events";
  config.checkpoint_kafka->observations_topic = "oddverb.observations";
  config.checkpoint_kafka->create_topics = true;
  EXPECT_THAT(Check(config, MissingTopics::kMade).problems,
              ElementsAre(HasSubstr("topic oddverb.events is not there")));
  topics.Create("oddverb.events", 4);
  KafkaTopicsReport report = Check(config, MissingTopics::kMade);
  EXPECT_EQ(report.source_partitions, 4);
  EXPECT_THAT(report.made, ElementsAre("oddverb.state", "oddverb.findings",
                                       "oddverb.observations", "oddverb.dlq"));
  topics.Await("oddverb.state", 5);
  for (const std::string& made : report.made) topics.Await(made, 1);
  EXPECT_THAT(Check(config, MissingTopics::kTold).problems, IsEmpty());
  // With more partitions actors lie elsewhere.
  topics.AddPartitions("oddverb.events", 5);
  EXPECT_THAT(Check(config, MissingTopics::kTold).problems,
              ElementsAre(HasSubstr("needed, 6")));
}

}  // namespace
}  // namespace oddverb
