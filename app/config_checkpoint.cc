// The keys of the checkpoint: how often, and where it is.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "app/config_consistency.h"
#include "app/config_fields.h"

namespace oddverb {
namespace {

void VisitKafkaCheckpoint(ConfigFields& fields, KafkaCheckpointConfig& kafka) {
  fields.Text({"state_topic",
               "What was learned, and the positions: compacted, of this group "
               "alone, with one partition.",
               "oddverb.state"},
              TextKind::kName, kafka.state_topic);
  fields.Text({"findings_topic",
               "Every finding, for whoever reads it with read_committed.",
               "oddverb.findings"},
              TextKind::kName, kafka.findings_topic);
  fields.Text({"observations_topic",
               "With it the members share out the partitions of the source's "
               "topic, which must be keyed by actor (oddverb forward does "
               "that); what concerns several actors goes through here. The "
               "state has one partition more than the source then.",
               "oddverb.observations"},
              TextKind::kName, kafka.observations_topic);
  fields.Text({"dead_letters_topic",
               "Records that could not be read; without it they are only in "
               "the log.",
               "oddverb.dlq"},
              TextKind::kName, kafka.dead_letters_topic);
  fields.Text({"transactional_id",
               "The same for all members of the group, and of nobody else; "
               "default: the name of the group.",
               "oddverb"},
              TextKind::kFree, kafka.transactional_id);
  fields.Text({"copy_dir",
               "A directory for a copy of the state, so that a member that "
               "starts again reads only what came since from the brokers; as "
               "secret as a state_dir.",
               "/var/lib/oddverb"},
              TextKind::kPath, kafka.copy_dir);
  fields.Flag({"create_topics",
               "Makes the topics above that are not there, when the service "
               "starts.",
               "true"},
              kafka.create_topics);
  fields.Count({"replicas", "Of the topics that it makes.", "3"}, {1, 100},
               kafka.replicas);
}

}  // namespace

void VisitCheckpoint(ConfigFields& fields, ServiceConfig& config) {
  fields.Length({"interval",
                 "Positions and state are made durable at the latest after so "
                 "long; after a crash so much is judged again.",
                 "1s"},
                {absl::Milliseconds(100), absl::Minutes(10)},
                config.checkpoint_interval);
  fields.Bytes({"bytes", "And after so many bytes of records.", "8MiB"},
               {64 << 10, 1 << 30}, config.checkpoint_bytes);
  fields.Section(
      {"kafka",
       "Keeps the state in topics instead of state_dir, so that another member "
       "of the group takes over where this one ended. Needs a kafka source and "
       "no other; its brokers, user and group are used.",
       "{state_topic: oddverb.state}"},
      config.checkpoint_kafka, &VisitKafkaCheckpoint);
}

// Whoever takes over must be able to read what the one before read.
void CheckKafkaCheckpoint(const YamlNode& root, const ServiceConfig& config,
                          Mistakes& mistakes) {
  if (!config.checkpoint_kafka.has_value()) return;
  const KafkaCheckpointConfig& kafka = *config.checkpoint_kafka;
  auto tell = [&mistakes](const YamlNode& node, std::string_view message) {
    mistakes.Add(node.Error(message));
  };
  YamlNode node = root.Get("checkpoint").Get("kafka");
  const bool is_one_topic =
      config.sources.size() == 1 &&
      config.sources[0].type == SourceConfig::Type::kKafka;
  if (!config.sources.empty() && !is_one_topic) {
    tell(node,
         "a checkpoint in Kafka needs one source, of type kafka, as another "
         "process must be able to go on with it; bring the events of others "
         "to a topic with oddverb forward");
  }
  std::vector<std::string> topics;
  if (is_one_topic) topics.push_back(config.sources[0].kafka.topic);
  const std::pair<std::string_view, const std::string*> ours[] = {
      {"state_topic", &kafka.state_topic},
      {"findings_topic", &kafka.findings_topic},
      {"observations_topic", &kafka.observations_topic},
      {"dead_letters_topic", &kafka.dead_letters_topic}};
  for (const auto& [key, topic] : ours) {
    if (topic->empty()) {
      if (key == "dead_letters_topic" || key == "observations_topic") continue;
      tell(node.Get(key), "a topic needs a name");
    } else if (std::find(topics.begin(), topics.end(), *topic) !=
               topics.end()) {
      tell(node.Get(key), absl::StrCat("the topic ", *topic,
                                       " serves another purpose already"));
    }
    topics.push_back(*topic);
  }
}

}  // namespace oddverb
