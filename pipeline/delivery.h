// From findings to exporters: decides which findings are worth telling, and
// when again, and counts all of them. What is decided depends on the findings
// and their event times alone, and is kept in checkpoint rows, so a restart
// tells nothing twice and forgets nothing.
//
// One thread at a time, but for counts_so_far().
#ifndef ODDVERB_PIPELINE_DELIVERY_H_
#define ODDVERB_PIPELINE_DELIVERY_H_

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "exporters/exporter.h"
#include "model/finding.h"
#include "pipeline/checkpoint.h"
#include "pipeline/known_findings.h"
#include "pipeline/rate_limit.h"
#include "pipeline/suppression.h"

namespace oddverb {

enum class DeliveryPolicy : uint8_t {
  // A finite input: each finding once, in its last state, sorted by time then
  // id, when the input has ended (or kMaxHeld are waiting).
  kOnceAtEnd,
  // A stream: each finding when it opens; again when its severity has risen,
  // its score has doubled or an ATT&CK technique has joined since it was last
  // shown; and once more in its last state, if that shows anything new.
  kAtOnce,
};

// Distinct findings by (detector, severity).
using FindingCounts = std::map<std::pair<std::string, Severity>, uint64_t>;

// Since the start of the process.
struct DeliveryCounts {
  FindingCounts opened;  // by the severity with which they were first shown
  // Findings that were never shown: by (detector, reason), where a reason is
  // "rate_limited" or "suppressed".
  std::map<std::pair<std::string, std::string>, uint64_t> suppressed;
  // Those of reason "suppressed", by the name of the entry.
  std::map<std::string, uint64_t> suppressed_by_entry;
};

class Delivery {
 public:
  struct Options {
    DeliveryPolicy policy = DeliveryPolicy::kOnceAtEnd;
    Severity min_severity = Severity::kInfo;
    // Only for kAtOnce.
    std::optional<RateLimit::Options> rate_limit = {};
    SuppressionList suppressions = {};
  };
  // Findings held back by kOnceAtEnd; beyond, the older half goes out early,
  // in the state it has, so that memory stays bounded.
  static constexpr size_t kMaxHeld = 65'536;

  // Exporters must outlive the delivery.
  Delivery(const Options& options, std::vector<Exporter*> exporters);

  // Takes findings in the order in which they were made: Send(Choose()).
  absl::Status Deliver(std::vector<Finding> findings);

  // Which of `findings` are to be shown now, by the policy; remembers them. A
  // service commits those before it sends them. `stream_time`: no later finding
  // will be older; ends the windows of the rate limit.
  std::vector<Finding> Choose(std::vector<Finding> findings,
                              absl::Time stream_time = absl::InfinitePast());
  // Hands findings that Choose() returned to the exporters.
  absl::Status Send(const std::vector<Finding>& findings);

  // The input has ended: sends what is held and finishes the exporters.
  absl::Status Finish();

  // What Choose() remembers, as rows of a checkpoint: those that changed since
  // the last call.
  void TakeChanges(std::vector<StateRow>& out);
  // From all rows of a checkpoint, into a new delivery.
  absl::Status Load(const std::vector<StateRow>& rows);

  // Distinct findings by severity (of their last state); filtered, suppressed
  // and folded ones not counted.
  std::array<uint64_t, 5> counts() const { return counts_; }
  // The same by (detector, severity).
  const FindingCounts& by_detector() const { return by_detector_; }
  uint64_t sent() const { return sent_; }
  // Thread-safe.
  DeliveryCounts counts_so_far() const;

 private:
  using SortKey = std::pair<absl::Time, Hash128>;

  void Consider(Finding finding, std::vector<Finding>& chosen);
  // Shows it, the first time or if it is news; no filter holds it back.
  void Tell(Finding finding, uint32_t index, std::vector<Finding>& chosen);
  bool IsSuppressed(const Finding& finding, uint32_t index);
  void Fold(const Finding& finding, uint32_t index,
            std::vector<Finding>& chosen);
  void Show(Finding finding, uint32_t index, std::vector<Finding>& chosen);
  void Hold(Finding finding, const KnownFinding& known);
  std::vector<Finding> TakeOldest(size_t count);
  // `severity` is that of the finding's last state.
  void Count(const Finding& finding, Severity severity, int by);
  void CountSuppressed(const Finding& finding, const char* reason);

  const Options options_;
  std::vector<Exporter*> exporters_;
  std::map<SortKey, Finding> held_;
  KnownFindings known_;
  std::optional<RateLimit> rate_limit_;
  std::array<uint64_t, 5> counts_{};
  FindingCounts by_detector_;
  uint64_t sent_ = 0;
  mutable std::mutex mutex_;
  DeliveryCounts so_far_;  // guarded by mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_DELIVERY_H_
