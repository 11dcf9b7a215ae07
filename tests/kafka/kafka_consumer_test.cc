// The consumer against real brokers.
// Long because: each test reads by the same member, and most need a broker.
#include "kafka/kafka_consumer.h"

#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/strings.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kTopic[] = "events";

std::vector<std::string> Numbered(int begin, int end) {
  std::vector<std::string> payloads;
  for (int i = begin; i < end; ++i) payloads.push_back(std::to_string(i));
  return payloads;
}

// A member with what it was handed so far.
class Member {
 public:
  explicit Member(const KafkaConsumerOptions& options, KafkaOffsets known = {})
      : Member(options, std::move(known), true) {}

  KafkaConsumer& operator*() { return *consumer_; }
  KafkaConsumer* operator->() { return consumer_.get(); }
  const std::vector<std::string>& payloads() const { return payloads_; }
  const std::vector<KafkaGap>& gaps() const { return gaps_; }

  // Takes what there is; a judge commits at once.
  enum class Judged { kYes, kNo };
  void Read(Judged judged = Judged::kYes) {
    for (const KafkaGap& gap : consumer_->TakeGaps()) gaps_.push_back(gap);
    for (int32_t partition : consumer_->Partitions()) {
      KafkaRecord record;
      while (consumer_->Take(partition, record) ==
             KafkaConsumer::Step::kRecord) {
        if (!consumer_->HandOut(record)) break;
        if (!record.has_payload) continue;
        payloads_.emplace_back(record.payload);
        if (judged == Judged::kYes) {
          consumer_->Commit(partition, record.offset);
        }
      }
    }
    consumer_->Wait(SteadyNow() + absl::Milliseconds(20));
  }
  bool ReadUntil(const std::function<bool()>& done,
                 Judged judged = Judged::kYes) {
    absl::Time give_up = SteadyNow() + absl::Seconds(60);
    while (!done()) {
      if (SteadyNow() > give_up) return false;
      Read(judged);
    }
    return true;
  }
  // On a slow machine it may tell first that it is not connected yet.
  bool ReadUntilItTells(std::string_view what) {
    return ReadUntil([&] {
      const absl::Status health = consumer_->health();
      return S(health.message()).find(what) != std::string_view::npos;
    });
  }
  bool ReadAll(size_t wanted, Judged judged = Judged::kYes) {
    return ReadUntil([&] { return payloads_.size() >= wanted; }, judged);
  }

 private:
  Member(const KafkaConsumerOptions& options, KafkaOffsets known, bool) {
    auto made = KafkaConsumer::Make(options);
    EXPECT_THAT(made, IsOk());
    if (!made.ok()) return;
    consumer_ = *std::move(made);
    consumer_->Start(std::move(known));
  }

  std::unique_ptr<KafkaConsumer> consumer_;
  std::vector<std::string> payloads_;
  std::vector<KafkaGap> gaps_;
};

class KafkaConsumerTest : public KafkaTest {
 protected:
  static KafkaConsumerOptions OptionsOf(
      const std::string& address, const char* session_timeout_ms = "6000") {
    KafkaConsumerOptions options;
    options.client.brokers = {address};
    options.client.properties = {{"session.timeout.ms", session_timeout_ms},
                                 {"heartbeat.interval.ms", "500"},
                                 {"statistics.interval.ms", "500"},
                                 {"topic.metadata.refresh.interval.ms", "500"}};
    options.topic = kTopic;
    options.group = "oddverb";
    return options;
  }
};

