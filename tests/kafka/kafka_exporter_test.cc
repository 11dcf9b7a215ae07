// Findings in a real broker's topic.
#include "exporters/kafka_exporter.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/random_finding.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

class KafkaExporterTest
    : public KafkaTest,
      public ::testing::WithParamInterface<std::string_view> {
 protected:
  KafkaExporterTest() : KafkaTest(GetParam()) {}
};

TEST_P(KafkaExporterTest, EveryHostileFindingArrivesOnceWithKeyAndHeaders) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create("findings", 3);
  std::mt19937_64 random(6);
  std::vector<Finding> findings;
  for (int i = 0; i < 200; ++i) findings.push_back(RandomFinding(random));
  absl::StatusOr<std::unique_ptr<Exporter>> exporter =
      KafkaExporter::Make({.client = {.brokers = {broker.address()}},
                           .topic = "findings",
                           .format = FindingFormat::kNative});
  ASSERT_THAT(exporter, IsOk());
  EXPECT_THAT((*exporter)->Export(findings, SteadyNow() + absl::Seconds(30)),
              IsOk());

  std::map<std::string, StoredMessage> stored;
  for (StoredMessage& message : topics.Read("findings", findings.size())) {
    std::string id = message.headers["finding_id"];
    EXPECT_TRUE(stored.emplace(id, std::move(message)).second);
  }
  ASSERT_EQ(stored.size(), findings.size());
  for (const Finding& finding : findings) {
    StoredMessage& message = stored[finding.id.ToHex()];
    EXPECT_EQ(message.key, finding.cluster + '\0' + finding.entity);
    EXPECT_EQ(message.headers["rule"], finding.rule);
    EXPECT_EQ(message.headers["severity"], SeverityName(finding.severity));
    EXPECT_EQ(message.headers["state"], FindingStateName(finding.state));
    EXPECT_EQ(message.headers["content-type"], "application/json");
    EXPECT_EQ(nlohmann::json::parse(message.payload).value("id", "none"),
              finding.id.ToHex());
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, KafkaExporterTest,
                         ::testing::Values(kKafka3, kKafka4),
                         [](const auto& version) {
                           return "Kafka" +
                                  std::string(version.param.substr(0, 1));
                         });

}  // namespace
}  // namespace oddverb
