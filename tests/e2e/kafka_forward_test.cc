// `oddverb forward` to a topic of a real broker: through kills of the forwarder
// and of the broker every event is there, each actor's in order.
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

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kForwardTopic[] = "oddverb.events";

class KafkaForwardTest : public KafkaTest {
 protected:
  explicit KafkaForwardTest(std::string_view version = kKafka4)
      : KafkaTest(version) {}

  // Of a followed log, or whatever `sources` says.
  ChildSetup Forward(const std::string& to, const std::string& sources = "",
                     const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        "forward", "--config",
        folder_.Write(
            "forward.yaml",
            absl::StrCat(
                "cluster: lab\nstate_dir: ", folder_.path("state"),
                "\nsources: ",
                sources.empty()
                    ? absl::StrCat("[{name: log, type: tail, path: ", log_path_,
                                   ", poll_interval: 50ms}]")
                    : sources,
                "\nlisteners: [{name: open, address: \"127.0.0.1:0\", "
                "serve: [metrics, health]}]\n")),
        "--to", to};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return OddverbSetup(arguments);
  }
  void WriteLog(const std::vector<std::string>& lines, size_t begin,
                size_t end) {
    std::string text;
    for (size_t i = begin; i < end; ++i) absl::StrAppend(&text, lines[i], "\n");
    std::FILE* file = std::fopen(log_path_.c_str(), "a");
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), file), text.size());
    std::fclose(file);
  }
  static double Sent(LoopbackService& service) {
    return service.Sum("open", "oddverb_forwarded_events_total", "source");
  }

  // Of each key, what came, each line once, in the order of the first time.
  static std::map<std::string, std::vector<std::string>> InOrder(
      const std::vector<StoredMessage>& messages) {
    std::map<std::string, std::vector<std::string>> of_key;
    std::set<std::string> seen;
    std::map<std::string, std::set<int32_t>> partitions;
    for (const StoredMessage& message : messages) {
      partitions[message.key].insert(message.partition);
      if (!seen.insert(message.payload).second) continue;
      of_key[message.key].push_back(message.payload);
    }
    for (const auto& [key, of_one] : partitions) EXPECT_EQ(of_one.size(), 1u);
    return of_key;
  }
  static std::string KeyOf(const std::string& line) {
    auto event = nlohmann::json::parse(line);
    std::string key("lab\0", 4);
    key += event["user"].value("username", "");
    return key;
  }

  TempFolder folder_;
  const std::string log_path_ = folder_.path("audit.log");
};

class KafkaForwardKillsTest
    : public KafkaForwardTest,
      public ::testing::WithParamInterface<std::string_view> {
 protected:
  KafkaForwardKillsTest() : KafkaForwardTest(GetParam()) {}
};

TEST_P(KafkaForwardKillsTest, LosesNothingAndKeepsTheOrderOfEachActor) {
  const std::vector<std::string> lines = DemoLogLines();
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kForwardTopic, 6);
  const ChildSetup setup = Forward(absl::StrCat("kafka://", broker.address()));
  constexpr size_t kChunk = 4000;
  for (size_t begin = 0; begin + kChunk < lines.size(); begin += kChunk) {
    WriteLog(lines, begin, begin + kChunk);
    LoopbackService service(setup);
    ASSERT_TRUE(service.Started("msg=forwarding"));
    EXPECT_TRUE(BecomesTrue([&] { return Sent(service) >= 300; }))
        << service.process().errors();
    service.process().Signal(SIGKILL);
    service.process().Wait();
  }
  constexpr size_t kLast = 18'000;
  WriteLog(lines, lines.size() / kChunk * kChunk, kLast);
  LoopbackService service(setup);
  ASSERT_TRUE(service.Started("msg=forwarding"));
  EXPECT_TRUE(BecomesTrue([&] { return Sent(service) >= 300; }));
  broker.Kill();
  WriteLog(lines, kLast, lines.size());
  auto ready = [&] { return service.Get("open", "/readyz").status; };
  EXPECT_TRUE(BecomesTrue([&] { return ready() == 503; }));
  EXPECT_TRUE(service.process().ReadErrors("the topic does not take events"))
      << service.process().errors();
  broker.Start();
  EXPECT_TRUE(BecomesTrue([&] { return ready() == 200; }))
      << service.process().errors();
  std::map<std::string, std::vector<std::string>> expected;
  std::set<std::string> different;
  for (const std::string& line : lines) {
    if (different.insert(line).second) expected[KeyOf(line)].push_back(line);
  }
  auto is_all_there = [&] {
    std::set<std::string> there;
    for (const StoredMessage& message :
         topics.Read(kForwardTopic, different.size())) {
      there.insert(message.payload);
    }
    return there == different;
  };
  EXPECT_TRUE(BecomesTrue(is_all_there));
  service.process().Signal(SIGTERM);
  EXPECT_EQ(service.process().Wait().exit_code, 128 + SIGTERM);
  const std::vector<StoredMessage> messages =
      topics.Read(kForwardTopic, different.size());
  auto there = InOrder(messages);
  for (const auto& [key, wanted] : expected) {
    // Those without a name are told apart by address.
    if (key.size() == 4 || key.ends_with("system:anonymous")) continue;
    EXPECT_TRUE(there[key] == wanted) << key;
  }
  EXPECT_THAT(messages[0].headers,
              ::testing::Contains(::testing::Pair("source", "log")));
  EXPECT_THAT(messages[0].headers.at("position"), HasSubstr("audit.log"));
  RecordProperty("sent", static_cast<int>(messages.size()));
}

