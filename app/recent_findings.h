// The newest findings in memory, for GET /api/v1/findings. Thread-safe.
#ifndef ODDVERB_APP_RECENT_FINDINGS_H_
#define ODDVERB_APP_RECENT_FINDINGS_H_

#include <deque>
#include <mutex>
#include <string>

#include "exporters/exporter.h"

namespace oddverb {

class RecentFindings final : public Exporter {
 public:
  static constexpr size_t kMaxFindings = 1000;

  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;

  // A JSON array, newest first, of those with at least `min_severity`.
  std::string ToJson(Severity min_severity) const;

 private:
  struct Kept {
    Severity severity;
    std::string json;
  };
  mutable std::mutex mutex_;
  std::deque<Kept> kept_;  // guarded by mutex_; newest last
};

}  // namespace oddverb

#endif  // ODDVERB_APP_RECENT_FINDINGS_H_
