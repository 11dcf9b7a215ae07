// `oddverb run` with its checkpoint in Kafka, on real brokers: one member
// judges, others stand by, and whatever becomes of the one that judges, each
// finding is there once. And the proof of this proof: a service whose
// checkpoint is torn in two does not pass. Long because: all are of one
// fixture, and what fails is told from what must not beside it.
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "pipeline/sqlite_database.h"
#include "tests/e2e/running_service.h"
#include "tests/support/demo_log.h"
#include "tests/support/input_files.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ContainerEq;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kAuditTopic[] = "k8s.audit";
constexpr char kStateTopic[] = "oddverb.state";
constexpr char kFindingsTopic[] = "oddverb.findings";
constexpr int kAuditPartitions = 6;

class KafkaCheckpointTest : public KafkaTest {
 protected:
  explicit KafkaCheckpointTest(std::string_view version = kKafka4)
      : KafkaTest(version) {}

  // A broker that gives up a silent member after two seconds.
  KafkaBroker::Options BrokerOptions() const {
    return {.version = version_,
            .settings = {"group.min.session.timeout.ms=1000"}};
  }

  ChildSetup Member(const std::string& address, const std::string& source = "",
                    const std::string& checkpoint =
                        ", create_topics: true, "
                        "replicas: 1",
                    const std::string& properties = "") {
    ++members_;
    ChildSetup setup = OddverbSetup(
        {"run", "--config",
         folder_.Write(
             absl::StrCat("member-", members_, ".yaml"),
             absl::StrCat(
                 "cluster: lab\nstate_dir: ", folder_.path("unused"),
                 "\nsources: [{name: topic, type: kafka, brokers: [\"", address,
                 "\"], topic: ", kAuditTopic,
                 ", properties: {session.timeout.ms: \"2000\", "
                 "heartbeat.interval.ms: \"300\", "
                 "fetch.message.max.bytes: \"65536\", "
                 "fetch.min.bytes: \"10000000\", "
                 "fetch.wait.max.ms: \"500\"",
                 properties, "}", source,
                 "}]\norder: event_time\nallowed_lateness: 2s\n",
                 "checkpoint: {interval: 100ms, kafka: {state_topic: ",
                 kStateTopic, checkpoint,
                 "}}\nlisteners: [{name: open, address: \"127.0.0.1:0\", "
                 "serve: [metrics, health]}]\noutputs: [{type: ndjson, path: ",
                 folder_.path("told"), "}]\n"))});
    return setup;
  }

  static void WriteLines(KafkaTopics& topics,
                         const std::vector<std::string>& lines, size_t begin,
                         size_t end) {
    topics.WriteInTurns(kAuditTopic, kAuditPartitions, lines, begin, end);
  }

  // As whoever reads the topic with read_committed has them.
  static std::vector<std::string> Published(KafkaTopics& topics) {
    std::vector<std::string> payloads;
    for (const StoredMessage& message : topics.Read(kFindingsTopic, 0)) {
      payloads.push_back(message.payload);
    }
    return payloads;
  }
  static size_t Distinct(const std::vector<std::string>& findings) {
    return std::set<std::string>(findings.begin(), findings.end()).size();
  }

  // One whose last message is not its end.
  static bool HasOpen(const std::vector<std::string>& findings) {
    std::map<std::string, std::string> states;
    for (const std::string& text : findings) {
      const nlohmann::json finding = nlohmann::json::parse(text);
      states[finding.value("id", "")] = finding.value("state", "");
    }
    return std::any_of(states.begin(), states.end(), [](const auto& state) {
      return state.second != "final";
    });
  }

  // As the transactions tell the group.
  static uint64_t CommittedMessages(KafkaTopics& topics) {
    return topics.CommittedMessages("oddverb", kAuditTopic);
  }
  static bool Judges(KafkaTopics& topics, uint64_t messages) {
    return BecomesTrue([&] { return CommittedMessages(topics) >= messages; });
  }
  // The member judges all of it, none is held back any more, and it ends.
  static void EndsWithAllJudged(LoopbackService& member, KafkaTopics& topics,
                                const std::vector<std::string>& lines) {
    EXPECT_TRUE(Judges(topics, lines.size())) << member.process().errors();
    EXPECT_TRUE(BecomesTrue(
        [&] { return member.Metric("open", "oddverb_held_events") == 0; }));
    member.process().Signal(SIGTERM);
    EXPECT_EQ(member.process().Wait().exit_code, 128 + SIGTERM)
        << member.process().errors();
  }
  static void ExpectEachOnce(KafkaTopics& topics,
                             const std::set<std::string>& ids) {
    const std::vector<std::string> published = Published(topics);
    EXPECT_THAT(IdsOf(published), ContainerEq(ids));
    EXPECT_EQ(Distinct(published), published.size());
  }
  // Of this process's life, in the middle of what it reads.
  static bool IsBusy(LoopbackService& member) {
    return BecomesTrue([&] {
      return member.Metric("open", "oddverb_checkpoints_total") >= 2 &&
             member.Sum("open", "oddverb_events_total", "topic") >= 500;
    });
  }

