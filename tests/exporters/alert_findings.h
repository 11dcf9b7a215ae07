// Findings and a clock for the tests of alerts.
#ifndef ODDVERB_TESTS_EXPORTERS_ALERT_FINDINGS_H_
#define ODDVERB_TESTS_EXPORTERS_ALERT_FINDINGS_H_

#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/keyed_hash.h"
#include "model/finding.h"

namespace oddverb {

// What one finding of a service account looks like; `nth` makes another one of
// the same trouble.
inline Finding FindingOf(std::string subject,
                         Severity severity = Severity::kHigh,
                         uint64_t nth = 0) {
  Finding finding;
  finding.id = KeyedHash().HashWide(subject + "/" + std::to_string(nth));
  finding.cluster = "prod";
  finding.rule = "forbidden.fanout";
  finding.detector = "forbidden_burst";
  finding.severity = severity;
  finding.confidence = 0.99;
  finding.title = "probing";
  finding.summary = subject + " probes";
  finding.time = finding.first_seen = finding.last_seen =
      absl::FromUnixSeconds(1'700'000'000);
  finding.count = 3;
  finding.entity = std::move(subject);
  finding.entity_kind = "serviceaccount";
  finding.why = {{"refused at first contact", "list secrets in default", 4}};
  finding.normal = "nothing";
  finding.next = {"kubectl get pods"};
  finding.evidence = {{"id-1", finding.time, "list", "/api/v1/secrets", 403}};
  finding.attack = {"T1613", "T1087"};
  return finding;
}

class ManualClock final : public Clock {
 public:
  explicit ManualClock(absl::Time now) : now_(now) {}
  absl::Time Now() const override { return now_; }
  void Advance(absl::Duration by) { now_ += by; }

 private:
  absl::Time now_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_EXPORTERS_ALERT_FINDINGS_H_
