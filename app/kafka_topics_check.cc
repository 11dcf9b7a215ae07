#include "app/kafka_topics_check.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "app/kafka_client.h"
#include "base/status_macros.h"
#include "pipeline/state_log_records.h"

namespace oddverb {
namespace {

// A part of a row with its key.
constexpr int64_t kLeastMessageBytes =
    static_cast<int64_t>(kMaxStateLogValue) + (64 << 10);

struct WantedTopic {
  std::string name;
  KafkaTopicUse use;
};

std::vector<WantedTopic> TopicsOf(const KafkaCheckpointConfig& kafka) {
  std::vector<WantedTopic> topics = {
      {kafka.state_topic, KafkaTopicUse::kState},
      {kafka.findings_topic, KafkaTopicUse::kFindings}};
  if (!kafka.dead_letters_topic.empty()) {
    topics.push_back({kafka.dead_letters_topic, KafkaTopicUse::kDeadLetters});
  }
  return topics;
}

KafkaTopicFacts FactsOf(KafkaTopicUse use, int replicas) {
  KafkaTopicFacts facts;
  facts.partitions = 1;
  facts.replicas = replicas;
  facts.settings["min.insync.replicas"] = replicas > 2 ? "2" : "1";
  if (use == KafkaTopicUse::kState) {
    facts.settings["cleanup.policy"] = "compact";
    // A restore reads what is not compacted yet, too.
    facts.settings["segment.bytes"] = "67108864";
    facts.settings["min.cleanable.dirty.ratio"] = "0.2";
  }
  return facts;
}

std::string CreateCommand(const std::string& topic, KafkaTopicUse use) {
  return absl::StrCat(
      "kafka-topics.sh --create --topic ", topic,
      " --partitions 1 --replication-factor 3 --config "
      "min.insync.replicas=2",
      use == KafkaTopicUse::kState ? " --config cleanup.policy=compact" : "");
}

std::string AlterCommand(const std::string& topic, const std::string& setting) {
  return absl::StrCat("kafka-configs.sh --alter --topic ", topic,
                      " --add-config ", setting);
}

int64_t NumberOf(const KafkaTopicFacts& facts, const std::string& setting) {
  auto found = facts.settings.find(setting);
  int64_t value = -1;
  if (found == facts.settings.end() ||
      !absl::SimpleAtoi(found->second, &value)) {
    return -1;
  }
  return value;
}

void CheckReplicas(const std::string& topic, const KafkaTopicFacts& facts,
                   KafkaTopicsReport& report) {
  const int64_t in_sync = NumberOf(facts, "min.insync.replicas");
  if (in_sync > facts.replicas) {
    report.problems.push_back(absl::StrCat(
        "topic ", topic, ": min.insync.replicas is ", in_sync, ", but it has ",
        facts.replicas, " replicas, so nothing can be written; ",
        AlterCommand(topic, "min.insync.replicas=1")));
  } else if (facts.replicas < 2) {
    report.warnings.push_back(absl::StrCat(
        "topic ", topic,
        " has one replica, and is lost with its broker; give it three: "
        "kafka-reassign-partitions.sh"));
  } else if (in_sync < 2) {
    report.warnings.push_back(absl::StrCat(
        "topic ", topic,
        ": min.insync.replicas is 1, so what one broker alone has taken counts "
        "as written; ",
        AlterCommand(topic, "min.insync.replicas=2")));
  } else if (in_sync == facts.replicas) {
    report.warnings.push_back(absl::StrCat(
        "topic ", topic, ": min.insync.replicas is the number of replicas (",
        in_sync, "), so nothing is judged while one broker is away"));
  }
}

void CheckState(const std::string& topic, const KafkaTopicFacts& facts,
                KafkaTopicsReport& report) {
  auto policy = facts.settings.find("cleanup.policy");
  if (policy != facts.settings.end() && policy->second != "compact") {
    report.problems.push_back(
        absl::StrCat("topic ", topic, ": cleanup.policy is ", policy->second,
                     ", so that what was learned would be deleted; ",
                     AlterCommand(topic, "cleanup.policy=compact")));
  }
  if (facts.partitions != 1) {
    report.warnings.push_back(absl::StrCat("topic ", topic, " has ",
                                           facts.partitions,
                                           " partitions; only the first is "
                                           "used"));
  }
}

}  // namespace

void CheckKafkaTopic(const std::string& topic, KafkaTopicUse use,
                     const KafkaTopicFacts& facts, KafkaTopicsReport& report) {
  if (use == KafkaTopicUse::kState) CheckState(topic, facts, report);
  auto policy = facts.settings.find("cleanup.policy");
  if (use != KafkaTopicUse::kState && policy != facts.settings.end() &&
      policy->second.find("compact") != std::string::npos) {
    report.problems.push_back(absl::StrCat(
        "topic ", topic, ": cleanup.policy is ", policy->second,
        ", which keeps one message of each key and drops the others; ",
        AlterCommand(topic, "cleanup.policy=delete")));
  }
  const int64_t largest = NumberOf(facts, "max.message.bytes");
  if (largest >= 0 && largest < kLeastMessageBytes) {
    report.problems.push_back(
        absl::StrCat("topic ", topic, ": max.message.bytes is ", largest,
                     ", too little for what is written; ",
                     AlterCommand(topic, "max.message.bytes=1048588")));
  }
  CheckReplicas(topic, facts, report);
}

absl::StatusOr<KafkaTopicsReport> CheckCheckpointTopics(
    const ServiceConfig& config, MissingTopics missing,
    absl::Duration patience) {
  const KafkaCheckpointConfig& kafka = *config.checkpoint_kafka;
  ODDVERB_ASSIGN_OR_RETURN(
      std::unique_ptr<KafkaTopicsAdmin> admin,
      KafkaTopicsAdmin::Make(KafkaClientOf(config.sources.front().kafka)));
  KafkaTopicsReport report;
  for (const WantedTopic& topic : TopicsOf(kafka)) {
    absl::StatusOr<KafkaTopicFacts> facts =
        admin->Describe(topic.name, patience);
    if (absl::IsNotFound(facts.status()) && missing == MissingTopics::kMade &&
        kafka.create_topics) {
      const KafkaTopicFacts wanted =
          FactsOf(topic.use, static_cast<int>(kafka.replicas));
      ODDVERB_RETURN_IF_ERROR(admin->Create(topic.name, wanted, patience));
      report.made.push_back(topic.name);
      continue;
    }
    if (absl::IsNotFound(facts.status())) {
      std::vector<std::string>& told =
          kafka.create_topics ? report.warnings : report.problems;
      told.push_back(absl::StrCat(
          facts.status().message(), "; ",
          kafka.create_topics
              ? "the service makes it when it starts"
              : absl::StrCat("make it: ", CreateCommand(topic.name, topic.use),
                             " (or set create_topics)")));
      continue;
    }
    if (absl::IsPermissionDenied(facts.status())) {
      report.warnings.emplace_back(facts.status().message());
      continue;
    }
    ODDVERB_RETURN_IF_ERROR(facts.status());
    CheckKafkaTopic(topic.name, topic.use, *facts, report);
  }
  return report;
}

}  // namespace oddverb