  // Whether anything of the state is in it.
  bool HasCopy() const {
    auto database =
        SqliteDatabase::Open(folder_.path("copies/oddverb.state-0/oddverb.db"),
                             SqliteDatabase::Kind::kExisting);
    if (!database.ok()) return false;
    return database->ReadInteger("SELECT count(*) FROM mark").value_or(0) > 0;
  }

  TempFolder folder_;
  int members_ = 0;
};

class KafkaTakeoverTest
    : public KafkaCheckpointTest,
      public ::testing::WithParamInterface<std::string_view> {
 protected:
  KafkaTakeoverTest() : KafkaCheckpointTest(GetParam()) {}
};

TEST_P(KafkaTakeoverTest, EachFindingIsThereOnceWhoeverIsKilledOrStopped) {
  const std::vector<std::string> lines = DemoLogLines();
  const size_t third = lines.size() / 3;
  KafkaBroker broker(BrokerOptions());
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kAuditTopic, kAuditPartitions);
  WriteLines(topics, lines, 0, third);

  LoopbackService first(Member(broker.address()));
  ASSERT_TRUE(first.Started());
  LoopbackService second(Member(broker.address()));
  ASSERT_TRUE(second.Started("standing by"));
  EXPECT_TRUE(IsBusy(first)) << first.process().errors();
  EXPECT_TRUE(BecomesTrue([&] { return HasOpen(Published(topics)); }));
  // The standby sleeps while more is written, one partition after the other,
  // and finds that it is needed.
  second.process().Signal(SIGSTOP);
  first.process().Signal(SIGKILL);
  first.process().Wait();
  const std::vector<std::string> before = Published(topics);
  WriteLines(topics, lines, third, 2 * third);
  second.process().Signal(SIGCONT);

  ASSERT_TRUE(second.Started()) << second.process().errors();
  EXPECT_TRUE(IsBusy(second)) << second.process().errors();
  second.process().Signal(SIGSTOP);
  WriteLines(topics, lines, 2 * third, lines.size());
  LoopbackService third_member(Member(broker.address()));
  ASSERT_TRUE(third_member.Started()) << third_member.process().errors();
  // It wakes as one that others have replaced, and knows it before it writes.
  second.process().Signal(SIGCONT);
  const ChildResult replaced = second.process().Wait();
  EXPECT_EQ(replaced.exit_code, 1) << replaced.errors;
  EXPECT_THAT(replaced.errors, HasSubstr("and it stands by"));

  EndsWithAllJudged(third_member, topics, lines);
  const std::set<std::string> expected = IdsOfScan(lines);
  EXPECT_GE(expected.size(), 20u);
  ExpectEachOnce(topics, expected);
  // What the outputs were told is the same, though perhaps not once.
  EXPECT_THAT(IdsOf(LinesOf(FileText(folder_.path("told")))),
              ContainerEq(expected));
  EXPECT_TRUE(HasOpen(before)) << "no finding was open at the kill";
}

INSTANTIATE_TEST_SUITE_P(Versions, KafkaTakeoverTest,
                         ::testing::Values(kKafka3, kKafka4),
                         [](const auto& version) {
                           return "Kafka" +
                                  std::string(version.param.substr(0, 1));
                         });

TEST_F(KafkaCheckpointTest, SeesThatACheckpointInTwoTransactionsLosesFindings) {
  const std::vector<std::string> lines = DemoLogLines();
  KafkaBroker broker(BrokerOptions());
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kAuditTopic, kAuditPartitions);
  WriteLines(topics, lines, 0, lines.size());
  for (int kill = 0; kill < 3; ++kill) {
    ChildSetup torn = Member(broker.address());
    torn.program = ODDVERB_TEST_PROGRAMS "/split_commit_service";
    LoopbackService member(torn);
    // Without a whole checkpoint before it, all would begin anew.
    if (!member.process().ReadErrors("torn=2")) break;
    member.process().Signal(SIGKILL);
    member.process().Wait();
  }
  LoopbackService last(Member(broker.address()));
  ASSERT_TRUE(last.Started());
  EXPECT_TRUE(Judges(topics, lines.size())) << last.process().errors();
  last.process().Signal(SIGTERM);
  last.process().Wait();
  EXPECT_NE(IdsOf(Published(topics)), IdsOfScan(lines));
}