TEST_F(KafkaConsumerTest, GoesOnWhereItsOwnerSaysAndAfterTheBrokerWasGone) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kTopic, 2);
  topics.Write(kTopic, 0, Numbered(0, 10));
  topics.Write(kTopic, 1, Numbered(10, 20));
  KafkaOffsets known;
  {
    Member member(OptionsOf(broker.address()));
    ASSERT_TRUE(member.ReadAll(20, Member::Judged::kNo));
    EXPECT_EQ(std::set<std::string>(member.payloads().begin(),
                                    member.payloads().end())
                  .size(),
              20u);
    EXPECT_THAT(member->positions(), ElementsAre(Pair(0, 10), Pair(1, 10)));
    known = {{0, 4}, {1, 10}};  // of a checkpoint
  }
  // Nothing was judged, so the group knows of nothing.
  EXPECT_THAT(topics.CommittedOffsets("oddverb", kTopic),
              Not(testing::Contains(Pair(testing::_, testing::Gt(0)))));
  Member member(OptionsOf(broker.address()), known);
  ASSERT_TRUE(member.ReadAll(6));
  EXPECT_EQ(member.payloads(), Numbered(4, 10));
  const KafkaOffsets no_lag = {{0, 0}, {1, 0}};
  EXPECT_TRUE(
      member.ReadUntil([&] { return member->counters().lag == no_lag; }));
  broker.Kill();
  EXPECT_TRUE(member.ReadUntil([&] { return !member->health().ok(); }));
  EXPECT_THAT(member->health(), StatusIs(absl::StatusCode::kUnavailable,
                                         HasSubstr("no broker answers")));
  EXPECT_EQ(member->counters().lag, no_lag);
  broker.Start();
  topics.Write(kTopic, 1, Numbered(20, 25));
  ASSERT_TRUE(member.ReadAll(11));
  EXPECT_EQ(member.payloads().back(), "24");
  EXPECT_EQ(member.payloads().size(), 11u);
  EXPECT_TRUE(member.ReadUntil([&] { return member->health().ok(); }));
  const KafkaOffsets judged = {{0, 10}, {1, 15}};
  member.ReadUntil(
      [&] { return topics.CommittedOffsets("oddverb", kTopic) == judged; });
  EXPECT_EQ(topics.CommittedOffsets("oddverb", kTopic), judged);
  EXPECT_THAT(member->counters().lag, ElementsAre(Pair(0, 0), Pair(1, 0)));
  EXPECT_TRUE(member.gaps().empty());
}

// An end that was told before the broker was gone is told anew behind it.
TEST_F(KafkaConsumerTest, KnowsNoEndWhileTheBrokerIsGone) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kTopic, 1);
  topics.Write(kTopic, 0, Numbered(0, 3));
  Member member(OptionsOf(broker.address()));
  ASSERT_TRUE(member.ReadAll(3));
  auto is_at_end = [&] {
    KafkaRecord record;
    return member->Take(0, record) == KafkaConsumer::Step::kAtEnd;
  };
  EXPECT_TRUE(member.ReadUntil(is_at_end));
  broker.Kill();
  EXPECT_TRUE(member.ReadUntil([&] { return !is_at_end(); }));
  broker.Start();
  EXPECT_TRUE(member.ReadUntil(is_at_end));
  EXPECT_EQ(member.payloads(), Numbered(0, 3));
}

// Not as long as the group waits for a member, which may be minutes.
TEST_F(KafkaConsumerTest, EndsThoughACommitIsUnderWayAndNoBrokerIsThere) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kTopic, 1);
  topics.Write(kTopic, 0, Numbered(0, 3));
  KafkaConsumerOptions options = OptionsOf(broker.address());
  options.client.properties[0] = {"session.timeout.ms", "120000"};
  absl::Time killed;
  {
    Member member(options);
    ASSERT_TRUE(member.ReadAll(3, Member::Judged::kNo));
    broker.Kill();
    killed = SteadyNow();
    member->Commit(0, 2);
    EXPECT_TRUE(member.ReadUntil([&] { return !member->health().ok(); }));
  }
  EXPECT_LT(SteadyNow() - killed, absl::Seconds(60));
}

TEST_F(KafkaConsumerTest, TellsWhatRetentionTookAndATopicThatWasMadeAnew) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kTopic, 1);
  topics.Write(kTopic, 0, Numbered(0, 10));
  topics.DeleteBefore(kTopic, 0, 7);
  {
    Member member(OptionsOf(broker.address()), {{0, 2}});
    ASSERT_TRUE(member.ReadAll(3));
    EXPECT_EQ(member.payloads(), Numbered(7, 10));
    ASSERT_EQ(member.gaps().size(), 1u);
    EXPECT_EQ(member.gaps()[0].from, 2);
    EXPECT_EQ(member.gaps()[0].to, 7);
    EXPECT_EQ(member.gaps()[0].cause, KafkaGap::Cause::kDeleted);
    EXPECT_EQ(member->counters().missing_messages, 5u);
  }
  topics.Delete(kTopic);
  topics.Create(kTopic, 1);
  topics.Write(kTopic, 0, Numbered(50, 52));
  Member member(OptionsOf(broker.address()), {{0, 10}});
  ASSERT_TRUE(member.ReadAll(2));
  EXPECT_EQ(member.payloads(), Numbered(50, 52));
  ASSERT_EQ(member.gaps().size(), 1u);
  EXPECT_EQ(member.gaps()[0].cause, KafkaGap::Cause::kReplaced);
  EXPECT_THAT(member->positions(), ElementsAre(Pair(0, 2)));
}

