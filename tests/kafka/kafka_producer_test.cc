// The producer against real brokers.
#include "kafka/kafka_producer.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

constexpr char kFindingsTopic[] = "findings";
constexpr absl::Duration kLong = absl::Seconds(30);
constexpr absl::Duration kShort = absl::Seconds(2);

KafkaMessage MessageOf(int number) {
  return {.key = std::string("lab\0", 4) + std::to_string(number),
          .payload = absl::StrCat("{\"n\":", number, "}"),
          .headers = {{"rule", "a"}, {"id", std::to_string(number)}},
          .time = absl::FromUnixMillis(1'700'000'000'123)};
}

class KafkaProducerTest : public KafkaTest {
 protected:
  static std::unique_ptr<KafkaProducer> Open(const KafkaOptions& options) {
    absl::StatusOr<std::unique_ptr<KafkaProducer>> made =
        KafkaProducer::Make(options, kFindingsTopic);
    EXPECT_THAT(made, IsOk());
    return made.ok() ? *std::move(made) : nullptr;
  }
  static absl::Status Send(KafkaProducer& producer,
                           const std::vector<KafkaMessage>& messages,
                           absl::Duration patience) {
    return producer.Send(messages, SteadyNow() + patience);
  }
};

TEST_F(KafkaProducerTest, SendsOnceWhatTheBrokerMissedWhileItWasDown) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics(broker.address()).Create(kFindingsTopic, 2);
  auto producer = Open({.brokers = {broker.address()}});
  EXPECT_THAT(Send(*producer, {MessageOf(1)}, kLong), IsOk());
  broker.Kill();
  std::vector<KafkaMessage> rest = {MessageOf(2), MessageOf(3)};
  EXPECT_THAT(Send(*producer, rest, kShort),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("broker")));
  EXPECT_FALSE(Send(*producer, {MessageOf(2)}, kShort).ok());
  broker.Start();
  EXPECT_THAT(Send(*producer, rest, kLong), IsOk());

  std::vector<StoredMessage> stored =
      KafkaTopics(broker.address()).Read(kFindingsTopic, 3);
  ASSERT_EQ(stored.size(), 3u);
  std::set<std::string> ids;
  for (const StoredMessage& message : stored) {
    std::string id = message.headers.at("id");
    ids.insert(id);
    EXPECT_EQ(message.key, std::string("lab\0", 4) + id);
    EXPECT_EQ(message.payload, "{\"n\":" + id + "}");
    EXPECT_EQ(message.headers.at("rule"), "a");
    EXPECT_EQ(message.time, absl::FromUnixMillis(1'700'000'000'123));
  }
  EXPECT_EQ(ids.size(), 3u);
}

TEST_F(KafkaProducerTest, WaitsForATopicThatIsNotThereYet) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  auto producer = Open({.brokers = {broker.address()}});
  EXPECT_THAT(Send(*producer, {MessageOf(1)}, kShort),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("topic findings is not there")));
  KafkaTopics topics(broker.address());
  topics.Create(kFindingsTopic, 1);
  EXPECT_THAT(Send(*producer, {MessageOf(1)}, kLong), IsOk());
  EXPECT_EQ(topics.Read(kFindingsTopic, 1).size(), 1u);
}

TEST_F(KafkaProducerTest, SaysWhichIsTooLargeByItsClass) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kFindingsTopic, 1, {{"max.message.bytes", "2000"}});
  auto producer = Open({.brokers = {broker.address()},
                        .properties = {{"compression.codec", "none"}}});
  KafkaMessage large = MessageOf(1);
  large.payload.assign(4000, 'x');
  EXPECT_THAT(
      Send(*producer, {large}, kLong),
      StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("max.message.bytes")));
  EXPECT_THAT(Send(*producer, {MessageOf(2)}, kLong), IsOk());
  EXPECT_EQ(topics.Read(kFindingsTopic, 1).size(), 1u);
}

TEST_F(KafkaProducerTest, TellsWhatTheBrokerRefusesForGood) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics(broker.address()).Create(kFindingsTopic, 1);
  auto producer = Open({.brokers = {broker.address()}});
  KafkaMessage future = MessageOf(1);
  future.time = absl::FromUnixSeconds(20'000'000'000);
  EXPECT_THAT(Send(*producer, {future}, kLong),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("Invalid timestamp")));
  EXPECT_THAT(Send(*producer, {MessageOf(2)}, kLong), IsOk());
}

// librdkafka 2.0.2 cannot do SCRAM with Kafka 4, so this is Kafka 3.
class SecuredProducerTest : public KafkaProducerTest {};

TEST_F(SecuredProducerTest, LetsInByEachKindOfCredentialAndTellsWhoIsNot) {
  ASSERT_EQ(KafkaBroker::WhyMissing(kKafka3), "");
  KafkaBroker broker({.version = std::string(kKafka3),
                      .listeners = KafkaBroker::Listeners::kSecured});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kFindingsTopic, 1);
  KafkaOptions sasl = {.brokers = {broker.sasl_address()},
                       .tls = KafkaTls::kOn,
                       .ca_file = broker.ca_file(),
                       .sasl = KafkaSasl::kPlain,
                       .username = KafkaBroker::kAdmin,
                       .password = KafkaBroker::kAdminPassword};
  int number = 0;
  for (KafkaSasl kind :
       {KafkaSasl::kPlain, KafkaSasl::kScramSha256, KafkaSasl::kScramSha512}) {
    sasl.sasl = kind;
    EXPECT_THAT(Send(*Open(sasl), {MessageOf(++number)}, kLong), IsOk());
  }
  sasl.sasl = KafkaSasl::kPlain;
  sasl.password = "SECRET";
  EXPECT_THAT(Send(*Open(sasl), {MessageOf(9)}, kShort),
              StatusIs(absl::StatusCode::kUnavailable,
                       ::testing::AllOf(HasSubstr("uthentication"),
                                        ::testing::Not(HasSubstr("SECRET")))));
  sasl.username = KafkaBroker::kGuest;
  sasl.password = KafkaBroker::kGuestPassword;
  EXPECT_THAT(Send(*Open(sasl), {MessageOf(9)}, kShort),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("may not")));
  topics.Allow("User:CN=client", kFindingsTopic);
  EXPECT_THAT(Send(*Open({.brokers = {broker.mutual_address()},
                          .tls = KafkaTls::kOn,
                          .ca_file = broker.ca_file(),
                          .certificate_file = broker.client().certificate_file,
                          .key_file = broker.client().key_file}),
                   {MessageOf(++number)}, kLong),
              IsOk());
  EXPECT_EQ(topics.Read(kFindingsTopic, 4).size(), 4u);
}

}  // namespace
}  // namespace oddverb
