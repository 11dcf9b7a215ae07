// What the service answers over HTTP beside the audit webhook: metrics, health,
// version, configuration, findings, alerts, reload.
#ifndef ODDVERB_APP_SERVICE_HTTP_H_
#define ODDVERB_APP_SERVICE_HTTP_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/recent_findings.h"
#include "app/service_config.h"
#include "app/service_sources.h"
#include "net/http_handler.h"
#include "net/http_options.h"

namespace oddverb {

// What the answers are made of; called on the server's threads, so each is
// thread-safe. The page of one that is left out does not exist.
struct ServiceAnswers {
  std::function<std::string()> metrics;
  // OK, or why not. Healthy fails only when the pipeline is wedged: then a
  // restart helps.
  std::function<absl::Status()> healthy;
  std::function<absl::Status()> ready;
  std::function<std::string()> version_json;
  std::function<std::string()> config_json;  // without secrets
  std::function<std::string(const FindingQuery&)> findings_json;
  // Alertmanager's API, all below /api/v2/.
  std::function<HttpResponse(std::string_view path, std::string_view query)>
      alerts;
  std::function<absl::StatusOr<std::string>()> reload;  // what it changed
};

// Owns the handlers; must outlive the server that is started with them.
class ServiceRoutes {
 public:
  explicit ServiceRoutes(ServiceAnswers answers);
  ~ServiceRoutes();

  // The listeners of `config`, with these pages and the receivers among
  // `sources`. Health and metrics are open, all else needs the listener's token
  // or client certificate.
  HttpServerOptions ServerOptions(const ServiceConfig& config,
                                  const ServiceSources& sources) const;

 private:
  class Page;
  std::vector<HttpRoute> For(const ListenerConfig& listener) const;

  std::vector<std::unique_ptr<Page>> pages_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_SERVICE_HTTP_H_