TEST_F(KafkaConsumerTest, StartsAtTheEndButReadsAddedPartitionsAsAWhole) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kTopic, 1);
  topics.Write(kTopic, 0, Numbered(0, 5));
  KafkaConsumerOptions options = OptionsOf(broker.address());
  options.start = KafkaConsumerOptions::Start::kEnd;
  KafkaOffsets known;
  {
    Member member(options);
    ASSERT_TRUE(member.ReadUntil([&] { return !member->positions().empty(); }));
    known = member->positions();
  }
  EXPECT_THAT(known, ElementsAre(Pair(0, 5)));
  topics.Write(kTopic, 0, Numbered(5, 6));
  topics.AddPartitions(kTopic, 2);
  KafkaTopics(broker.address()).Write(kTopic, 1, Numbered(6, 8));
  Member member(options, known);
  ASSERT_TRUE(member.ReadAll(3));
  EXPECT_THAT(member.payloads(), UnorderedElementsAre("5", "6", "7"));
  // A tombstone is nothing, and no end either.
  topics.WriteTombstone(kTopic, 0);
  topics.Write(kTopic, 0, Numbered(8, 9));
  ASSERT_TRUE(member.ReadAll(4));
  EXPECT_THAT(member->positions(), ElementsAre(Pair(0, 8), Pair(1, 2)));
}

TEST_F(KafkaConsumerTest, MembersShareAndWhoLeavesHandsOverWhatIsJudged) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  constexpr int kPartitions = 4;
  topics.Create(kTopic, kPartitions);
  int written = 0;
  auto write_to_each = [&](int count) {
    for (int p = 0; p < kPartitions; ++p) {
      topics.Write(kTopic, p, Numbered(written, written + count));
      written += count;
    }
  };
  write_to_each(50);
  // Nobody dies here: a member is not to be lost because the machine is busy.
  const KafkaConsumerOptions options = OptionsOf(broker.address(), "45000");
  Member first(options);
  std::multiset<std::string> of_others;
  auto all_are_read = [&] {
    return first.payloads().size() + of_others.size() >=
           static_cast<size_t>(written);
  };
  ASSERT_TRUE(first.ReadUntil(all_are_read));
  for (int round = 0; round < 3; ++round) {
    {
      Member second(options);
      ASSERT_TRUE(second.ReadUntil([&] {
        first.Read();
        return second->Partitions().size() == 2 &&
               first->Partitions().size() == 2;
      }));
      write_to_each(10);
      ASSERT_TRUE(second.ReadAll(20));
      of_others.insert(second.payloads().begin(), second.payloads().end());
      ASSERT_TRUE(first.ReadUntil(all_are_read));
    }
    ASSERT_TRUE(
        first.ReadUntil([&] { return first->Partitions().size() == 4; }));
    write_to_each(1);
    ASSERT_TRUE(first.ReadUntil(all_are_read));
  }
  std::multiset<std::string> all = of_others;
  all.insert(first.payloads().begin(), first.payloads().end());
  EXPECT_EQ(all.size(), static_cast<size_t>(written));
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(),
            static_cast<size_t>(written));
  EXPECT_EQ(first->counters().lost_partitions, 0u);
}

TEST_F(KafkaConsumerTest, KeepsItsPartitionsThoughNothingIsTaken) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kTopic, 1);
  // More than its queue holds: what is not taken is not fetched either.
  const std::string large(100'000, 'x');
  topics.Write(kTopic, 0, std::vector<std::string>(100, large));
  KafkaConsumerOptions options = OptionsOf(broker.address());
  options.client.properties.push_back({"max.poll.interval.ms", "6000"});
  options.client.properties.push_back({"queued.max.messages.kbytes", "1000"});
  Member member(options);
  ASSERT_TRUE(member.ReadUntil([&] { return !member->positions().empty(); }));
  const size_t before = member.payloads().size();
  // Longer than the group waits for one that does not poll.
  const absl::Time end = SteadyNow() + absl::Seconds(8);
  while (SteadyNow() < end) member->Wait(end);
  EXPECT_EQ(member->Partitions().size(), 1u);
  EXPECT_EQ(member->counters().rebalances, 1u);
  EXPECT_LT(before, 100u);
  EXPECT_GT(member->counters().lag.at(0), 0);
  EXPECT_THAT(member->statistics(), HasSubstr("fetchq_size"));
  EXPECT_TRUE(member.ReadAll(100));
  EXPECT_EQ(member.payloads().size(), 100u);
}

