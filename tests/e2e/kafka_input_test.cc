// `oddverb run` with a topic as its source and a real broker: what is found is
// what a scan finds, whatever the broker and oddverb have been through.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingest/decoder.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/running_service.h"
#include "tests/support/demo_log.h"
#include "tests/support/envelope_inputs.h"
#include "tests/support/input_files.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/raw_batches.h"
#include "tests/support/state_probe.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kInputTopic[] = "k8s.audit";
constexpr int kInputPartitions = 3;

class KafkaInputTest : public KafkaTest {
 protected:
  explicit KafkaInputTest(std::string_view version = kKafka4)
      : KafkaTest(version) {}

  ChildSetup Run(const std::string& address, const std::string& more = "") {
    return OddverbSetup(
        {"run", "--config",
         folder_.Write(
             "c.yaml",
             absl::StrCat(
                 "cluster: lab\nstate_dir: ", folder_.path("state"),
                 "\nsources: [{name: topic, type: kafka, brokers: [\"", address,
                 "\"], topic: ", kInputTopic, more,
                 "}]\norder: event_time\nallowed_lateness: 2s\n"
                 "checkpoint: {interval: 100ms}\n"
                 "listeners: [{name: open, address: \"127.0.0.1:0\", "
                 "serve: [metrics, health]}]\noutputs: [{type: ndjson, path: ",
                 folder_.path("findings"), "}]\n"))});
  }

  static void WriteLines(KafkaTopics& topics,
                         const std::vector<std::string>& lines, size_t begin,
                         size_t end) {
    topics.WriteInTurns(kInputTopic, kInputPartitions, lines, begin, end);
  }

  std::vector<std::string> Findings() const {
    return LinesOf(FileText(folder_.path("findings")));
  }
  uint64_t RecordsJudged() const {
    FixedClock clock;
    auto restored = OpenState(folder_.path("state"), clock)->Restore();
    EXPECT_TRUE(restored.ok());
    return restored.ok() && restored->has_value() ? (*restored)->records_judged
                                                  : 0;
  }
  // As the group was told.
  static uint64_t CommittedMessages(KafkaTopics& topics) {
    return topics.CommittedMessages("oddverb", kInputTopic);
  }
  static std::string KafkaSeries(LoopbackService& service) {
    std::string series;
    for (const std::string& line :
         LinesOf(service.Get("open", "/metrics").body)) {
      if (line.starts_with("oddverb_kafka_") ||
          line.starts_with("oddverb_held_events")) {
        absl::StrAppend(&series, line, "\n");
      }
    }
    return series;
  }
  static std::vector<double> LagSeries(LoopbackService& service) {
    std::vector<double> lag;
    for (int partition = 0; partition < kInputPartitions; ++partition) {
      lag.push_back(service.Metric(
          "open", absl::StrCat("oddverb_kafka_lag_messages{partition=\"",
                               partition, "\",source=\"topic\"}")));
    }
    return lag;
  }
  // Of this process's life.
  static bool ReadsEvents(LoopbackService& service, double count) {
    return BecomesTrue([&] {
      return service.Sum("open", "oddverb_events_total", "topic") >= count;
    });
  }

  TempFolder folder_;
};

class KafkaKillsTest : public KafkaInputTest,
                       public ::testing::WithParamInterface<std::string_view> {
 protected:
  KafkaKillsTest() : KafkaInputTest(GetParam()) {}
};

TEST_P(KafkaKillsTest, LosesNothingAndJudgesNothingTwice) {
  const std::vector<std::string> lines = DemoLogLines();
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kInputTopic, kInputPartitions);
  // Fetched in small pieces, so that kills come in the middle.
  const ChildSetup setup =
      Run(broker.address(),
          ", instance_id: pod-0, properties: {session.timeout.ms: \"6000\", "
          "fetch.message.max.bytes: \"65536\", fetch.min.bytes: "
          "\"10000000\", fetch.wait.max.ms: \"500\"}");
  constexpr size_t kChunk = 4000;
  for (size_t begin = 0; begin + kChunk < lines.size(); begin += kChunk) {
    WriteLines(topics, lines, begin, begin + kChunk);
    LoopbackService service(setup);
    ASSERT_TRUE(service.Started());
    EXPECT_TRUE(BecomesTrue([&] {
      return service.Metric("open", "oddverb_checkpoints_total") >= 2 &&
             service.Sum("open", "oddverb_events_total", "topic") >= 500;
    })) << service.process().errors();
    service.process().Signal(SIGKILL);
    service.process().Wait();
  }
  EXPECT_GT(RecordsJudged(), 500u);
  WriteLines(topics, lines, lines.size() / kChunk * kChunk, lines.size());
  LoopbackService service(setup);
  ASSERT_TRUE(service.Started());
  EXPECT_TRUE(ReadsEvents(service, 500)) << service.process().errors();
  broker.Kill();
  broker.Start();
  EXPECT_TRUE(BecomesTrue([&] {
    return service.Metric("open",
                          "oddverb_kafka_partitions{source=\"topic\"}") == 3 &&
           service.Metric("open", "oddverb_held_events") == 0 &&
           CommittedMessages(topics) == lines.size();
  })) << service.process().errors()
      << CommittedMessages(topics) << " of " << lines.size() << "\n"
      << KafkaSeries(service);
  EXPECT_EQ(LagSeries(service), std::vector<double>(kInputPartitions, 0));
  service.process().Signal(SIGTERM);
  EXPECT_EQ(service.process().Wait().exit_code, 128 + SIGTERM)
      << service.process().errors();
  EXPECT_EQ(RecordsJudged(), lines.size());
  const std::set<std::string> expected = IdsOfScan(lines);
  EXPECT_GE(expected.size(), 20u);
  const std::vector<std::string> told = Findings();
  EXPECT_THAT(IdsOf(told), ::testing::ContainerEq(expected));
  EXPECT_EQ(std::set<std::string>(told.begin(), told.end()).size(),
            told.size());
}

