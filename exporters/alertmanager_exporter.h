// Findings as alerts to Alertmanager (API v2): to every instance given, as
// Alertmanager's high availability asks for (never through a load balancer).
// Firing alerts are sent again until they are over, resolved ones for some
// minutes more; see exporters/active_alerts.h.
#ifndef ODDVERB_EXPORTERS_ALERTMANAGER_EXPORTER_H_
#define ODDVERB_EXPORTERS_ALERTMANAGER_EXPORTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "exporters/active_alerts.h"
#include "exporters/alertmanager_instance.h"
#include "exporters/exporter.h"
#include "net/http_client.h"

namespace oddverb {

struct AlertmanagerOptions {
  // "https://alertmanager-0:9093", with a path if it is served under one
  // (--web.route-prefix). May hold user and password.
  std::vector<std::string> urls = {};
  // For each of them.
  std::vector<HttpHeader> headers = {};
  std::string bearer_token = {};
  HttpClientOptions client = {};
  absl::Duration timeout = absl::Seconds(10);  // of a request
  // Alertmanager's documentation: between 30 seconds and 3 minutes.
  absl::Duration resend_interval = absl::Minutes(1);
  ActiveAlertsOptions alerts = {.hold_from = HoldFrom::kEvidenceAndTaken};
};

// One thread, but for alerts(), instances() and Abort().
class AlertmanagerExporter final : public Exporter {
 public:
  // InvalidArgument: an option; FailedPrecondition: a TLS file cannot be read.
  // `clock` must outlive this.
  static absl::StatusOr<std::unique_ptr<AlertmanagerExporter>> Make(
      const AlertmanagerOptions& options, const Clock& clock);

  // OK once each alert was taken by one instance: those that could not be
  // reached get all that fires when they are back. Unavailable: some were taken
  // by none; trying again is safe. InvalidArgument: all instances answered and
  // none wants one of the alerts.
  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;
  absl::Time next_work() const override;
  // Resends and resolves what is due. OK if an instance works.
  absl::Status Work(absl::Time now, absl::Time deadline) override;
  void Save(StateWriter& out) const override { alerts_.Save(out); }
  absl::Status Load(StateReader& in) override;

  const ActiveAlerts& alerts() const { return alerts_; }
  // For their names and counters.
  const std::vector<std::unique_ptr<AlertmanagerInstance>>& instances() const {
    return instances_;
  }
  void Abort();

 private:
  using Fate = AlertmanagerInstance::Fate;
  using Occasion = AlertmanagerInstance::Occasion;

  AlertmanagerExporter(const AlertmanagerOptions& options, const Clock& clock);
  absl::Status Tell(std::span<const ActiveAlert> alerts,
                    const Occasion& occasion);
  // Those to try now: the ones that work first, so that a silent one does not
  // use up their time.
  std::vector<AlertmanagerInstance*> Candidates(absl::Time now);

  const Clock& clock_;
  std::vector<std::unique_ptr<AlertmanagerInstance>> instances_;
  ActiveAlerts alerts_;
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_ALERTMANAGER_EXPORTER_H_
