// The newest findings in memory, for GET /api/v1/findings: those that were
// shown, so of a flood its first ones and its summary. Thread-safe.
#ifndef ODDVERB_APP_RECENT_FINDINGS_H_
#define ODDVERB_APP_RECENT_FINDINGS_H_

#include <deque>
#include <mutex>
#include <string>

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

 private:
  struct Kept {
    Severity severity = Severity::kInfo;
    std::string id;
    std::string json;
  };
  mutable std::mutex mutex_;
  std::deque<Kept> kept_;  // newest last; guarded by mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_APP_RECENT_FINDINGS_H_