INSTANTIATE_TEST_SUITE_P(Versions, KafkaKillsTest,
                         ::testing::Values(kKafka3, kKafka4),
                         [](const auto& version) {
                           return "Kafka" +
                                  std::string(version.param.substr(0, 1));
                         });

TEST_F(KafkaInputTest, WhatTheTopicLostIsAFindingAndPoisonADeadLetter) {
  const std::vector<std::string> lines = DemoLogLines();
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kInputTopic, kInputPartitions);
  WriteLines(topics, lines, 0, 3000);
  {
    LoopbackService service(Run(broker.address()));
    ASSERT_TRUE(service.Started());
    EXPECT_TRUE(ReadsEvents(service, 3000));
    service.process().Signal(SIGTERM);
    EXPECT_EQ(service.process().Wait().exit_code, 128 + SIGTERM);
  }
  WriteLines(topics, lines, 3000, 6000);
  topics.DeleteBefore(kInputTopic, 1, 1500);
  topics.Write(kInputTopic, 0, {"{\"kind\":\"Event\",\"apiVersion\":"});
  LoopbackService service(Run(broker.address()));
  ASSERT_TRUE(service.Started());
  EXPECT_TRUE(service.process().ReadErrors(
      "place=\"topic k8s.audit, partition 0, offset 2000\""))
      << service.process().errors();
  EXPECT_TRUE(BecomesTrue([&] {
    return service.Metric("open",
                          "oddverb_kafka_missing_messages_total{source="
                          "\"topic\"}") == 500 &&
           service.Metric("open", "oddverb_held_events") == 0;
  }));
  EXPECT_TRUE(BecomesTrue([&] {
    for (const std::string& line : Findings()) {
      auto finding = nlohmann::json::parse(line);
      if (finding.value("rule", "") != "audit.gap") continue;
      if (line.find("expired before they were read") == std::string::npos) {
        continue;
      }
      EXPECT_THAT(line, HasSubstr("500 messages from offset 1000 on"));
      return true;
    }
    return false;
  }));
}

TEST_F(KafkaInputTest, TellsWhyNothingComesAndGoesOnWhenItIsMended) {
  const std::vector<std::string> lines = DemoLogLines();
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  LoopbackService service(Run(broker.address()));
  ASSERT_TRUE(service.Started());
  EXPECT_TRUE(service.process().ReadErrors("kafka-topics.sh --create"))
      << service.process().errors();
  EXPECT_EQ(service.Get("open", "/readyz").status, 503);
  EXPECT_EQ(service.Metric("open", "oddverb_source_up{source=\"topic\"}"), 0);
  KafkaTopics topics(broker.address());
  topics.Create(kInputTopic, kInputPartitions);
  WriteLines(topics, lines, 0, 100);
  EXPECT_TRUE(ReadsEvents(service, 100));
  EXPECT_TRUE(service.process().ReadErrors("the source can be read again"));
  EXPECT_EQ(service.Get("open", "/readyz").status, 200);
  broker.Kill();
  EXPECT_TRUE(service.process().ReadErrors("no broker answers"))
      << service.process().errors();
  // Nobody is there to take leave of, and nothing to wait for: half of a
  // container's grace, and less than the 45 s that a group waits for a member.
  const absl::Time told = absl::Now();
  service.process().Signal(SIGTERM);
  EXPECT_EQ(service.process().Wait().exit_code, 128 + SIGTERM);
  EXPECT_LT(absl::Now() - told, absl::Seconds(15));
}

TEST_F(KafkaInputTest, TellsWrongCredentialsWithoutThePassword) {
  KafkaBroker broker(
      {.version = version_, .listeners = KafkaBroker::Listeners::kSecured});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics(broker.address()).Create(kInputTopic, 1);
  LoopbackService service(
      Run(broker.sasl_address(),
          absl::StrCat(", tls: {ca_file: ", broker.ca_file(),
                       "}, sasl: plain, username: admin, password: SECRET")));
  ASSERT_TRUE(service.Started());
  EXPECT_TRUE(service.process().ReadErrors("check sasl, username and password"))
      << service.process().errors();
  EXPECT_THAT(service.process().errors(), Not(HasSubstr("SECRET")));
  service.process().Signal(SIGTERM);
  EXPECT_EQ(service.process().Wait().exit_code, 128 + SIGTERM);
}

TEST_F(KafkaInputTest, AMessageHoldsWhateverARecordOfAFileMayHold) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kInputTopic, kInputPartitions);
  double events = 0, dead_letters = 0;
  std::vector<std::string> messages;
  for (const std::string& name : EnvelopeInputNames()) {
    for (const std::string& record : EnvelopeRecords(name)) {
      if (record.empty()) continue;
      Decoder decoder((Decoder::Options()));
      RawBatch batch;
      AppendRecord(record, batch);
      auto decoded = decoder.Decode(std::move(batch));
      events += static_cast<double>(decoded->events.size());
      dead_letters += static_cast<double>(decoded->rejected.size());
      messages.push_back(record);
    }
  }
  EXPECT_GE(events, 50);
  topics.Write(kInputTopic, 1, messages);
  LoopbackService service(Run(broker.address()));
  ASSERT_TRUE(service.Started());
  EXPECT_TRUE(BecomesTrue(
      [&] { return CommittedMessages(topics) == messages.size(); }));
  EXPECT_EQ(service.Sum("open", "oddverb_events_total", "topic"), events);
  EXPECT_EQ(service.Sum("open", "oddverb_parse_errors_total", "topic"),
            dead_letters);
}

}  // namespace
}  // namespace oddverb