TEST_F(KafkaCheckpointTest, AStandbyIsReadyAndTakesOverFromAnOrderlyEnd) {
  const std::vector<std::string> lines = DemoLogLines();
  KafkaBroker broker(BrokerOptions());
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kAuditTopic, kAuditPartitions);
  WriteLines(topics, lines, 0, 1000);
  LoopbackService first(Member(broker.address()));
  ASSERT_TRUE(first.Started());
  LoopbackService second(Member(broker.address()));
  ASSERT_TRUE(second.Started("standing by"));
  EXPECT_EQ(second.Get("open", "/readyz").status, 200);
  EXPECT_EQ(second.Get("open", "/healthz").status, 200);
  EXPECT_TRUE(Judges(topics, 1000)) << first.process().errors();
  first.process().Signal(SIGTERM);
  EXPECT_EQ(first.process().Wait().exit_code, 128 + SIGTERM);
  ASSERT_TRUE(second.Started()) << second.process().errors();
  WriteLines(topics, lines, 1000, 1500);
  EXPECT_TRUE(Judges(topics, 1500)) << second.process().errors();
  // A broker that restarts is waited for.
  broker.Kill();
  broker.Start();
  WriteLines(topics, lines, 1500, 2000);
  EXPECT_TRUE(Judges(topics, 2000)) << second.process().errors();
  second.process().Signal(SIGTERM);
  EXPECT_EQ(second.process().Wait().exit_code, 128 + SIGTERM)
      << second.process().errors();
  const std::vector<std::string> published = Published(topics);
  EXPECT_EQ(Distinct(published), published.size());
}

TEST_F(KafkaCheckpointTest, AMemberThatStartsAgainGoesOnFromItsCopy) {
  const std::vector<std::string> lines = DemoLogLines();
  KafkaBroker broker(BrokerOptions());
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kAuditTopic, kAuditPartitions);
  auto setup = [&] {
    return Member(broker.address(), ", instance_id: here",
                  ", create_topics: true, replicas: 1, copy_dir: " +
                      folder_.path("copies"));
  };
  constexpr size_t kStarts = 3;
  for (size_t start = 0; start < kStarts; ++start) {
    // While nobody reads: it is one partition after the other.
    WriteLines(topics, lines, start * lines.size() / kStarts,
               (start + 1) * lines.size() / kStarts);
    LoopbackService member(setup());
    ASSERT_TRUE(member.Started()) << member.process().errors();
    EXPECT_THAT(member.process().errors(),
                ContainsRegex(start == 0 ? "of_copy=0 " : "of_copy=[1-9]"));
    EXPECT_TRUE(IsBusy(member)) << member.process().errors();
    EXPECT_TRUE(BecomesTrue([&] { return HasCopy(); }));
    member.process().Signal(SIGKILL);
    member.process().Wait();
  }
  LoopbackService last(setup());
  ASSERT_TRUE(last.Started()) << last.process().errors();
  EndsWithAllJudged(last, topics, lines);
  ExpectEachOnce(topics, IdsOfScan(lines));
}

TEST_F(KafkaCheckpointTest, PoisonIsADeadLetterWithItsPlaceAndReason) {
  KafkaBroker broker(BrokerOptions());
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kAuditTopic, kAuditPartitions);
  LoopbackService member(Member(broker.address(), "",
                                ", create_topics: true, replicas: 1, "
                                "dead_letters_topic: oddverb.dlq"));
  ASSERT_TRUE(member.Started()) << member.process().errors();
  topics.Write(kAuditTopic, 4, {"{\"kind\":\"Event\",\"apiVersion\":"});
  EXPECT_TRUE(
      BecomesTrue([&] { return topics.Read("oddverb.dlq", 0).size() == 1; }));
  const StoredMessage letter = topics.Read("oddverb.dlq", 1).at(0);
  EXPECT_EQ(letter.payload, "{\"kind\":\"Event\",\"apiVersion\":");
  EXPECT_EQ(letter.headers.at("source"), "topic");
  EXPECT_EQ(letter.headers.at("position"),
            "topic k8s.audit, partition 4, offset 0");
  EXPECT_NE(letter.headers.at("reason"), "");
  EXPECT_EQ(letter.headers.at("cluster"), "lab");
}

TEST_F(KafkaCheckpointTest, WhatWasDeletedUnreadIsAFinding) {
  const std::vector<std::string> lines = DemoLogLines();
  KafkaBroker broker(BrokerOptions());
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kAuditTopic, kAuditPartitions);
  WriteLines(topics, lines, 0, 600);
  LoopbackService first(Member(broker.address()));
  ASSERT_TRUE(first.Started());
  EXPECT_TRUE(Judges(topics, 600)) << first.process().errors();
  first.process().Signal(SIGTERM);
  first.process().Wait();
  WriteLines(topics, lines, 600, 1200);
  topics.DeleteBefore(kAuditTopic, 3, 150);
  LoopbackService second(Member(broker.address()));
  ASSERT_TRUE(second.Started());
  EXPECT_TRUE(BecomesTrue([&] {
    const std::vector<std::string> published = Published(topics);
    return std::any_of(published.begin(), published.end(),
                       [](const std::string& finding) {
                         return finding.find(
                                    "50 messages from offset 100 on "
                                    "were deleted") != std::string::npos;
                       });
  })) << second.process().errors();
}

