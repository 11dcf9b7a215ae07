// `oddverb run` with a Kafka output and a real broker: what is found is in the
// topic, whatever the broker and oddverb have been through.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/running_service.h"
#include "tests/support/demo_log.h"
#include "tests/support/input_files.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/rotating_log.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

class KafkaOutputTest : public KafkaTest {
 protected:
  KafkaOutputTest() : log_(folder_.path()) {}

  ChildSetup Run(const std::string& output) {
    return OddverbSetup(
        {"run", "--config",
         folder_.Write(
             "c.yaml",
             absl::StrCat(
                 "cluster: lab\nstate_dir: ", folder_.path("state"),
                 "\nsources: [{name: log, type: tail, path: ", log_.path(),
                 "}]\nlisteners: [{name: open, address: \"127.0.0.1:0\", "
                 "serve: [metrics, health]}]\noutputs: [{type: kafka, ",
                 output, "}]\ndelivery: {retry: 100ms, max_retry: 500ms}\n"))});
  }

  // Ids of the opening states, as a scan of the whole log opens them.
  static std::set<std::string> OpenedIn(const std::vector<std::string>& lines) {
    std::set<std::string> ids;
    for (const std::string& line : lines) {
      auto finding = nlohmann::json::parse(line);
      ids.insert(finding.value("id", ""));
    }
    return ids;
  }
  static std::set<std::string> Expected() {
    std::string input;
    for (const std::string& line : DemoLogLines()) {
      absl::StrAppend(&input, line, "\n");
    }
    return OpenedIn(LinesOf(Oddverb({"scan", "-", "--format", "ndjson",
                                     "--cluster", "lab", "--quiet"},
                                    input)
                                .output));
  }
  void Append(size_t begin, size_t end) {
    const std::vector<std::string> lines = DemoLogLines();
    for (size_t i = begin; i < std::min(end, lines.size()); ++i) {
      log_.Append(lines[i] + "\n");
    }
  }

  TempFolder folder_;
  RotatingLog log_;
};

TEST_F(KafkaOutputTest,
       EveryFindingArrivesThoughTheBrokerWasDownAndWeWereKilled) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  {
    KafkaTopics topics(broker.address());
    topics.Create("findings", 2);
  }
  broker.Stop();
  const ChildSetup setup = Run(absl::StrCat("brokers: [\"", broker.address(),
                                            "\"], topic: findings, timeout: "
                                            "1s"));
  {
    LoopbackService service(setup);
    ASSERT_TRUE(service.Started());
    Append(0, 9000);
    // Detection does not wait for the broker.
    EXPECT_TRUE(BecomesTrue([&] {
      return service.Sum("open", "oddverb_events_total", "log") >= 9000;
    }));
    EXPECT_TRUE(BecomesTrue(
        [&] { return service.Metric("open", "oddverb_outbox_findings") > 0; }));
    service.process().Signal(SIGKILL);
    service.process().Wait();
  }
  LoopbackService service(setup);
  ASSERT_TRUE(service.Started());
  broker.Start();
  ASSERT_TRUE(broker.is_running());
  Append(9000, ~size_t{0});

  const std::set<std::string> expected = Expected();
  ASSERT_GT(expected.size(), 10u);
  EXPECT_TRUE(BecomesTrue([&] {
    return service.Sum("open", "oddverb_events_total", "log") > 0 &&
           service.Metric("open", "oddverb_outbox_findings") == 0;
  }));
  KafkaTopics topics(broker.address());
  std::set<std::string> arrived;
  for (const StoredMessage& message :
       topics.Read("findings", expected.size())) {
    auto finding = nlohmann::json::parse(message.payload);
    EXPECT_EQ(message.headers.at("finding_id"), finding.value("id", ""));
    EXPECT_EQ(message.key,
              std::string("lab\0", 4) + finding.value("entity", ""));
    arrived.insert(finding.value("id", ""));
  }
  EXPECT_EQ(arrived, expected);
}

TEST_F(KafkaOutputTest, AMissingTopicIsToldAndWaitedFor) {
  KafkaBroker broker(
      {.version = version_, .settings = {"auto.create.topics.enable=false"}});
  ASSERT_TRUE(broker.is_running());
  LoopbackService service(Run(absl::StrCat("brokers: [\"", broker.address(),
                                           "\"], topic: later, timeout: 1s")));
  ASSERT_TRUE(service.Started());
  Append(0, ~size_t{0});
  EXPECT_TRUE(service.process().ReadErrors("later"))
      << service.process().errors();
  KafkaTopics topics(broker.address());
  topics.Create("later", 1);
  const std::set<std::string> expected = Expected();
  std::set<std::string> arrived;
  // Further states of a finding are messages, too.
  BecomesTrue([&] {
    for (const StoredMessage& message : topics.Read("later", expected.size())) {
      arrived.insert(message.headers.at("finding_id"));
    }
    return arrived.size() >= expected.size();
  });
  EXPECT_EQ(arrived, expected);
}

TEST(KafkaConfigTest, MistakesAreToldWithTheirCure) {
  struct Case {
    const char* output;
    const char* error;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"topic: t", "brokers"},
           {"brokers: [\"k:1\"]", "topic"},
           {"brokers: [\"k:1\"], topic: t, sasl: scram-sha-512",
            "sasl needs username"},
           {"brokers: [\"k:1\"], topic: t, username: u", "are for sasl"},
           {"brokers: [\"k:1\"], topic: t, sasl: scram", "scram-sha-"},
           {"brokers: [\"k:1\"], topic: t, properties: {acks: \"1\"}", "acks"},
           {"brokers: [\"k:1\"], topic: t, properties: {linger.mss: \"1\"}",
            "linger.ms"}}) {
    TempFolder folder;
    std::string config = folder.Write(
        "c.yaml", absl::StrCat("cluster: lab\nsources: [{type: stdin, name: "
                               "in}]\noutputs:\n  - {type: kafka, ",
                               c.output, "}\n"));
    ChildResult result = Oddverb({"check", "config", config});
    EXPECT_NE(result.exit_code, 0) << c.output;
    EXPECT_THAT(result.errors + result.output, HasSubstr("c.yaml:4:"))
        << c.output;
    EXPECT_THAT(result.errors + result.output, HasSubstr(c.error)) << c.output;
  }
}

}  // namespace
}  // namespace oddverb
