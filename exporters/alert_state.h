// Keeps the set of firing alerts for those who ask (exporters/alert_api.h) and
// sends nothing.
#ifndef ODDVERB_EXPORTERS_ALERT_STATE_H_
#define ODDVERB_EXPORTERS_ALERT_STATE_H_

#include <utility>

#include "base/clock.h"
#include "exporters/active_alerts.h"
#include "exporters/exporter.h"

namespace oddverb {

// One thread; alerts() may be read from any.
class AlertState final : public Exporter {
 public:
  // `clock` must outlive this.
  AlertState(ActiveAlertsOptions options, const Clock& clock)
      : clock_(clock), alerts_(std::move(options)) {}

  absl::Status Export(std::span<const Finding> findings,
                      absl::Time /*deadline*/) override {
    alerts_.Add(findings, clock_.Now());
    return absl::OkStatus();
  }
  absl::Time next_work() const override { return alerts_.next_change(); }
  absl::Status Work(absl::Time now, absl::Time /*deadline*/) override {
    alerts_.Advance(now);
    return absl::OkStatus();
  }
  void Save(StateWriter& out) const override { alerts_.Save(out); }
  absl::Status Load(StateReader& in) override { return alerts_.Load(in); }

  const ActiveAlerts& alerts() const { return alerts_; }

 private:
  const Clock& clock_;
  ActiveAlerts alerts_;
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_ALERT_STATE_H_
