// The rules of a service: read at its start and at each reload, and told of in
// the log and in metrics. What a reload reads takes the place of what is in
// force as a whole, or not at all. Thread-safe.
#ifndef ODDVERB_APP_SERVICE_RULES_H_
#define ODDVERB_APP_SERVICE_RULES_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/rule_files.h"
#include "app/rules_config.h"
#include "rules/live_rules.h"
#include "telemetry/logging.h"
#include "telemetry/metrics.h"

namespace oddverb {

class ServiceRules {
 public:
  // The first load. What is wrong is told and left out, but with `strict`:
  // InvalidArgument then. `logger` must outlive this.
  static absl::StatusOr<std::unique_ptr<ServiceRules>> Make(
      const RulesConfig& config, Logger& logger);
  ServiceRules(const ServiceRules&) = delete;
  ServiceRules& operator=(const ServiceRules&) = delete;

  const std::shared_ptr<LiveRules>& live() const { return live_; }

  // Reads and compiles what may take the place of what is in force; changes
  // nothing yet. InvalidArgument, which is counted, with all that is wrong:
  // - a path cannot be read, so that nobody knows which rules are missing
  // - there is no rule that could be used, among some
  // - a rule that is in force has been broken: what was found is found on
  // - anything is wrong, with `strict`
  absl::StatusOr<RuleFiles> Prepare(const RulesConfig& config);
  // Between two events. Returns what it put in force, for people.
  std::string Apply(RuleFiles files);

  void FillMetrics(Metrics& metrics) const;

 private:
  ServiceRules(RuleFiles files, Logger& logger);
  absl::Status Refusal(const RulesConfig& config, const RuleFiles& files) const;
  // A rule that is in force and whose file has an error now; "" if there is
  // none.
  std::string BrokenRule(const RuleFiles& files) const;
  void Tell(const RuleFiles& files);

  Logger& logger_;
  const std::shared_ptr<LiveRules> live_;
  mutable std::mutex mutex_;
  RuleFiles in_force_;          // guarded by mutex_
  uint64_t load_failures_ = 0;  // guarded by mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_APP_SERVICE_RULES_H_