INSTANTIATE_TEST_SUITE_P(Versions, KafkaForwardKillsTest,
                         ::testing::Values(kKafka3, kKafka4),
                         [](const auto& version) {
                           return "Kafka" +
                                  std::string(version.param.substr(0, 1));
                         });

// What reads an unkeyed topic and writes a keyed one.
TEST_F(KafkaForwardTest, RekeysATopicAndCommitsBehindTheBroker) {
  const std::vector<std::string> lines = DemoLogLines();
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create("raw", 2);
  topics.Create("keyed", 3);
  topics.Write("raw", 0, {lines.begin(), lines.begin() + 500});
  topics.Write("raw", 1, {lines.begin() + 500, lines.begin() + 1000});
  topics.Write("raw", 0, {"{\"kind\":\"Event\",\"apiVersion\":"});  // poison
  topics.Create("oddverb.dlq", 1);
  LoopbackService service(
      Forward(absl::StrCat("kafka://", broker.address(), "/keyed"),
              absl::StrCat("[{name: raw, type: kafka, brokers: [\"",
                           broker.address(), "\"], topic: raw}]"),
              {"--dead-letters", "oddverb.dlq"}));
  ASSERT_TRUE(service.Started("msg=forwarding"));
  EXPECT_EQ(InOrder(topics.Read("keyed", 1000)).empty(), false);
  const std::vector<StoredMessage> dead = topics.Read("oddverb.dlq", 1);
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].headers.at("position"),
            "topic raw, partition 0, offset 500");
  EXPECT_EQ(dead[0].headers.at("reason"), "torn");
  EXPECT_EQ(dead[0].payload, "{\"kind\":\"Event\",\"apiVersion\":");
  const std::map<int32_t, int64_t> all = {{0, 501}, {1, 500}};
  EXPECT_TRUE(BecomesTrue(
      [&] { return topics.CommittedOffsets("oddverb", "raw") == all; }));
  service.process().Signal(SIGTERM);
  EXPECT_EQ(service.process().Wait().exit_code, 128 + SIGTERM);
}

// An API server is answered when the broker has its events, and not before.
TEST_F(KafkaForwardTest, AnswersAWebhookBehindTheBroker) {
  const std::vector<std::string> lines = DemoLogLines();
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kForwardTopic, 1);
  const std::string config = folder_.Write(
      "webhook.yaml",
      absl::StrCat("cluster: lab\nstate_dir: ", folder_.path("state"),
                   "\nsources: [{name: hook, type: webhook, listener: open}]\n"
                   "listeners: [{name: open, address: \"127.0.0.1:0\", "
                   "serve: [metrics, health, audit]}]\n"));
  LoopbackService service({"forward", "--config", config, "--to",
                           absl::StrCat("kafka://", broker.address())});
  ASSERT_TRUE(service.Started("msg=forwarding"));
  EXPECT_EQ(service.Post("open", "/audit/lab", lines[0]).status, 204)
      << service.process().errors();
  EXPECT_EQ(topics.Read(kForwardTopic, 1).size(), 1u);
}

TEST_F(KafkaForwardTest, TellsWhyTheTopicTakesNothing) {
  KafkaBroker broker(
      {.version = version_, .listeners = KafkaBroker::Listeners::kSecured});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics(broker.address()).Create(kForwardTopic, 1);
  WriteLog(DemoLogLines(), 0, 10);
  const std::string to = absl::StrCat("kafka://", broker.sasl_address());
  LoopbackService wrong(
      Forward(to, "",
              {"--ca-file", broker.ca_file(), "--sasl", "plain", "--username",
               "admin", "--password-file", folder_.Write("wrong", "SECRET")}));
  EXPECT_TRUE(wrong.process().ReadErrors("uthentication"))
      << wrong.process().errors();
  EXPECT_THAT(wrong.process().errors(), Not(HasSubstr("SECRET")));
  wrong.process().Signal(SIGTERM);
  EXPECT_EQ(wrong.process().Wait().exit_code, 128 + SIGTERM);
  LoopbackService right(
      Forward(to, "",
              {"--ca-file", broker.ca_file(), "--sasl", "plain", "--username",
               KafkaBroker::kAdmin, "--password-file",
               folder_.Write("right", KafkaBroker::kAdminPassword)}));
  ASSERT_TRUE(right.Started("msg=forwarding"));
  EXPECT_TRUE(BecomesTrue([&] { return Sent(right) == 10; }))
      << right.process().errors();
}

TEST_F(KafkaForwardTest, RefusesWhatIsNoTopic) {
  for (const auto& [to, more, cure] : std::vector<
           std::tuple<std::string, std::vector<std::string>, std::string>>{
           {"kafka://", {}, "kafka://HOST:PORT"},
           {"kafka://localhost/x", {}, "kafka://HOST:PORT"},
           {"kafka://localhost:1/x/y", {}, "kafka://HOST:PORT"},
           {"kafka://localhost:1", {"--property", "acks=0"}, "acks"},
           {"kafka://localhost:1", {"--username", "x"}, "sasl"},
           {"http://localhost:1/audit/lab", {"--tls"}, "--tls"}}) {
    LoopbackService service(Forward(to, "", more));
    EXPECT_NE(service.process().Wait().exit_code, 0);
    EXPECT_THAT(service.process().errors(), HasSubstr(cure)) << to;
  }
}

}  // namespace
}  // namespace oddverb
