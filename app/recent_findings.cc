#include "app/recent_findings.h"

#include "exporters/finding_json.h"

namespace oddverb {

absl::Status RecentFindings::Export(std::span<const Finding> findings,
                                    absl::Time) {
  for (const Finding& finding : findings) {
    Kept kept{finding.severity, finding.id.ToHex(), ""};
    AppendFindingJson(finding, kept.json);
    std::lock_guard<std::mutex> lock(mutex_);
    kept_.push_back(std::move(kept));
    if (kept_.size() > kMaxFindings) kept_.pop_front();
  }
  return absl::OkStatus();
}

std::string RecentFindings::ToJson(const FindingQuery& query) const {
  std::string json = "[";
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto it = kept_.rbegin(); it != kept_.rend(); ++it) {
    if (it->severity < query.min_severity) continue;
    if (!query.id.empty() && it->id != query.id) continue;
    if (json.size() > 1) json += ",\n";
    json += it->json;
  }
  return json + "]\n";
}

}  // namespace oddverb
