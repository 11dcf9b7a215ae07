// The part of Alertmanager's API v2 that reads, over the alerts that fire here:
// so that Grafana's Alertmanager data source and amtool can point at oddverb.
// Nothing is silenced, inhibited or routed here: Alertmanager does that.
#ifndef ODDVERB_EXPORTERS_ALERT_API_H_
#define ODDVERB_EXPORTERS_ALERT_API_H_

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "exporters/active_alerts.h"
#include "net/http_message.h"

namespace oddverb {

// Thread-safe.
class AlertApi {
 public:
  static constexpr std::string_view kPrefix = "/api/v2/";

  struct Build {
    std::string version = {};
    std::string revision = {};
    absl::Time started = absl::UnixEpoch();
  };

  // `alerts` must outlive this.
  AlertApi(const ActiveAlerts& alerts, Build build);

  // For a GET of a path that begins with kPrefix; `query` is not decoded.
  HttpResponse Answer(std::string_view path, std::string_view query,
                      absl::Time now) const;

 private:
  HttpResponse Alerts(std::string_view query, absl::Time now) const;
  HttpResponse Groups(std::string_view query, absl::Time now) const;
  HttpResponse Status() const;

  const ActiveAlerts& alerts_;
  const Build build_;
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_ALERT_API_H_
