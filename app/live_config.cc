#include "app/live_config.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/config_changes.h"
#include "app/config_redaction.h"
#include "base/status_macros.h"

namespace oddverb {

LiveConfig::LiveConfig(const Parts& parts,
                       std::function<absl::Status(const ServiceConfig&)> apply)
    : parts_(parts),
      apply_(std::move(apply)),
      effective_(parts.started),
      last_good_load_(absl::ToUnixSeconds(parts.clock.Now())) {}

// Puts the live keys of `fresh` into `next`, and that in force, with its rules,
// of which it tells. Nothing has changed if it fails.
absl::StatusOr<std::string> LiveConfig::TakeOver(
    const absl::StatusOr<ServiceConfig>& fresh, ServiceConfig& next) {
  ODDVERB_RETURN_IF_ERROR(fresh.status());
  CopyLiveKeys(*fresh, next);
  ODDVERB_ASSIGN_OR_RETURN(RuleFiles rules, parts_.rules.Prepare(next.rules));
  ODDVERB_RETURN_IF_ERROR(apply_(next));
  return parts_.rules.Apply(std::move(rules));
}

absl::StatusOr<std::string> LiveConfig::Reload() {
  std::lock_guard<std::mutex> lock(mutex_);
  absl::StatusOr<ServiceConfig> fresh =
      LoadServiceConfig(parts_.file, parts_.environment);
  ServiceConfig next = effective_;
  absl::StatusOr<std::string> rules_in_force = TakeOver(fresh, next);
  last_reload_good_ = rules_in_force.ok();
  if (!rules_in_force.ok()) {
    parts_.logger.Error(
        "configuration refused, the old one stays",
        {{"error", std::string(rules_in_force.status().message())}});
    return rules_in_force;
  }
  last_good_load_ = absl::ToUnixSeconds(parts_.clock.Now());
  auto keys = [](const std::vector<std::string>& list) {
    return list.empty() ? std::string("nothing") : absl::StrJoin(list, ", ");
  };
  // Against what runs, so that a change that is taken back is none.
  std::string changed = keys(CompareConfigs(effective_, *fresh).live);
  std::string waits = keys(CompareConfigs(parts_.started, *fresh).restart);
  effective_ = std::move(next);
  parts_.logger.Info(
      "configuration reloaded, certificates and tokens read again",
      {{"in_effect", changed}, {"needs_restart", waits}});
  return absl::StrCat("in effect now: ", changed, "; needs a restart: ", waits,
                      "; certificates and tokens are read again\n",
                      *rules_in_force);
}

std::string LiveConfig::RedactedJson() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return RedactedConfigJson(effective_);
}

void LiveConfig::FillMetrics(Metrics& metrics) const {
  metrics.Gauge(MetricId::kConfigLastReloadSuccessful)
      .Set(last_reload_good_ ? 1 : 0);
  metrics.Gauge(MetricId::kConfigLastReloadSuccess)
      .Set(static_cast<double>(last_good_load_.load()));
}

}  // namespace oddverb