// Left out unless it is asked for: brokers that are killed in the middle of a
// commit may forget its end (docs/kafka.md), and of what one judge writes a
// finding was seen twice in one of seven runs.
TEST_F(KafkaCheckpointTest, BrokersAreAwayForLongerThanATransactionMayTake) {
  if (std::getenv("ODDVERB_PROOF_OUTAGES") == nullptr) {
    GTEST_SKIP() << "set ODDVERB_PROOF_OUTAGES=1 for it";
  }
  const std::vector<std::string> lines = DemoLogLines();
  KafkaBroker::Options options = BrokerOptions();
  options.settings.emplace_back(
      "transaction.abort.timed.out.transaction.cleanup.interval.ms=200");
  KafkaBroker broker(options);
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kAuditTopic, kAuditPartitions);
  WriteLines(topics, lines, 0, lines.size());
  ChildSetup setup =
      Member(broker.address(), "", ", create_topics: true, replicas: 1",
             ", transaction.timeout.ms: \"1000\"");
  auto member = std::make_unique<LoopbackService>(setup);
  ASSERT_TRUE(member->Started());
  // If one of its transactions was open, it is gone, and so is the process,
  // sooner or later: whoever supervises it starts it again.
  auto becomes_true = [&](const std::function<bool()>& condition) {
    return BecomesTrue([&] {
      if (!member->process().Running()) {
        const ChildResult ended = member->process().Wait();
        EXPECT_EQ(ended.exit_code, 1) << ended.errors;
        EXPECT_THAT(ended.errors, HasSubstr("transaction.timeout.ms"));
        member = std::make_unique<LoopbackService>(setup);
      }
      return condition();
    });
  };
  for (uint64_t outage = 1; outage <= 3; ++outage) {
    EXPECT_TRUE(becomes_true([&] {
      return CommittedMessages(topics) >= 1500 * outage;
    })) << member->process().errors();
    broker.Kill();
    absl::SleepFor(absl::Seconds(2));
    broker.Start();
  }
  EXPECT_TRUE(becomes_true([&] {
    return CommittedMessages(topics) >= lines.size();
  })) << member->process().errors();
  const std::set<std::string> expected = IdsOfScan(lines);
  EXPECT_TRUE(becomes_true([&] {
    return IdsOf(Published(topics)) == expected;
  })) << member->process().errors();
  const std::vector<std::string> published = Published(topics);
  EXPECT_EQ(Distinct(published), published.size());
}

TEST_F(KafkaCheckpointTest, TellsWhyItCannotStart) {
  KafkaBroker broker(
      {.version = version_, .listeners = KafkaBroker::Listeners::kSecured});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kAuditTopic, kAuditPartitions);
  topics.Create(kStateTopic, 1, {{"cleanup.policy", "delete"}});
  // Its topics are wrong: check config says so, and run does not start.
  ChildSetup wrong = Member(broker.address(), "", "");
  ChildResult run;
  BecomesTrue([&] {  // brokers do not know it at once
    run = RunChild(wrong);
    return run.errors.find("cleanup.policy is") != std::string::npos;
  });
  const ChildResult check =
      Oddverb({"check", "config", wrong.arguments.back()});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(check.exit_code, 2);
  for (const std::string& errors : {run.errors, check.errors}) {
    EXPECT_THAT(errors, AllOf(HasSubstr("--add-config cleanup.policy=compact"),
                              HasSubstr("kafka-topics.sh --create --topic "
                                        "oddverb.findings")));
  }
  // Its password is: that may be mended while it waits.
  LoopbackService member(
      Member(broker.sasl_address(),
             absl::StrCat(", tls: {ca_file: ", broker.ca_file(),
                          "}, sasl: plain, username: admin, password: SECRET"),
             ""));
  EXPECT_TRUE(member.process().ReadErrors("check sasl, username and password"))
      << member.process().errors();
  EXPECT_THAT(member.process().errors(), Not(HasSubstr("SECRET")));
  EXPECT_EQ(member.Get("open", "/readyz").status, 503);
  member.process().Signal(SIGTERM);
  EXPECT_EQ(member.process().Wait().exit_code, 128 + SIGTERM);
}

}  // namespace
}  // namespace oddverb