TEST_F(KafkaConsumerTest, WaitsForATopicAndSaysSo) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  Member member(OptionsOf(broker.address()));
  ASSERT_TRUE(member.ReadUntilItTells("is not there"));
  EXPECT_THAT(member->health(), StatusIs(absl::StatusCode::kUnavailable,
                                         HasSubstr("topic events is not there, "
                                                   "or this user may not see "
                                                   "it; make it with")));
  KafkaTopics topics(broker.address());
  topics.Create(kTopic, 1);
  topics.Write(kTopic, 0, {"a"});
  EXPECT_TRUE(member.ReadAll(1));
  EXPECT_THAT(member->health(), IsOk());
}

TEST_F(KafkaConsumerTest, AStaticMemberMovesNothingAndTheNewcomerWins) {
  KafkaBroker broker({.version = version_});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kTopic, 2);
  KafkaConsumerOptions options = OptionsOf(broker.address());
  options.instance_id = "pod-0";
  KafkaConsumerOptions other = options;
  other.instance_id = "pod-1";
  Member neighbour(other);
  auto first = std::make_unique<Member>(options);
  ASSERT_TRUE(neighbour.ReadUntil([&] {
    first->Read();
    return neighbour->Partitions().size() == 1 &&
           (*first)->Partitions().size() == 1;
  }));
  const std::vector<int32_t> ours = (*first)->Partitions();
  const std::vector<int32_t> theirs = neighbour->Partitions();
  const uint64_t rebalances = neighbour->counters().rebalances;
  first.reset();
  first = std::make_unique<Member>(options);
  ASSERT_TRUE(
      first->ReadUntil([&] { return !(*first)->Partitions().empty(); }));
  EXPECT_EQ((*first)->Partitions(), ours);
  EXPECT_EQ(neighbour->Partitions(), theirs);
  EXPECT_EQ(neighbour->counters().rebalances, rebalances);

  Member usurper(options);
  ASSERT_TRUE(first->ReadUntil([&] { return !(*first)->fatal().ok(); }));
  EXPECT_THAT((*first)->fatal(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("pod-0"),
                             HasSubstr("give each process its own"))));
}

// librdkafka 2.0.2 cannot do SCRAM with Kafka 4, so this is Kafka 3.
TEST_F(KafkaConsumerTest, LetsInByEachKindOfCredentialAndTellsWhoIsNot) {
  ASSERT_EQ(KafkaBroker::WhyMissing(kKafka3), "");
  KafkaBroker broker({.version = std::string(kKafka3),
                      .listeners = KafkaBroker::Listeners::kSecured});
  ASSERT_TRUE(broker.is_running());
  KafkaTopics topics(broker.address());
  topics.Create(kTopic, 1);
  topics.Write(kTopic, 0, {"a"});
  KafkaConsumerOptions options = OptionsOf(broker.sasl_address());
  options.client.tls = KafkaTls::kOn;
  options.client.ca_file = broker.ca_file();
  options.client.username = KafkaBroker::kAdmin;
  options.client.password = KafkaBroker::kAdminPassword;
  for (KafkaSasl kind :
       {KafkaSasl::kPlain, KafkaSasl::kScramSha256, KafkaSasl::kScramSha512}) {
    options.client.sasl = kind;
    options.group = absl::StrCat("group-", static_cast<int>(kind));
    EXPECT_TRUE(Member(options).ReadAll(1));
  }
  options.client.password = "SECRET";
  {
    Member member(options);
    ASSERT_TRUE(member.ReadUntilItTells("check sasl, username and password"));
    EXPECT_THAT(member->health(),
                StatusIs(absl::StatusCode::kUnavailable,
                         AllOf(HasSubstr("check sasl, username and password"),
                               Not(HasSubstr("SECRET")))));
  }
  options.client.sasl = KafkaSasl::kPlain;
  options.client.username = KafkaBroker::kGuest;
  options.client.password = KafkaBroker::kGuestPassword;
  {
    Member member(options);
    ASSERT_TRUE(member.ReadUntilItTells("this user may not"));
    EXPECT_THAT(member->health(), StatusIs(absl::StatusCode::kUnavailable,
                                           HasSubstr("this user may not")));
  }
  options.client.ca_file.clear();
  Member member(options);
  ASSERT_TRUE(member.ReadUntilItTells("check tls"));
  EXPECT_THAT(member->health(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("check tls")));
}

}  // namespace
}  // namespace oddverb
