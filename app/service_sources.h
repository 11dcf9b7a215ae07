// Builds the sources of a service.
#ifndef ODDVERB_APP_SERVICE_SOURCES_H_
#define ODDVERB_APP_SERVICE_SOURCES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/service_config.h"
#include "ingest/source.h"
#include "ingest/webhook_source.h"
#include "net/http_options.h"
#include "pipeline/pipeline.h"

namespace oddverb {

class ServiceSources {
 public:
  // NotFound, PermissionDenied: what a `files` source names cannot be read.
  static absl::StatusOr<std::unique_ptr<ServiceSources>> Make(
      const ServiceConfig& config);

  const std::vector<NamedSource>& named() const { return named_; }
  // Audit routes of the listener of this name.
  std::vector<HttpRoute> RoutesOf(const std::string& listener) const;
  // OK, or the first source that cannot be read, with cause and cure.
  absl::Status Health() const;
  // Receivers take nothing more.
  void Drain();

 private:
  struct Receiver {
    std::string listener;
    WebhookSource* source = nullptr;
  };

  absl::Status Add(const ServiceConfig& config, const SourceConfig& source);

  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<NamedSource> named_;
  std::vector<Receiver> receivers_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_SERVICE_SOURCES_H_
