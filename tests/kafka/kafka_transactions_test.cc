// Transactions, leadership and the log of a topic: what holds when processes
// replace each other, and what a person is told where it cannot work.
#include "kafka/kafka_transactions.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <random>

#include "absl/time/clock.h"
#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kafka/kafka_leadership.h"
#include "kafka/kafka_topic_log.h"
#include "tests/support/becomes_true.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/sanitizers.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// Until it is not Unavailable.
absl::Status Insist(const std::function<absl::Status()>& call) {
  absl::Status status;
  BecomesTrue([&] {
    status = call();
    return !absl::IsUnavailable(status);
  });
  return status;
}

KafkaTransaction Puts(const std::string& value) {
  KafkaTransaction transaction;
  transaction.writes = {
      {.topic = "state", .partition = 0, .key = "a", .payload = value},
      {.topic = "findings", .key = "f", .payload = value}};
  transaction.offsets["input"] = {{0, 5}, {1, 7}};
  return transaction;
}

class KafkaTransactionsTest : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    broker_ = std::make_unique<KafkaBroker>(KafkaBroker::Options{
        .version = version_,
        .settings = {"group.min.session.timeout.ms=1000"}});
    ASSERT_TRUE(broker_->is_running());
    topics_ = std::make_unique<KafkaTopics>(broker_->address());
    topics_->Create("state", 1, {{"cleanup.policy", "compact"}});
    topics_->Create("findings", 2);
    topics_->Create("input", 2);
  }

  KafkaOptions Client() const {
    return {.brokers = {broker_->address()},
            .properties = {{"session.timeout.ms", "2000"},
                           {"heartbeat.interval.ms", "300"}}};
  }
  std::unique_ptr<KafkaLeadership> Join() const {
    auto member = KafkaLeadership::Start(
        {.client = Client(), .topic = "state", .group = "g"});
    EXPECT_THAT(member, IsOk());
    return member.ok() ? *std::move(member) : nullptr;
  }
  std::unique_ptr<KafkaTransactions> Begun() const {
    auto made = KafkaTransactions::Make({.client = Client(),
                                         .transactional_id = "g",
                                         .topic = "state",
                                         .group = "g"});
    EXPECT_THAT(made, IsOk());
    if (!made.ok()) return nullptr;
    EXPECT_THAT(
        Insist([&] { return (*made)->Begin(SteadyNow() + absl::Seconds(10)); }),
        IsOk());
    return *std::move(made);
  }
  // Brokers answer that a transaction is committed before its messages are to
  // be read.
  bool Becomes(const std::map<std::string, std::string>& wanted) const {
    return BecomesTrue([&] { return State() == wanted; });
  }
  std::map<std::string, std::string> State() const {
    std::map<std::string, std::string> state;
    std::atomic<bool> stop{false};
    absl::Status status =
        ReadTopicLog({.client = Client(), .topic = "state", .group = "g"}, stop,
                     [&](const KafkaLogRecord& record) {
                       state.erase(std::string(record.key));
                       if (record.value.has_value()) {
                         state[std::string(record.key)] = *record.value;
                       }
                       return absl::OkStatus();
                     });
    EXPECT_THAT(status, IsOk());
    return state;
  }
  // Of the state; nullopt: no answer.
  std::optional<bool> Decided() const {
    auto decided =
        IsDecided({.client = Client(), .topic = "state", .group = "g"}, Soon());
    EXPECT_THAT(decided, IsOk());
    return decided.ok() ? std::optional<bool>(*decided) : std::nullopt;
  }
  static absl::Time Soon() { return SteadyNow() + absl::Seconds(20); }

  std::unique_ptr<KafkaBroker> broker_;
  std::unique_ptr<KafkaTopics> topics_;
};

TEST_F(KafkaTransactionsTest, WhoIsReplacedWritesNothingMore) {
  auto first_member = Join();
  ASSERT_TRUE(BecomesTrue([&] { return first_member->leads(); }));
  auto first = Begun();
  EXPECT_THAT(first->Write(Puts("one"), *first_member, Soon()), IsOk());
  EXPECT_TRUE(Becomes({{"a", "one"}}));
  EXPECT_TRUE(BecomesTrue([&] {
    const KafkaOffsets wanted = {{0, 5}, {1, 7}};
    return topics_->CommittedOffsets("g", "input") == wanted;
  }));
  // A second member stands by.
  auto second_member = Join();
  absl::SleepFor(absl::Milliseconds(500));
  EXPECT_FALSE(second_member->leads());
  EXPECT_THAT(second_member->failure(), IsOk());
  // Somebody takes over, by the transactional id alone.
  auto second = Begun();
  EXPECT_THAT(first->Write(Puts("late"), *first_member, Soon()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("has taken over")));
  EXPECT_THAT(State(), ElementsAre(Pair("a", "one")));
  // It leaves in order, and the other leads at once.
  first_member.reset();
  EXPECT_TRUE(BecomesTrue([&] { return second_member->leads(); }));
  KafkaTransaction gone = Puts("two");
  gone.writes[0].payload.reset();
  EXPECT_THAT(
      Insist([&] { return second->Write(gone, *second_member, Soon()); }),
      IsOk());
  EXPECT_TRUE(Becomes({}));
  std::vector<std::string> found;
  for (const StoredMessage& message : topics_->Read("findings", 2)) {
    found.push_back(message.payload);
  }
  EXPECT_THAT(found, ::testing::UnorderedElementsAre("one", "two"));
}

