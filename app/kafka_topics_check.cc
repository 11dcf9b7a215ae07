#include "app/kafka_topics_check.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "app/kafka_client.h"
#include "app/kafka_state_copy.h"
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
  int partitions = 0;  // as of CheckKafkaTopic()
};

// `source_partitions`: with observations_topic.
std::vector<WantedTopic> TopicsOf(const KafkaCheckpointConfig& kafka,
                                  int source_partitions) {
  std::vector<WantedTopic> topics = {
      {kafka.state_topic, KafkaTopicUse::kState},
      {kafka.findings_topic, KafkaTopicUse::kFindings}};
  if (!kafka.observations_topic.empty()) {
    // One for each judge, and one for the correlator.
    topics[0].partitions = source_partitions + 1;
    topics.push_back(
        {kafka.observations_topic, KafkaTopicUse::kObservations, 1});
  }
  if (!kafka.dead_letters_topic.empty()) {
    topics.push_back({kafka.dead_letters_topic, KafkaTopicUse::kDeadLetters});
  }
  return topics;
}

KafkaTopicFacts FactsOf(const WantedTopic& topic, int replicas) {
  KafkaTopicFacts facts;
  facts.partitions = std::max(1, topic.partitions);
  facts.replicas = replicas;
  facts.settings["min.insync.replicas"] = replicas > 2 ? "2" : "1";
  if (topic.use == KafkaTopicUse::kState) {
    facts.settings["cleanup.policy"] = "compact";
    // A restore reads what is not compacted yet, too.
    facts.settings["segment.bytes"] = "67108864";
    facts.settings["min.cleanable.dirty.ratio"] = "0.2";
  }
  return facts;
}

std::string CreateCommand(const WantedTopic& topic) {
  const bool is_state = topic.use == KafkaTopicUse::kState;
  return absl::StrCat("kafka-topics.sh --create --topic ", topic.name,
                      " --partitions ", std::max(1, topic.partitions),
                      " --replication-factor 3 --config min.insync.replicas=2",
                      is_state ? " --config cleanup.policy=compact" : "");
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
                int partitions, KafkaTopicsReport& report) {
  auto policy = facts.settings.find("cleanup.policy");
  if (policy != facts.settings.end() && policy->second != "compact") {
    report.problems.push_back(
        absl::StrCat("topic ", topic, ": cleanup.policy is ", policy->second,
                     ", so that what was learned would be deleted; ",
                     AlterCommand(topic, "cleanup.policy=compact")));
  }
  if (partitions > 0 && facts.partitions != partitions) {
    report.problems.push_back(absl::StrCat(
        "topic ", topic, " has ", facts.partitions,
        " partitions, but one for each of the source's topic and one more are "
        "needed, ",
        partitions,
        ": actors lie in other partitions now, so what was learned is of no "
        "use; take another state_topic, or delete this one"));
  } else if (partitions == 0 && facts.partitions != 1) {
    report.warnings.push_back(absl::StrCat("topic ", topic, " has ",
                                           facts.partitions,
                                           " partitions; only the first is "
                                           "used"));
  }
}

}  // namespace

void CheckKafkaTopic(const std::string& topic, KafkaTopicUse use,
                     const KafkaTopicFacts& facts, KafkaTopicsReport& report,
                     int partitions) {
  if (use == KafkaTopicUse::kState) {
    CheckState(topic, facts, partitions, report);
  } else if (partitions > 0 && facts.partitions != partitions) {
    report.problems.push_back(absl::StrCat(
        "topic ", topic, " has ", facts.partitions,
        " partitions, but what concerns several actors must be in one; delete "
        "it and make it anew"));
  }
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

void CheckKafkaCopies(const std::string& topic, const KafkaTopicFacts& facts,
                      KafkaTopicsReport& report) {
  const int64_t wanted_ms =
      absl::ToInt64Milliseconds(2 * KafkaStateCopy::kMaxAge);
  const int64_t retention_ms = NumberOf(facts, "delete.retention.ms");
  if (retention_ms < 0 || retention_ms >= wanted_ms) return;
  report.problems.push_back(absl::StrCat(
      "topic ", topic, ": delete.retention.ms is ", retention_ms,
      ", so a copy in copy_dir could keep what was deleted; ",
      AlterCommand(topic, absl::StrCat("delete.retention.ms=", wanted_ms))));
}

namespace {

// What one check needs. One thread.
struct TopicsCheck {
  KafkaTopicsAdmin& admin;
  const KafkaCheckpointConfig& kafka;
  MissingTopics missing;
  absl::Duration patience;

  // Leaves the number of partitions in the report; false: there is no topic.
  absl::StatusOr<bool> LookAtSource(const std::string& topic,
                                    KafkaTopicsReport& report) {
    absl::StatusOr<KafkaTopicFacts> facts = admin.Look(topic, patience);
    if (absl::IsNotFound(facts.status())) {
      report.problems.push_back(absl::StrCat(
          facts.status().message(),
          "; make it before, as the state has as many partitions and one "
          "more"));
      return false;
    }
    ODDVERB_RETURN_IF_ERROR(facts.status());
    report.source_partitions = facts->partitions;
    return true;
  }

  absl::Status Check(const WantedTopic& topic, KafkaTopicsReport& report) {
    absl::StatusOr<KafkaTopicFacts> facts =
        admin.Describe(topic.name, patience);
    const bool is_missing = absl::IsNotFound(facts.status());
    if (is_missing && missing == MissingTopics::kMade && kafka.create_topics) {
      const KafkaTopicFacts wanted =
          FactsOf(topic, static_cast<int>(kafka.replicas));
      ODDVERB_RETURN_IF_ERROR(admin.Create(topic.name, wanted, patience));
      report.made.push_back(topic.name);
    } else if (is_missing && kafka.create_topics) {
      report.warnings.push_back(absl::StrCat(
          facts.status().message(), "; the service makes it when it starts"));
    } else if (is_missing) {
      report.problems.push_back(absl::StrCat(
          facts.status().message(), "; make it: ", CreateCommand(topic),
          " (or set create_topics)"));
    } else if (absl::IsPermissionDenied(facts.status())) {
      report.warnings.emplace_back(facts.status().message());
    } else {
      ODDVERB_RETURN_IF_ERROR(facts.status());
      CheckKafkaTopic(topic.name, topic.use, *facts, report, topic.partitions);
      if (topic.use == KafkaTopicUse::kState && !kafka.copy_dir.empty()) {
        CheckKafkaCopies(topic.name, *facts, report);
      }
    }
    return absl::OkStatus();
  }
};

}  // namespace

absl::StatusOr<KafkaTopicsReport> CheckCheckpointTopics(
    const ServiceConfig& config, MissingTopics missing,
    absl::Duration patience) {
  const KafkaCheckpointConfig& kafka = *config.checkpoint_kafka;
  const KafkaConfig& source = config.sources.front().kafka;
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<KafkaTopicsAdmin> admin,
                           KafkaTopicsAdmin::Make(KafkaClientOf(source)));
  TopicsCheck check = {*admin, kafka, missing, patience};
  KafkaTopicsReport report;
  if (!kafka.observations_topic.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(bool is_there,
                             check.LookAtSource(source.topic, report));
    if (!is_there) return report;
  }
  for (const WantedTopic& topic : TopicsOf(kafka, report.source_partitions)) {
    ODDVERB_RETURN_IF_ERROR(check.Check(topic, report));
  }
  return report;
}

}  // namespace oddverb
