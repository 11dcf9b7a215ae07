// The alerts that fire. A finding is a point event, an alert is a state: it
// fires from its first finding until `hold` after the last one, and is then
// told as resolved for a while, as Alertmanager keeps little itself. Bounded;
// survives a restart by Save() and Load().
#ifndef ODDVERB_EXPORTERS_ACTIVE_ALERTS_H_
#define ODDVERB_EXPORTERS_ACTIVE_ALERTS_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "exporters/alert.h"
#include "model/finding.h"

namespace oddverb {

// When an alert may end.
enum class HoldFrom : uint8_t {
  kEvidence,  // hold after the last finding
  // Also not before hold after a receiver has taken it: an attack must not be
  // over before the receiver, which was down, could tell anybody.
  kEvidenceAndTaken,
};

struct ActiveAlertsOptions {
  absl::Duration hold = absl::Minutes(15);
  absl::Duration told_resolved = absl::Minutes(5);
  // Firing alerts of one detector and one of Alertmanager's three severities;
  // what is more becomes one alert with a count. 200 is more than a person
  // reads, and an attacker may choose who the subject is.
  size_t max_per_detector = 200;
  HoldFrom hold_from = HoldFrom::kEvidence;
  AlertForm form = {};
};

struct ActiveAlert {
  std::shared_ptr<const Alert> alert;  // never null
  absl::Time starts_at;
  absl::Time updated_at;  // last evidence
  // In the past if it is resolved; else when it will be, as far as is known
  // (InfiniteFuture: not before it is taken).
  absl::Time ends_at;
  bool is_resolved = false;
};

// Thread-safe. All times are those of the wall clock, given by the caller: a
// finding is late where an old log is read, and still has to be seen. A clock
// that is set back moves alerts with it.
class ActiveAlerts {
 public:
  // Resolved alerts that are still told; beyond, Alertmanager has to end them
  // by itself, which it does at the endsAt that it was given last.
  static constexpr size_t kMaxResolved = 10'000;

  explicit ActiveAlerts(ActiveAlertsOptions options);

  // Takes `findings` as evidence of `now`. Returns what a receiver has to know:
  // alerts that fire or have changed, and those that a worse one of the same
  // subject has replaced (resolved). A lesser finding only prolongs. Giving the
  // same findings again changes nothing but the last evidence.
  std::vector<ActiveAlert> Add(std::span<const Finding> findings,
                               absl::Time now);
  // Resolves what is over, and forgets what was told long enough. Returns those
  // resolved now.
  std::vector<ActiveAlert> Advance(absl::Time now);
  // When Advance() has something to do next.
  absl::Time next_change() const;
  // A receiver has taken them.
  void MarkTaken(std::span<const ActiveAlert> alerts, absl::Time now);

  // The firing ones and then those told as resolved, each in a fixed order.
  std::vector<ActiveAlert> All() const;
  // Those that fire at `now`, whether Advance() was called or not.
  std::vector<ActiveAlert> FiringAt(absl::Time now) const;
  bool is_empty() const;
  // Of the firing ones, by Severity.
  std::array<size_t, 5> counts() const;

  void Save(StateWriter& out) const;
  // Replaces all. DataLoss leaves it empty.
  absl::Status Load(StateReader& in);

 private:
  struct Firing {
    std::shared_ptr<const Alert> alert;
    absl::Time starts_at;
    absl::Time last_evidence;
    absl::Time taken_at = absl::InfiniteFuture();
    uint64_t overflow_count = 0;  // 0: not an overflow alert
    // Findings counted in it, so that a second try does not count twice.
    std::set<Hash128> counted = {};
  };
  struct Resolved {
    std::shared_ptr<const Alert> alert;
    absl::Time starts_at;
    absl::Time ends_at;
    absl::Time forget_at;
  };
  using LabelSet = std::string;  // all labels as one text
  using Kind = std::pair<std::string, std::string_view>;

  // All of these want mutex_ held.
  // Returns the identity of the alert that the finding went to.
  std::string AddOne(const Finding& finding, Alert alert, absl::Time now,
                     std::vector<ActiveAlert>& replaced);
  std::string AddToOverflow(const Finding& finding, absl::Time now);
  void Fire(const std::string& identity, Firing firing);
  // Ends what the receiver knows by these labels.
  ActiveAlert Resolve(const Firing& firing, absl::Time at, absl::Time now);
  std::vector<ActiveAlert> AdvanceLocked(absl::Time now);
  void LoadLocked(StateReader& in);
  absl::Time EndOf(const Firing& firing) const;
  ActiveAlert Told(const Firing& firing) const;
  static Kind KindOf(const Alert& alert);

  const ActiveAlertsOptions options_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::string, Firing> firing_;  // by Alert::identity
  std::map<LabelSet, Resolved> resolved_;
  std::map<Kind, size_t> firing_of_;  // overflow alerts are not counted
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_ACTIVE_ALERTS_H_
