// The newest findings in memory, for GET /api/v1/findings, and how many there
// were, for /metrics. Thread-safe.
#ifndef ODDVERB_APP_RECENT_FINDINGS_H_
#define ODDVERB_APP_RECENT_FINDINGS_H_

#include <deque>
#include <mutex>
#include <string>

#include "app/pipeline_metrics.h"
#include "exporters/exporter.h"

namespace oddverb {

struct FindingQuery {
  Severity min_severity = Severity::kInfo;
  std::string id = {};  // 32 hexadecimal digits; empty: all
};

class RecentFindings final : public Exporter {
 public:
  static constexpr size_t kMaxFindings = 1000;

  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;

  // A JSON array, newest first, of those that `query` wants.
  std::string ToJson(const FindingQuery& query) const;
  // Distinct ones among those shown, by detector and severity.
  FindingCounts counts() const;

 private:
  struct Kept {
    Severity severity = Severity::kInfo;
    std::string id;
    std::string json;
  };
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<Kept> kept_;  // newest last
  FindingCounts counts_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_RECENT_FINDINGS_H_
