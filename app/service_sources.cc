#include "app/service_sources.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ingest/merged_source.h"
#include "ingest/paths.h"
#include "ingest/tail_source.h"

namespace oddverb {

absl::StatusOr<std::unique_ptr<ServiceSources>> ServiceSources::Make(
    const ServiceConfig& config) {
  auto sources = std::make_unique<ServiceSources>();
  for (const SourceConfig& source : config.sources) {
    ODDVERB_RETURN_IF_ERROR(sources->Add(config, source));
  }
  return sources;
}

absl::Status ServiceSources::Add(const ServiceConfig& config,
                                 const SourceConfig& source) {
  auto index = static_cast<uint32_t>(sources_.size());
  std::unique_ptr<Source> made;
  switch (source.type) {
    case SourceConfig::Type::kTail: {
      TailOptions options;
      options.path = source.path;
      options.source_index = index;
      options.poll_interval = source.poll_interval;
      options.start = source.start == SourceConfig::Start::kEnd
                          ? FollowedFiles::Start::kEnd
                          : FollowedFiles::Start::kBeginning;
      made = std::make_unique<TailSource>(options);
      break;
    }
    case SourceConfig::Type::kWebhook: {
      WebhookSource::Options options;
      options.source_index = index;
      options.cluster = config.cluster;
      auto receiver = std::make_unique<WebhookSource>(options);
      receivers_.push_back({source.listener, receiver.get()});
      made = std::move(receiver);
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
      ODDVERB_ASSIGN_OR_RETURN(made, OpenFiles(paths, options));
      break;
    }
  }
  named_.push_back({source.name, made.get()});
  sources_.push_back(std::move(made));
  return absl::OkStatus();
}

std::vector<HttpRoute> ServiceSources::RoutesOf(
    const std::string& listener) const {
  std::vector<HttpRoute> routes;
  for (const Receiver& receiver : receivers_) {
    if (receiver.listener != listener) continue;
    // All of /audit/, so that another cluster's events get a telling 404.
    routes.push_back({.path = "/audit/",
                      .match = PathMatch::kPrefix,
                      .methods = {"POST"},
                      .handler = receiver.source,
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

void ServiceSources::Drain() {
  for (const Receiver& receiver : receivers_) receiver.source->Drain();
}

}  // namespace oddverb