TEST_F(KafkaTransactionsTest, WhatATopicRefusesIsTakenBackAsAWhole) {
  auto member = Join();
  ASSERT_TRUE(BecomesTrue([&] { return member->leads(); }));
  auto transactions = Begun();
  topics_->Create("small", 1, {{"max.message.bytes", "300"}});
  KafkaTransaction too_large = Puts("one");
  // Nothing that could be compressed.
  std::mt19937 random(1);
  std::string large;
  for (int i = 0; i < 5000; ++i) large += static_cast<char>(random());
  too_large.writes.push_back({.topic = "small", .key = "k", .payload = large});
  EXPECT_THAT(transactions->Write(too_large, *member, Soon()),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("topic small: a message is too large")));
  EXPECT_FALSE(transactions->is_undecided());
  EXPECT_THAT(State(), ElementsAre());
  EXPECT_THAT(
      Insist([&] { return transactions->Write(Puts("two"), *member, Soon()); }),
      IsOk());
  EXPECT_TRUE(Becomes({{"a", "two"}}));
}

// As a process that dies in the middle of one.
void LeaveOpen(const KafkaOptions& client, const char* transactional_id) {
  auto conf = MakeKafkaConf(client, {},
                            {{"transactional.id", transactional_id},
                             {"transaction.timeout.ms", "60000"}});
  ASSERT_THAT(conf, IsOk());
  char error[512];
  rd_kafka_t* producer =
      rd_kafka_new(RD_KAFKA_PRODUCER, conf->release(), error, sizeof(error));
  ASSERT_NE(producer, nullptr) << error;
  EXPECT_EQ(rd_kafka_init_transactions(producer, 20'000), nullptr);
  EXPECT_EQ(rd_kafka_begin_transaction(producer), nullptr);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, "state", nullptr);
  char payload[] = "open";
  EXPECT_EQ(rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, payload, 4, "a", 1,
                             nullptr),
            0);
  EXPECT_EQ(rd_kafka_flush(producer, 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
}

TEST_F(KafkaTransactionsTest, WhatIsOpenIsSeenAndEndsWithWhoTakesOver) {
  EXPECT_EQ(Decided(), true);
  ASSERT_NO_FATAL_FAILURE(LeaveOpen(Client(), "g"));
  EXPECT_EQ(Decided(), false);
  auto transactions = Begun();
  EXPECT_EQ(Decided(), true);
  // What was open with another id still is, and is none of ours.
  ASSERT_NO_FATAL_FAILURE(LeaveOpen(Client(), "other"));
  EXPECT_THAT(Insist([&] {
                return transactions->UndoForgotten(
                    {{.topic = "state", .only = 0}, {.topic = "findings"}},
                    Soon());
              }),
              IsOk());
  EXPECT_EQ(Decided(), false);
}

TEST_F(KafkaTransactionsTest, UndoingLeavesNothingToSeeAndWritingGoesOn) {
  auto member = Join();
  ASSERT_TRUE(BecomesTrue([&] { return member->leads(); }));
  auto transactions = Begun();
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Insist([&] {
                  return transactions->UndoForgotten(
                      {{.topic = "state", .only = 0}, {.topic = "findings"}},
                      Soon());
                }),
                IsOk());
  }
  EXPECT_THAT(State(), ElementsAre());
  EXPECT_THAT(
      Insist([&] { return transactions->Write(Puts("one"), *member, Soon()); }),
      IsOk());
  EXPECT_THAT(State(), ElementsAre(Pair("a", "one")));
  EXPECT_EQ(topics_->Read("findings", 1).size(), 1u);
}

TEST_F(KafkaTransactionsTest, WaitsForABrokerThatRestarts) {
  auto member = Join();
  ASSERT_TRUE(BecomesTrue([&] { return member->leads(); }));
  auto transactions = Begun();
  EXPECT_THAT(transactions->Write(Puts("one"), *member, Soon()), IsOk());
  broker_->Kill();
  absl::Status status =
      transactions->Write(Puts("two"), *member, SteadyNow() + absl::Seconds(2));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, _));
  broker_->Start();
  if (transactions->is_undecided()) {
    status = Insist([&] { return transactions->Settle(Soon()); });
  }
  if (!status.ok()) {
    EXPECT_THAT(Insist([&] {
                  return transactions->Write(Puts("two"), *member, Soon());
                }),
                IsOk());
  }
  EXPECT_TRUE(Becomes({{"a", "two"}}));
  EXPECT_THAT(member->failure(), IsOk());
}

// A broker that knows no transactions, as some services that speak Kafka's
// protocol do not.
TEST(KafkaTransactionsMockTest, TellsThatBrokersHaveNoTransactions) {
  if (UnderThreadSanitizer()) GTEST_SKIP() << kNoKafkaClient;
  char error[256];
  rd_kafka_t* owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(),
                                   error, sizeof(error));
  ASSERT_NE(owner, nullptr) << error;
  rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(owner, 1);
  constexpr int16_t kInitProducerId = 22;
  rd_kafka_mock_set_apiversion(cluster, kInitProducerId, -1, -1);
  {
    auto made = KafkaTransactions::Make(
        {.client = {.brokers = {rd_kafka_mock_cluster_bootstraps(cluster)}},
         .transactional_id = "g",
         .topic = "state",
         .group = "g"});
    ASSERT_THAT(made, IsOk());
    EXPECT_THAT(
        Insist([&] { return (*made)->Begin(SteadyNow() + absl::Seconds(2)); }),
        StatusIs(absl::StatusCode::kFailedPrecondition,
                 AllOf(HasSubstr("have no transactions"),
                       HasSubstr("take kafka out of checkpoint"))));
  }
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(owner);
}

}  // namespace
}  // namespace oddverb
