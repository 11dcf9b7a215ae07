// What tests of a group share whose members are `oddverb run` processes on real
// brokers: a member, the forwarder that keys its topic, and what is to be seen
// from outside.
#ifndef ODDVERB_TESTS_E2E_KAFKA_GROUP_H_
#define ODDVERB_TESTS_E2E_KAFKA_GROUP_H_

#include <signal.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/running_service.h"
#include "tests/support/input_files.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/kafka_topics.h"

namespace oddverb {

inline constexpr char kUnkeyed[] = "k8s.audit";
inline constexpr char kKeyedTopic[] = "oddverb.events";
inline constexpr char kGroupState[] = "oddverb.state";
inline constexpr char kGroupFindings[] = "oddverb.findings";
inline constexpr char kGroupObservations[] = "oddverb.observations";
inline constexpr int kPartitions = 6;

class KafkaGroupTest : public KafkaTest {
 protected:
  explicit KafkaGroupTest(std::string_view version = kKafka4)
      : KafkaTest(version) {}

  // A broker that gives up a silent member after two seconds.
  KafkaBroker::Options BrokerOptions() const {
    return {.version = version_,
            .settings = {"group.min.session.timeout.ms=1000"}};
  }
  // Is given little at a time, so that what happens comes in the middle.
  ChildSetup Member(const std::string& address, const std::string& more = "",
                    const std::string& properties = "") {
    ++members_;
    return OddverbSetup(
        {"run", "--config",
         folder_.Write(
             absl::StrCat("member-", members_, ".yaml"),
             absl::StrCat(
                 "cluster: lab\nsources: [{name: topic, type: kafka, brokers: "
                 "[\"",
                 Listed(address), "\"], topic: ", kKeyedTopic,
                 ", group: g, properties: {session.timeout.ms: \"2000\", "
                 "heartbeat.interval.ms: \"300\", "
                 "fetch.message.max.bytes: \"65536\", "
                 "fetch.min.bytes: \"10000000\", "
                 "fetch.wait.max.ms: \"500\"",
                 properties,
                 "}}]\norder: event_time\n"
                 "allowed_lateness: 2s\n"
                 "checkpoint: {interval: 100ms, kafka: {state_topic: ",
                 kGroupState, ", observations_topic: ", kGroupObservations,
                 ", create_topics: true, replicas: ", replicas_, more,
                 "}}\nlisteners: [{name: open, address: \"127.0.0.1:0\", "
                 "serve: [metrics, health, api]}]\noutputs: [{type: ndjson, "
                 "path: ",
                 folder_.path("told"), "}]\n"))});
  }
  ChildSetup Forward(const std::string& address) {
    return OddverbSetup(
        {"forward", "--config",
         folder_.Write(
             "forward.yaml",
             absl::StrCat("cluster: lab\nstate_dir: ", folder_.path("state"),
                          "\nsources: [{name: unkeyed, type: kafka, brokers: "
                          "[\"",
                          Listed(address), "\"], topic: ", kUnkeyed,
                          ", group: forward}]\nlisteners: [{name: open, "
                          "address: \"127.0.0.1:0\", serve: [metrics, "
                          "health]}]\n")),
         "--to", absl::StrCat("kafka://", address, "/", kKeyedTopic)});
  }

  // Stops the forwarder when it has passed on the first `begin` lines, writes
  // those up to `end`, one partition after the other, and starts it again: so
  // what it reads is in the order of time.
  void ForwardMore(KafkaTopics& topics, const std::string& address,
                   const std::vector<std::string>& lines, size_t begin,
                   size_t end) {
    if (forwarder_ != nullptr) {
      EXPECT_TRUE(BecomesTrue([&] {
        return topics.CommittedMessages("forward", kUnkeyed) >= begin;
      })) << forwarder_->process().errors();
      forwarder_->process().Signal(SIGTERM);
      forwarder_->process().Wait();
    }
    topics.WriteInTurns(kUnkeyed, kPartitions, lines, begin, end);
    forwarder_ = std::make_unique<LoopbackService>(Forward(address));
    EXPECT_TRUE(forwarder_->Started("msg=forwarding"));
  }

  // Of addresses with commas, inside of quotes.
  static std::string Listed(const std::string& addresses) {
    return absl::StrReplaceAll(addresses, {{",", "\", \""}});
  }

  static std::vector<std::string> Published(KafkaTopics& topics) {
    std::vector<std::string> payloads;
    for (const StoredMessage& message : topics.Read(kGroupFindings, 0)) {
      payloads.push_back(message.payload);
    }
    return payloads;
  }
  static double Judged(LoopbackService& member) {
    return member.Sum("open", "oddverb_events_total", "topic");
  }
  static bool IsBusy(LoopbackService& member) {
    return BecomesTrue([&] {
      return member.Metric("open", "oddverb_checkpoints_total") >= 2 &&
             Judged(member) >= 200;
    });
  }
  // As the transactions tell the group.
  static bool AreJudged(KafkaTopics& topics, uint64_t messages,
                        absl::Duration patience = absl::Minutes(3)) {
    return BecomesTrue(
        [&] { return topics.CommittedMessages("g", kKeyedTopic) >= messages; },
        patience);
  }
  static size_t Distinct(const std::vector<std::string>& findings) {
    return std::set<std::string>(findings.begin(), findings.end()).size();
  }
  static std::set<std::string> DetectorsOf(
      const std::vector<std::string>& findings) {
    std::set<std::string> detectors;
    for (const std::string& finding : findings) {
      detectors.insert(nlohmann::json::parse(finding).value("detector", ""));
    }
    return detectors;
  }

  TempFolder folder_;
  int replicas_ = 1;  // of the topics that members make
  int members_ = 0;
  std::unique_ptr<LoopbackService> forwarder_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_E2E_KAFKA_GROUP_H_
