#include "app/service_sources.h"

#include "absl/strings/str_cat.h"
#include "app/kafka_client.h"
#include "base/status_macros.h"
#include "ingest/merged_source.h"
#include "ingest/paths.h"

namespace oddverb {

absl::StatusOr<std::unique_ptr<ServiceSources>> ServiceSources::Make(
    const ServiceConfig& config, std::optional<int32_t> partition) {
  auto sources = std::make_unique<ServiceSources>();
  for (const SourceConfig& source : config.sources) {
    ODDVERB_RETURN_IF_ERROR(sources->Add(config, source, partition));
  }
  return sources;
}

absl::Status ServiceSources::Add(const ServiceConfig& config,
                                 const SourceConfig& source,
                                 std::optional<int32_t> partition) {
  auto index = static_cast<uint32_t>(entries_.size());
  Entry& entry = entries_.emplace_back();
  entry.name = source.name;
  switch (source.type) {
    case SourceConfig::Type::kTail: {
      TailOptions options;
      options.path = source.path;
      options.source_index = index;
      options.poll_interval = source.poll_interval;
      options.start = source.start == SourceConfig::Start::kEnd
                          ? FollowedFiles::Start::kEnd
                          : FollowedFiles::Start::kBeginning;
      auto tail = std::make_unique<TailSource>(options);
      entry.tail = tail.get();
      entry.source = std::move(tail);
      break;
    }
    case SourceConfig::Type::kWebhook: {
      WebhookSource::Options options;
      options.source_index = index;
      options.cluster = config.cluster;
      options.max_queued_bytes = static_cast<uint64_t>(config.in_flight);
      auto receiver = std::make_unique<WebhookSource>(options);
      entry.receiver = receiver.get();
      entry.listener = source.listener;
      entry.source = std::move(receiver);
      break;
    }
    case SourceConfig::Type::kFiles:
    case SourceConfig::Type::kStdin: {
      std::vector<std::string> arguments = source.paths;
      if (source.type == SourceConfig::Type::kStdin) arguments = {"-"};
      ODDVERB_ASSIGN_OR_RETURN(std::vector<std::string> paths,
                               ExpandPaths(arguments));
      FileSourceOptions options;
      options.source_index = index;
      ODDVERB_ASSIGN_OR_RETURN(entry.source, OpenFiles(paths, options));
      break;
    }
    case SourceConfig::Type::kKafka: {
      KafkaConsumerOptions consumer = KafkaConsumerOf(source);
      // Who leads the group reads all of the topic.
      if (config.checkpoint_kafka.has_value()) {
        consumer.partitions = KafkaConsumerOptions::Partitions::kAll;
        consumer.only = partition;
      }
      absl::StatusOr<std::unique_ptr<KafkaSource>> topic = KafkaSource::Make(
          {.source_index = index, .consumer = std::move(consumer)});
      if (!topic.ok()) {
        return absl::Status(topic.status().code(),
                            absl::StrCat(source.place, ": source ", source.name,
                                         ": ", topic.status().message()));
      }
      entry.topic = topic->get();
      entry.source = *std::move(topic);
      break;
    }
  }
  named_.push_back({entry.name, entry.source.get(), &entry.counters});
  return absl::OkStatus();
}

std::vector<HttpRoute> ServiceSources::RoutesOf(
    const std::string& listener) const {
  std::vector<HttpRoute> routes;
  for (const Entry& entry : entries_) {
    if (entry.receiver == nullptr || entry.listener != listener) continue;
    // All of /audit/, so that another cluster's events get a telling 404.
    routes.push_back({.path = "/audit/",
                      .match = PathMatch::kPrefix,
                      .methods = {"POST"},
                      .handler = entry.receiver,
                      .access = RouteAccess::kAuthenticated});
  }
  return routes;
}

absl::Status ServiceSources::Health() const {
  for (const NamedSource& named : named_) {
    absl::Status status = named.source->health();
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("source ", named.name,
                                                      ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

void ServiceSources::SetIntake(WebhookSource::Intake intake) {
  for (Entry& entry : entries_) {
    if (entry.receiver != nullptr) entry.receiver->SetIntake(intake);
  }
}

void ServiceSources::Drain() {
  for (Entry& entry : entries_) {
    if (entry.receiver != nullptr) entry.receiver->Drain();
  }
}

void ServiceSources::Close() {
  for (Entry& entry : entries_) {
    if (entry.receiver != nullptr) entry.receiver->Close();
  }
}

}  // namespace oddverb
