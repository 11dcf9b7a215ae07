#include "kafka/kafka_options.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(CheckKafkaPropertyTest, TakesWhatLibrdkafkaTakes) {
  EXPECT_THAT(CheckKafkaProperty("client.rack", "eu-1"), IsOk());
  EXPECT_THAT(CheckKafkaProperty("compression.codec", "zstd"), IsOk());
}

TEST(CheckKafkaPropertyTest, NamesTheNearestOfAWrongName) {
  EXPECT_THAT(CheckKafkaProperty("client.rak", "eu-1"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("did you mean \"client.rack\"?")));
}

TEST(CheckKafkaPropertyTest, TellsNoPartOfARefusedValue) {
  EXPECT_THAT(CheckKafkaProperty("socket.timeout.ms", "SECRET"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("\"socket.timeout.ms\""),
                             Not(HasSubstr("SECRET")))));
}

TEST(CheckKafkaPropertyTest, RefusesWhatWouldTakeAwayAGuarantee) {
  for (const char* name :
       {"bootstrap.servers", "security.protocol", "sasl.password",
        "enable.idempotence", "acks", "message.timeout.ms",
        "enable.auto.commit", "auto.offset.reset", "plugin.library.paths",
        "enable.ssl.certificate.verification"}) {
    EXPECT_THAT(CheckKafkaProperty(name, "true"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("cannot be set here: ")))
        << name;
  }
}

TEST(MakeKafkaConfTest, RefusesAGuardedPropertyOfTheOptions) {
  KafkaOptions options = {.brokers = {"127.0.0.1:1"},
                          .properties = {{"acks", "0"}}};
  EXPECT_FALSE(MakeKafkaConf(options, {}, {}).ok());
}

}  // namespace
}  // namespace oddverb
